"""The image's commands in a fresh environment, and what they install in an empty folder, where
there is no clone."""

import json
import os
import re
import shutil
import subprocess
import sys
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
    "attribution": {"methods": ["saliency"], "similarities": ["cosine"]},
    "ensembles": {"sizes": [2], "rules": ["mean_probability"]},
    "charts": {"pixels_per_point": 1},
}


DOCKERFILE = re.sub(r"\\\n", "", (REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
IMAGE = re.findall(r"^([A-Z]+) (.*)$", DOCKERFILE, re.MULTILINE)  # its instructions, in their order
# Of another system, or of an index: here all packages are those of this environment, in versions of
# their own.
ELSEWHERE, CONSTRAINTS = ("apt-get", "useradd", "rm"), "-c envs/constraints.txt "


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The packages of a fresh environment in which the image's commands have run, each after those
    before it."""
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = folder.glob("venv/lib/*/site-packages")
    (site / "these.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("-packages"))
    )
    programs = folder / "venv/bin"
    for name in ELSEWHERE:
        (programs / name).symlink_to(shutil.which("true"))
    (programs / "pip").write_text(f'#!/bin/sh\nexec {programs}/python -m pip "$@"\n')
    (programs / "pip").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
    }
    place, given = folder, {}
    for instruction, rest in IMAGE:
        if instruction == "ARG":
            given |= [rest.split("=")]
        elif instruction == "WORKDIR":
            place = folder / rest.strip("/")
            place.mkdir(parents=True)
        elif instruction == "COPY":
            listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=REPOSITORY, text=True)
            for name in filter(None, listed.split("\0")):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(REPOSITORY / name, place / name)
        elif instruction == "RUN":
            assert CONSTRAINTS not in rest or (place / "envs/constraints.txt").is_file()
            command = ["bash", "-ec", rest.replace(CONSTRAINTS, "")]
            streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            done = subprocess.run(
                command, cwd=place, env=environment | given, check=False, **streams
            )
            assert done.returncode == 0, done.stdout
    return site


def test_the_image_is_pinned_and_its_last_user_is_not_root(site):
    instructions = dict(IMAGE)
    assert re.fullmatch(r"python:[\d.]+-bookworm@sha256:[0-9a-f]{64}", instructions["FROM"])
    assert instructions["FROM"] in (REPOSITORY / ".github/workflows/tests.yml").read_text(
        encoding="utf-8"
    )
    assert instructions["USER"] not in ("root", "0")
    (program,) = json.loads(instructions["ENTRYPOINT"])
    command = [site.parents[2] / "bin" / program, *json.loads(instructions["CMD"])]
    assert (
        "SUBCOMMAND" in subprocess.run(command, capture_output=True, check=True, text=True).stdout
    )


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_the_wheel_has_the_workflow_and_the_library_once(site):
    names = {path.relative_to(site).as_posix() for path in files_of(site)}
    scripts = {path.name for path in (REPOSITORY / "scripts").glob("*.py")}
    assert {f"resiliency/workflow/scripts/{name}" for name in scripts} <= names
    assert [name for name in names if name.endswith("/fingerprint.py")] == [
        "resiliency/study/fingerprint.py"
    ]


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
    assert "Nothing to be done" in resiliency(
        "run", *study, "--profile", "profiles/workstation", "--", "-n"
    )
    assert "export " in resiliency("export", *study, "--", "-n")
    assert (tmp_path / "results/tiny/report.html").is_file()
    for name in range(2):
        (tmp_path / f"photos/{name}").mkdir(parents=True)
        for index in range(40):
            Image.new("RGB", (40, 40), (index, 0, 200 * name)).save(
                tmp_path / f"photos/{name}/{index}.png"
            )
    assert "studies/photos.yaml: 6 members; about " in resiliency("begin", "photos")
    assert {path.name for path in tmp_path.iterdir()} == {
        ".snakemake",
        "photos",
        "results",
        "smaller.yaml",
        "studies",
    }
    assert files_of(site) == before
