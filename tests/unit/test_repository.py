"""The files around the library are in step with each other."""

import ast
import inspect
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from snakemake.api import Workflow
from snakemake.scheduling import job_scheduler

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
RULES = list((REPOSITORY / "rules").glob("*.smk"))


def test_conda_environment_has_the_dependencies_of_the_project():
    environment = yaml.safe_load((REPOSITORY / "envs/resiliency.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == PROJECT["dependencies"]
    assert f"python{PROJECT['requires-python']}" in environment["dependencies"]


def test_every_dependency_is_pinned_with_the_hashes_of_its_files():
    text = re.sub(r"^#.*\n|\\\n", "", (REPOSITORY / "envs/pinned.txt").read_text(), flags=re.MULTILINE)
    pinned = {line.partition("==")[0]: line for line in text.splitlines()}
    assert {distribution(dependency) for dependency in PROJECT["dependencies"]} <= pinned.keys()
    assert list(pinned) == sorted(pinned)
    for line in pinned.values():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line), line


def test_snakemake_has_the_internals_that_the_rules_use():
    """Nothing fails where a limit that the Snakefile lifts has another name, or a property became something else."""
    text = "".join(path.read_text() for path in [REPOSITORY / "Snakefile", *RULES])
    used = set(re.findall(r"\bworkflow\.(\w+)", text))
    assert "self.job_rate_limiter" in inspect.getsource(job_scheduler)
    assert [
        name for name in used if not hasattr(Workflow, name) and f"self.{name}" not in inspect.getsource(Workflow)
    ] == []
    assert not re.search(r"\b(workflow|rule|job)\._", text)


def distribution(requirement: str) -> str:
    """The name of a distribution, as packages are compared by."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def imported(path: Path) -> set[str]:
    """The packages that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names


@pytest.mark.parametrize(
    ("folder", "extras"), [("scripts", ("export",)), ("published", ()), ("tests", ("export", "test"))]
)
def test_every_package_that_is_imported_is_declared(folder, extras):
    """What comes with another package today may not do so tomorrow."""
    declared = {distribution(of) for of in PROJECT["dependencies"]}
    declared |= {distribution(of) for extra in extras for of in PROJECT["optional-dependencies"][extra]}
    ours = {"resiliency"} if folder == "scripts" else {"resiliency", "published"}
    if folder == "published":
        ours |= {path.stem for path in (REPOSITORY / "tests/benchmarks").glob("*.py")}
    if folder == "tests":
        ours |= {path.stem for path in (REPOSITORY / "tests").rglob("*.py")} | {"attacks"}
    offered, undeclared = packages_distributions(), set()
    for path in (REPOSITORY / folder).rglob("*.py"):
        for package in imported(path) - ours:
            if not (declared | {"resiliency"}) & set(map(distribution, offered.get(package, []))):
                undeclared.add(f"{path.relative_to(REPOSITORY)} imports {package}")
    assert sorted(undeclared) == []


def test_one_version_is_told_and_no_result_depends_on_it():
    """Code that named it would have another fingerprint with every release, and make all results stale."""
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    latest = re.search(r"^## (\S+) - (\S+)$", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert latest.groups() == (citation["version"], str(citation["date-released"]))
    assert citation["version"] == PROJECT["version"]
    for path in [*(REPOSITORY / "scripts").rglob("*.py"), *(REPOSITORY / "rules").glob("*.smk")]:
        assert PROJECT["version"] not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_rules_have_logs_resources_and_the_fingerprint_of_their_script(path):
    for rule in re.split(r"^\s*rule ", path.read_text(), flags=re.MULTILINE)[1:]:
        name = rule.partition(":")[0]
        own = rule.split("use rule")[0]
        if "script:" not in own:  # it only waits for others
            continue
        for part in ("log:", "threads: ", "**needing(", "conda:", f'code("{name}"', f"/{name}.py"):
            assert part in own, f"{name} lacks {part}"


def test_every_script_belongs_to_a_rule():
    rules = "".join(path.read_text() for path in RULES)
    scripts = [path.name for path in (REPOSITORY / "scripts").glob("*.py")]
    assert [name for name in scripts if f"/{name}" not in rules] == []
