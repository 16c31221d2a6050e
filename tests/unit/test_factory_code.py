"""The code of a factory counts with the modules that it imports, or with the installed package that holds it."""

import pytest

from resiliency.study.fingerprint import _installed, factory_code, unfollowed_code

NETWORKS = {
    "nets.py": "from own import parts\ndef small():\n    return parts.make()\n",
    "own/__init__.py": "",
    "own/parts.py": "from . import sizes\nfrom .deep.more import count\ndef make():\n    return sizes.WIDTH\n",
    "own/sizes.py": "WIDTH = 8\n",
    "own/deep/more.py": "from .. import other\ncount = 1\n",
    "own/other.py": "x = 1\n",
    "unused.py": "x = 1\n",
    "broken.py": "def (",
}


@pytest.fixture
def code_with(tmp_path):
    """The code of a factory with some files changed, each time in a fresh working folder."""
    copies = iter(range(100))

    def of(factory: str = "nets:small", **changes: str) -> str:
        folder = tmp_path / str(next(copies))
        for name, text in (NETWORKS | changes).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return factory_code(factory, folder)

    return of


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("unused.py", "broken.py")])
def test_the_modules_that_a_factory_imports_count(code_with, name):
    before = code_with()
    assert code_with(**{name: NETWORKS[name] + "EDITED = 1\n"}) != before
    assert code_with(**{name: NETWORKS[name] + "# why\n", "unused.py": "x = 2\n"}) == before


@pytest.mark.parametrize(
    "text",
    [
        "from importlib import import_module as load\ndef make():\n    return load('own.parts').make()\n",
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
        assert code_with("own.nets:small", **deep, **{name: NETWORKS[name] + "EDITED = 1\n"}) != before


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("import importlib\nname = 'own.parts'\nparts = importlib.import_module(name)\n", ["importlib.import_module"]),
        ("from runpy import run_path\nrun_path('own/parts.py')\n", ["runpy.run_path"]),
        ("parts = __import__('own.' + 'parts')\nexec(parts)\n", ["__import__", "exec"]),
        ("import torch\ndef make():\n    return torch.hub.load('own', 'parts', source='local')\n", ["torch.hub.load"]),
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
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import torch\n")
    (package / "deep.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(package.parent)
    before = code_with("nets_of_others.deep:f")
    assert code_with("nets_of_others.deep:f") == before != ""
    _installed.cache_clear()
    (package / "more.py").write_text("x = 1\n")
    assert code_with("nets_of_others.deep:f") != before
