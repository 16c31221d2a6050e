"""The fingerprint of a script changes with the syntax of the modules that it imports, and with
nothing else.

So does that of a factory, with the modules that it imports, or with the installed package that
holds it. In the cases 1000 becomes 2000 in one place of a small package, whose script calls `work`
of `a.py`.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from edits import forget

from resiliency.study.fingerprint import (
    _installed,
    factory_code,
    fingerprint,
    modules_of,
    unfollowed_code,
)

SCRIPTS = Path(__file__).parents[2] / "scripts"
LIBRARY = SCRIPTS / "resiliency"
FILES = {
    "script.py": '"""Does it."""\n\nfrom resiliency.a import work\n\nprint(work(1))\n',
    "resiliency/__init__.py": '"""A package."""\n\nVERSION = 1\n',
    "resiliency/a.py": '"""A."""\nfrom resiliency.deep import b\ndef work(x):\n    """B."""\n    '
    "return b.more(x)\n",
    "resiliency/deep/__init__.py": "",
    "resiliency/deep/b.py": "def more(x):\n    return x + 1\n",
    "resiliency/unused.py": "x = 1\n",
}


def put(root: Path, files: dict[str, str]) -> Path:
    """Write files into a folder; the path that a script there has."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "script.py"


@pytest.mark.parametrize(
    "damage", [lambda kept: kept, lambda kept: kept[:-1], lambda kept: b"", lambda kept: b"x\ny\nz"]
)
def test_what_is_kept_of_a_module_is_used_only_if_it_is_that_of_the_source(tmp_path, damage):
    script, edited = put(tmp_path, FILES), tmp_path / "resiliency/deep/b.py"
    before = fingerprint(script)
    files = sorted(tmp_path.rglob("*.imports"))
    assert len(files) == len(FILES) - 1  # all but that of the module that is not imported
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    forget()
    assert fingerprint(script) == before
    edited.write_text(FILES["resiliency/deep/b.py"].replace("1", "2"))
    forget()
    assert fingerprint(script) != before


def test_modules_loaded_by_name_count_with_what_they_import(tmp_path):
    importing = {
        "resiliency/unused.py": "from resiliency import helper\n",
        "resiliency/helper.py": "x = 1\n",
    }
    cases = [
        {},
        {"resiliency/unused.py": "x = 1  # why\n"},
        importing,
        importing | {"resiliency/helper.py": "x = 2\n"},
    ]
    scripts = [put(tmp_path / str(number), FILES | changes) for number, changes in enumerate(cases)]
    before, commented, *others = (
        fingerprint(one, one.with_name("resiliency") / "unused.py") for one in scripts
    )
    assert before == commented
    assert len({fingerprint(scripts[0]), before, *others}) == 4


def test_of_the_packages_beside_an_installed_workflow_this_one_alone_counts(tmp_path):
    job = "resiliency/workflow/scripts/job.py"
    files = {
        job: "import other\nfrom resiliency.a import work\nwork(other.x)\n",
        "other.py": "x = 1\n",
    }
    changes = [
        {},
        {"other.py": "x = 2\n"},
        {"resiliency/deep/b.py": "def more(x):\n    return x + 2\n"},
    ]
    scripts = [
        put(tmp_path / str(number), FILES | files | change) for number, change in enumerate(changes)
    ]
    before, beside, own = (
        fingerprint(script.parent / job, root=script.parent) for script in scripts
    )
    assert before == beside != own


# Scripts of the jobs that take most of the time, and what may change without them.
LONG = {"train", "train_jointly", "train_supernet", "search", "predict", "attribute", "corrupt"}
LATER = ("resiliency/analysis/", "resiliency/report/", "resiliency/export/")


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_no_script_depends_on_the_study_and_few_on_analyses_and_the_report(script):
    """Charts and the report; and the card of an exported ensemble, which uses the report's
    words."""
    modules = modules_of(SCRIPTS / f"{script}.py").keys()
    assert {f"{script}.py", "resiliency/study/stage.py"} <= modules
    assert "resiliency/study/model.py" not in modules
    reports = [name for name in modules if name.startswith("resiliency/report/")]
    assert bool(reports) == (script in ("charts", "report", "write_export"))
    assert script not in LONG or [name for name in modules if name.startswith(LATER)] == []


def test_packages_of_the_library_import_one_way():
    """None imports another that imports it, perhaps by way of others."""
    packages = {path.parent.name: path.parent for path in LIBRARY.glob("*/__init__.py")}
    imports = {name: set() for name in packages}
    for name, folder in packages.items():
        for node in (
            node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))
        ):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == LIBRARY.name:
                named = node.module.split(".")[1:2] or [alias.name for alias in node.names]
                imports[name] |= {*named} & {*packages} - {name}
    assert {*TopologicalSorter(imports).static_order()} == {*packages}


NETWORKS = {
    "nets.py": "from own import parts\ndef small():\n    return parts.make()\n",
    "own/__init__.py": "",
    "own/parts.py": "from . import sizes\nfrom .deep.more import count\ndef make():\n    return "
    "sizes.WIDTH\n",
    "own/sizes.py": "WIDTH = 8\n",
    "own/deep/more.py": "from .. import other\ncount = 1\n",
    "own/other.py": "x = 1\n",
    "unused.py": "x = 1\n",
    "broken.py": "def (",
}


@pytest.fixture
def code_with(tmp_path_factory):
    """The code of a factory with some files changed, each time in a fresh working folder."""

    def of(factory: str = "nets:small", **changes: str) -> str:
        return factory_code(
            factory, put(tmp_path_factory.mktemp("code"), NETWORKS | changes).parent
        )

    return of


@pytest.mark.parametrize(
    "name", [name for name in NETWORKS if name not in ("unused.py", "broken.py")]
)
def test_the_modules_that_a_factory_imports_count(code_with, name):
    before = code_with()
    assert code_with(**{name: NETWORKS[name] + "EDITED = 1\n"}) != before
    assert code_with(**{name: NETWORKS[name] + "# why\n", "unused.py": "x = 2\n"}) == before


@pytest.mark.parametrize(
    "text",
    [
        "from importlib import import_module as load\ndef make():\n    return "
        "load('own.parts').make()\n",
        "parts = __import__('own.parts')\n",
        "import runpy\nparts = runpy.run_module('own.parts')\n",
        "import importlib\nparts = importlib.import_module('.parts', package=__package__)\n",
        "import importlib\nparts = importlib.import_module('..parts', package='own.deep')\n",
    ],
)
def test_modules_that_are_imported_by_a_call_count(code_with, text):
    deep = {"own/nets.py": text}
    before = code_with("own.nets:small", **deep)
    for name in ("own/parts.py", "own/sizes.py", "own/other.py"):
        assert (
            code_with("own.nets:small", **deep, **{name: NETWORKS[name] + "EDITED = 1\n"}) != before
        )


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (
            "import importlib\nname = 'own.parts'\nparts = importlib.import_module(name)\n",
            ["importlib.import_module"],
        ),
        ("from runpy import run_path\nrun_path('own/parts.py')\n", ["runpy.run_path"]),
        ("parts = __import__('own.' + 'parts')\nexec(parts)\n", ["__import__", "exec"]),
        (
            "import torch\ndef make():\n    return torch.hub.load('own', 'parts', "
            "source='local')\n",
            ["torch.hub.load"],
        ),
        ("exec('WIDTH = 8')\n", []),
        ("class Net:\n    def exec(self):\n        self.exec(1)\n", []),
        ("from importlib import import_module\nimport_module('own.parts')\n", []),
    ],
)
def test_code_that_cannot_be_followed_is_told(tmp_path, text, calls):
    (tmp_path / "nets.py").write_text("import inner\n")
    (tmp_path / "inner.py").write_text(text)
    assert unfollowed_code("nets:small", tmp_path) == [f"inner.py: {call}" for call in calls]


def test_a_factory_that_cannot_be_parsed_counts_and_one_that_is_nowhere_has_no_code(code_with):
    assert code_with("broken:f") != code_with("broken:f", **{"broken.py": "def (" * 2}) != ""
    assert code_with("nowhere_to_be_found.deep:f") == ""


def test_the_package_of_a_factory_that_is_installed_counts(code_with, tmp_path, monkeypatch):
    package = tmp_path / "site-packages/nets_of_others"
    put(package, {"__init__.py": "import torch\n", "deep.py": "x = 1\n"})
    monkeypatch.syspath_prepend(package.parent)
    before = code_with("nets_of_others.deep:f")
    assert code_with("nets_of_others.deep:f") == before != ""
    _installed.cache_clear()
    (package / "more.py").write_text("x = 1\n")
    assert code_with("nets_of_others.deep:f") != before


WORK, MORE = "def work():\n    return 1\n", "def more():\n    return 1000\n"


def returning(value: str, before: str = "", **others: str) -> dict[str, str]:
    """A module whose `work` returns a value, after what stands before it, and others by their
    names."""
    texts = others | {"a": f"{before}def work():\n    return {value}\n"}
    return {f"{name}.py": text for name, text in texts.items()}


def beside(imports: str, value: str, other: str = "b.py") -> dict[str, str]:
    """A module that imports and returns a value, and another with a function `more`."""
    return returning(value, imports) | {other: MORE}


KEY = (
    "from pydantic import Field\nx: int = Field({}, description='{}')\ndef work():\n    return x\n"
)
IMPORT_MODULE = "from importlib import import_module\n"
TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
CHANGED = {
    "a number in the script": {
        "../script.py": "from resiliency.a import work\nwork(1000)\n",
        "a.py": WORK,
    },
    "a text that is no docstring": {"a.py": "def work():\n    'text'\n    '1000'\n"},
    "the default of a key": {"a.py": KEY.format(1000, "a number")},
    "a function beside": {"a.py": WORK + MORE},
    "a function of another module": beside("from resiliency import b\n", "b.more()"),
    "a function of a renamed module": beside(
        "import resiliency.deep.b as other\n", "other.more()", "deep/b.py"
    ),
    "a module that is imported inside of a function": {
        "a.py": "def work():\n    import resiliency.b\n",
        "b.py": "print(1000)\n",
    },
    "a relative module": beside("from . import b\n", "b.more()"),
    "a name of a relative module": beside("from .b import more\n", "more()"),
    "the package of a module": {
        "a.py": "from resiliency.deep.b import more as work\n",
        "deep/__init__.py": "print(1000)\n",
        "deep/b.py": WORK.replace("work", "more"),
    },
    "the outermost package": {"a.py": WORK, "__init__.py": "X = 1000\n"},
    "a function behind another name of a package": {
        "a.py": "from resiliency.deep import work\n",
        "deep/__init__.py": "from resiliency.deep.b import more as work\n",
        "deep/b.py": MORE,
    },
    "what is imported if it is not for types": {
        "a.py": f"{TYPING}    import os\nelse:\n    import resiliency.b\n{WORK}",
        "b.py": MORE,
    },
    "any name of a module whose names are all imported": beside(
        "from resiliency.b import *\n", "more()"
    ),
    "a module by a text": beside(IMPORT_MODULE, "import_module('resiliency.b').more()"),
    "a module by another name of the function": beside(
        "from importlib import import_module as load\n", "load('resiliency.b').more()"
    ),
    "a module beside this one": beside(IMPORT_MODULE, "import_module('.b', __package__)"),
    "a module by its name in a table": beside(
        f"{IMPORT_MODULE}LATE = {{'more': 'resiliency.b'}}\n", "import_module(LATE['more']).more()"
    ),
    "a module that a package finds when asked": {
        "a.py": "from resiliency.deep import more as work\n",
        "deep/__init__.py": f"{IMPORT_MODULE}LATE = {{'more': 'resiliency.deep.b'}}\n"
        "def __getattr__(name):\n    return getattr(import_module(LATE[name]), name)\n",
        "deep/b.py": MORE,
    },
}
SAME = {
    "the description of a key": {"a.py": KEY.format(1, 1000)},
    "a comment": {"a.py": f"# 1000\n{WORK}"},
    "the docstring of a module": {"a.py": f"'1000'\n{WORK}"},
    "the docstring of a method": {"a.py": f"class A:\n    def f(self):\n        '1000'\n{WORK}"},
    "a module that is imported for types": {
        "a.py": f"{TYPING}    from resiliency.b import more\n{WORK}",
        "b.py": MORE,
    },
    "a module that is not imported": {"a.py": WORK, "b.py": MORE},
}


@pytest.fixture
def fingerprint_of(tmp_path_factory):
    """The fingerprint of the script of a package of these files, each time in a fresh folder."""

    def of(files: dict[str, str], number: int = 1000) -> str:
        written = {
            "resiliency/__init__.py": "",
            "script.py": "from resiliency.a import work\nwork()\n",
        }
        written |= {
            f"resiliency/{name}": text.replace("1000", str(number)) for name, text in files.items()
        }
        return fingerprint(put(tmp_path_factory.mktemp("package"), written))

    return of


@pytest.mark.parametrize("case", CHANGED)
def test_what_a_script_imports_counts(fingerprint_of, case):
    assert "".join(CHANGED[case].values()).count("1000") == 1
    assert fingerprint_of(CHANGED[case]) != fingerprint_of(CHANGED[case], 2000)


@pytest.mark.parametrize("case", SAME)
def test_what_a_script_does_not_import_does_not_count(fingerprint_of, case):
    assert "".join(SAME[case].values()).count("1000") == 1
    assert fingerprint_of(SAME[case]) == fingerprint_of(SAME[case], 2000)


def test_modules_that_are_added_or_deleted_count(fingerprint_of):
    files = beside("try:\n    import resiliency.b\nexcept ImportError:\n    pass\n", "1")
    assert fingerprint_of(files) != fingerprint_of({"a.py": files["a.py"]})
