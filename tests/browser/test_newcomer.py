"""The way of a newcomer: a clone, the tutorial with photos of one's own, the report in a browser, a figure."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from opened import DESKTOP, Opened

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).parents[2]
CLASSES, PHOTOS = 3, 60
# Less than the tutorial has, so that the test does not take minutes.
SHORTER = {"epochs: 20": "epochs: 3", "seeds: 2": "seeds: 1", "image_size: 64": "image_size: 32"}
SHORTER |= {"probe: {images: 30}": "probe: {images: 12}"}
FEWER = "corruptions: {names: [gaussian_noise, fog, contrast], severities: [1, 5]}\nstatistics: {resamples: 200}\n"
DESIGNS = ("resnet18", "densenet_s", "mobilenetv3")


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code in a page of docs/."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


class Clone:
    """A fresh clone of the repository, in which a reader runs commands; jobs are forks, else they take minutes."""

    def __init__(self, folder: Path, forked_programs: Callable[[dict[str, str]], dict[str, str]]):
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
        programs = str(Path(sys.executable).parent)
        path = {"PATH": os.pathsep.join([programs, os.environ["PATH"]]), "PYTHONPATH": str(folder / "scripts")}
        self.environment = forked_programs(os.environ | path)

    def run(self, *command: str) -> str:
        """What a command prints; it must not fail."""
        run = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout
        return run.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory, forked_programs):
    """The clone after the tutorial: photos cut, study written, dry run, run; what these printed is in `output`."""
    clone = Clone(tmp_path_factory.mktemp("newcomer") / "resiliency", forked_programs)
    cut = blocks("photos.md", "python")[0]
    fewer = cut.replace('    "coffee": data.coffee(),\n', "").replace("range(80)", f"range({PHOTOS})")
    clone.run(sys.executable, "-c", fewer)
    study = blocks("photos.md", "yaml")[0]
    for long, short in SHORTER.items():
        assert long in study
        study = study.replace(long, short)
    (clone.folder / "studies/photos.yaml").write_text(study + FEWER)
    commands = [line for block in blocks("photos.md", "sh") for line in block.splitlines()]
    clone.output = [clone.run("bash", "-c", command) for command in commands]
    return clone


def test_the_commands_lead_to_a_report(clone):
    planned, finished, members = clone.output
    assert re.search(r"^train +3$", planned, re.MULTILINE)
    assert "Reasons:" in planned
    assert len(planned.splitlines()) < 60
    assert len(finished.splitlines()) < 120
    assert finished.splitlines()[-1].endswith("results/photos/report.html")
    assert re.findall(r"^\d+ +(\S+) .*few test images$", members, re.MULTILINE) == [f"{name}-s0" for name in DESIGNS]


def test_the_photos_are_those_of_the_folder(clone):
    card = json.loads((clone.folder / "results/photos/data/card.json").read_text())
    assert card["classes"] == ["cat", "flower", "temple"]
    assert sum(split["images"] for split in card["splits"].values()) == CLASSES * PHOTOS


def test_the_report_opens_without_a_fault(clone, browser):
    path = clone.folder / "results/photos/report.html"
    opened = Opened(browser, path, viewport=DESKTOP).draw()
    assert opened.faults == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
    assert "photos" in opened.page.title()
    assert Axe().run(opened.page).violations_count == 0
