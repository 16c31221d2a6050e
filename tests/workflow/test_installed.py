"""The wheel alone: its commands in an empty folder, where there is no clone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import forking
import pytest
import yaml
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
SMALLER = {
    "corruptions": {"names": ["contrast"], "severities": [1]},
    "members": {"seeds": 1},
    "training": {"epochs": 1},
    "joint": None,
    "search": None,
    "ensembles": {"sizes": [2]},
    "charts": {"pixels_per_point": 1},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which the wheel is unpacked, as pip does."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site-packages")
    return folder / "site-packages"


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_wheel_has_the_workflow_and_the_library_once(site):
    names = {path.relative_to(site).as_posix() for path in files_of(site)}
    scripts = {path.name for path in (REPOSITORY / "scripts").glob("*.py")}
    assert {f"resiliency/workflow/scripts/{name}" for name in scripts} <= names
    assert [name for name in names if name.endswith("/fingerprint.py")] == ["resiliency/study/fingerprint.py"]


def test_commands_run_a_study_from_an_empty_folder(site, tmp_path, forked_programs):
    (tmp_path / "smaller.yaml").write_text(yaml.safe_dump(SMALLER))
    environment = forked_programs(os.environ | {"PYTHONPATH": str(site)})
    before = files_of(site)

    def resiliency(*words: str) -> str:
        command = [forking.__file__, "-m", "resiliency", *words]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, **streams)
        assert done.returncode == 0, done.stdout
        return done.stdout

    study = ("studies/tiny.yaml", "smaller.yaml")
    assert "2 independent members; about " in resiliency("check", *study)
    assert resiliency("run", *study).splitlines()[-1].endswith("Report: results/tiny/report.html")
    assert "Nothing to be done" in resiliency("run", *study, "--profile", "profiles/workstation", "--", "-n")
    assert "export " in resiliency("export", *study, "--", "-n")
    assert (tmp_path / "results/tiny/report.html").is_file()
    for name in range(2):
        (tmp_path / f"photos/{name}").mkdir(parents=True)
        for index in range(40):
            Image.new("RGB", (40, 40), (index, 0, 200 * name)).save(tmp_path / f"photos/{name}/{index}.png")
    assert "studies/photos.yaml: 6 members; about " in resiliency("begin", "photos")
    assert {path.name for path in tmp_path.iterdir()} == {".snakemake", "photos", "results", "smaller.yaml", "studies"}
    assert files_of(site) == before
