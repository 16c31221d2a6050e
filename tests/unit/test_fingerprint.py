"""The fingerprint of a script changes with the code that it depends on, and with nothing else."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from edits import forget

from resiliency.study.fingerprint import _Reached, fingerprint

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIBRARY = SCRIPTS / "resiliency"
FILES = {
    "script.py": '"""Does it."""\n\nfrom resiliency.a import work\n\nprint(work(1))\n',
    "resiliency/__init__.py": '"""A package."""\n\nVERSION = 1\n',
    "resiliency/a.py": '"""A."""\nfrom resiliency.deep import b\ndef work(x):\n    """B."""\n    return b.more(x)\n',
    "resiliency/deep/__init__.py": "",
    "resiliency/deep/b.py": "def more(x):\n    return x + 1\n",
    "resiliency/unused.py": "x = 1\n",
}


def written(root: Path, changes: dict[str, str]) -> Path:
    """The script, in a new folder with these files changed."""
    for name, text in (FILES | changes).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "script.py"


def test_the_description_of_a_key_is_documentation(tmp_path):
    key = "from pydantic import Field\nx: int = Field({}, description={!r})\ndef more(x):\n    return x + 1\n"
    first, reworded, other = (
        fingerprint(written(tmp_path / f"{values}", {"resiliency/deep/b.py": key.format(*values)}))
        for values in ((1, "a number"), (1, "number of things"), (2, "a number"))
    )
    assert first == reworded != other


@pytest.mark.parametrize(
    "damage", [lambda kept: kept, lambda kept: kept[:-1], lambda kept: b"", lambda kept: b"x\ny\nz"]
)
def test_kept_definitions_is_used_only_if_it_is_that_of_the_source(tmp_path, damage):
    script, edited = written(tmp_path, {}), tmp_path / "resiliency/deep/b.py"
    before = fingerprint(script)
    files = sorted(tmp_path.rglob("*.names"))
    assert len(files) == len(FILES) - 1  # all but that of the module that is not imported
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    forget()
    assert fingerprint(script) == before
    edited.write_text(FILES["resiliency/deep/b.py"].replace("1", "2"))
    forget()
    assert fingerprint(script) != before


def test_modules_loaded_by_name_count_with_what_they_import(tmp_path):
    importing = {"resiliency/unused.py": "from resiliency import helper\n", "resiliency/helper.py": "x = 1\n"}
    cases = [{}, {"resiliency/unused.py": "x = 1  # why\n"}, importing, importing | {"resiliency/helper.py": "x = 2\n"}]
    scripts = [written(tmp_path / str(number), changes) for number, changes in enumerate(cases)]
    before, commented, *others = (fingerprint(one, one.with_name("resiliency") / "unused.py") for one in scripts)
    assert before == commented
    assert len({fingerprint(scripts[0]), before, *others}) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("script.py", "from resiliency.a import work\nprint(work(2))\n"),
        ("resiliency/deep/b.py", "def more(x):\n    'text'\n    'kept'\n    return x + 1\n"),
    ],
)
def test_code_counts_wherever_it_is(tmp_path, name, text):
    assert fingerprint(written(tmp_path / "other", {name: text})) != fingerprint(written(tmp_path / "own", {}))


def reached(script: str) -> set[str]:
    """Modules of the library that a script of the pipeline depends on."""
    return {line.split()[0] for line in _Reached([script], str(SCRIPTS)).counted().decode().splitlines()}


def test_no_class_makes_all_modules_of_a_script_count():
    """Those of another package that may hear of their subclasses would: see `QUIET`."""
    entered = {
        one.name: one for path in SCRIPTS.glob("*.py") for one in _Reached([path.stem], str(SCRIPTS)).entered.values()
    }
    assert [name for name, loaded in entered.items() if loaded.module.hooks] == []


# Scripts of the jobs that take most of the time, and what may change without them.
LONG = {"train", "train_jointly", "train_supernet", "search", "predict", "attribute", "corrupt"}
LATER = ("resiliency/analysis/", "resiliency/report/", "resiliency/export/")


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_no_script_depends_on_the_study_and_few_on_analyses_and_the_report(script):
    """Charts and the report; and the card of an exported ensemble, which uses the report's words."""
    modules = reached(script)
    assert {f"{script}.py", "resiliency/devices/stage.py"} <= modules
    assert "resiliency/study/model.py" not in modules
    assert any(name.startswith("resiliency/report/") for name in modules) == (script in ("charts", "report", "export"))
    assert script not in LONG or [name for name in modules if name.startswith(LATER)] == []


def test_packages_of_the_library_import_one_way():
    """None imports another that imports it, perhaps by way of others."""
    packages = {path.parent.name: path.parent for path in LIBRARY.glob("*/__init__.py")}
    imports = {name: set() for name in packages}
    for name, folder in packages.items():
        for node in (node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == LIBRARY.name:
                named = node.module.split(".")[1:2] or [alias.name for alias in node.names]
                imports[name] |= {*named} & {*packages} - {name}
    assert {*TopologicalSorter(imports).static_order()} == {*packages}
