"""The files around the library are in step with each other."""

import re
import runpy
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
TEXT = "".join(path.read_text() for path in (REPOSITORY / "rules").glob("*.smk"))
OWN = {
    rule.partition(":")[0]: rule.split("use rule")[0]
    for rule in re.split(r"^\s*(?:rule|checkpoint) ", TEXT, flags=re.MULTILINE)[1:]
}
DERIVED = {new: old for old, new in re.findall(r"use rule (\w+) as (\w+) with", TEXT)}
WORKFLOWS = sorted(REPOSITORY.glob(".github/workflows/*.yml"))
LOCAL = {name for name, text in OWN.items() if "script:" not in text}  # they only wait for others
PROFILES = {
    path.parent.name: yaml.safe_load(path.read_text())
    for path in REPOSITORY.glob("profiles/*/config.yaml")
}
WITH_GPU = {name for name in [*OWN, *DERIVED] if "gpu=1" in OWN[DERIVED.get(name, name)]}
LARGE = {
    "dataset",
    "units",
    "score_members",
    "pairwise_diversity",
    "score_ensembles",
    "choose_ensembles",
}
LARGE |= {"assess_ensembles", "leave_out_images", "choose_members", "write_export"}


def test_conda_environment_has_the_dependencies_of_the_project():
    environment = yaml.safe_load((REPOSITORY / "envs/resiliency.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == PROJECT["dependencies"]
    assert f"python{PROJECT['requires-python']}" in environment["dependencies"]


def test_every_dependency_is_pinned_with_the_hashes_of_its_files():
    text = re.sub(
        r"^#.*\n|\\\n", "", (REPOSITORY / "envs/pinned.txt").read_text(), flags=re.MULTILINE
    )
    pinned = {line.partition("==")[0]: line for line in text.splitlines()}
    names = {
        re.match(r"[\w.-]+", dependency)[0].lower().replace("_", "-")
        for dependency in PROJECT["dependencies"]
    }
    assert names <= pinned.keys()
    assert list(pinned) == sorted(pinned)
    for line in pinned.values():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line), line


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_constraints_are_the_pins_and_within_the_bounds_of_the_project(python):
    read = {
        path: (REPOSITORY / f"envs/{path}.txt").read_text() for path in ("pinned", "constraints")
    }
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
    }
    lines = map(Requirement, re.findall(r"^[a-z].*", read["constraints"], re.MULTILINE))
    versions = {
        line.name: line.specifier
        for line in lines
        if not line.marker or line.marker.evaluate(environment)
    }
    assert {*re.findall(r"^[\w-]+==[\w.]+", read["pinned"], re.MULTILINE)} <= {
        f"{a}{b}" for a, b in versions.items()
    }
    wanted = [
        *PROJECT["dependencies"],
        *chain.from_iterable(PROJECT["optional-dependencies"].values()),
    ]
    for bound in map(Requirement, wanted):
        if bound.name != PROJECT["name"]:
            (version,) = versions[bound.name]
            assert version.operator == "=="
            assert bound.specifier.contains(version.version), bound


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_nothing_of_a_version_that_another_can_replace(path):
    """Tokens to publish go only to jobs without commands of their own. `.ci/run` tests the newest
    versions."""
    workflow = yaml.safe_load(path.read_text())
    for job in workflow["jobs"].values():
        actions = [step["uses"] for step in job["steps"] if "uses" in step]
        commands = [step["run"] for step in job["steps"] if "run" in step]
        images = [job["container"]["image"]] if "container" in job else []
        assert all(re.search("@[0-9a-f]{40}$", action) for action in actions)
        assert all(re.search("@sha256:[0-9a-f]{64}$", image) for image in images)
        for command in commands:
            assert "pip install" not in command or re.search(
                "==|-c envs/constraints|--resolution lowest", command
            )
        assert (
            not commands
            or "write" not in (workflow["permissions"] | job.get("permissions", {})).values()
        )


def test_the_oldest_versions_and_the_constraints_run_the_tiny_study_each_week():
    workflow = yaml.safe_load((REPOSITORY / ".github/workflows/versions.yml").read_text())
    # YAML 1.1 reads `on` as true.
    assert re.fullmatch(r"\d+ \d+ \* \* \d", workflow[True]["schedule"][0]["cron"])
    for job, installed in (
        ("lowest", "--resolution lowest-direct"),
        ("constraints", "-e . -c envs/constraints.txt"),
    ):
        commands = "\n".join(step.get("run", "") for step in workflow["jobs"][job]["steps"])
        assert installed in commands
        assert commands.endswith("snakemake --cores all --configfile studies/tiny.yaml")


def test_one_version_is_told_and_no_result_depends_on_it():
    """Code that named it would have another fingerprint with every release, and make all results
    stale."""
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    latest = re.search(
        r"^## (\S+) - (\S+)$",
        (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert latest.groups() == (citation["version"], str(citation["date-released"]))
    assert citation["version"] == PROJECT["version"]
    for path in [*(REPOSITORY / "scripts").rglob("*.py"), *(REPOSITORY / "rules").glob("*.smk")]:
        assert PROJECT["version"] not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("name", OWN)
def test_rules_have_logs_resources_and_the_fingerprint_of_their_script(name):
    for part in ("log:", "**needing(", "conda:", f'code("{name}"', f"/{name}.py"):
        assert part in OWN[name].replace("code(\n            ", "code(") or name in LOCAL, (
            f"{name} lacks {part}"
        )


def test_every_script_belongs_to_a_rule():
    scripts = [path.name for path in (REPOSITORY / "scripts").glob("*.py")]
    assert [name for name in scripts if f"/{name}" not in TEXT] == []


def test_jobs_with_a_gpu_and_no_others_go_to_its_partition():
    set_resources = PROFILES["slurm"]["set-resources"]
    assert set(set_resources) == WITH_GPU
    assert len({str(resources) for resources in set_resources.values()}) == 1


def test_every_short_cpu_stage_shares_a_submission():
    assert set(PROFILES["slurm"]["groups"]) == {*OWN, *DERIVED} - WITH_GPU - LARGE - LOCAL


def test_profiles_leave_out_the_trigger_that_fingerprints_replace():
    assert "code" not in PROFILES["default"]["rerun-triggers"]
    assert not any(
        "rerun-triggers" in profile for name, profile in PROFILES.items() if name != "default"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", sorted(REPOSITORY.glob("tests/benchmarks/**/*.py")), ids=lambda path: path.stem
)
def test_benchmarks_import_what_is_there(program):
    """Nothing runs them but people."""
    runpy.run_path(str(program))
