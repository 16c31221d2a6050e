"""A fingerprint contains what a script can reach by names, and no other definition of the modules that it imports.

In each case 1000 becomes 2000 in one place of a small package, whose script calls `work` of `a.py`.
"""

import pytest

from resiliency.study.fingerprint import fingerprint

WORK = "def work():\n    return 1\n"
REGISTRY = "KNOWN = {}\ndef register(function):\n    KNOWN[function.__name__] = function\n    return function\n"
REGISTERED = {"a.py": f"import resiliency.c\nfrom resiliency.b import KNOWN\n{WORK}", "b.py": REGISTRY}


def beside(imports: str, value: str, other: str = "b.py") -> dict[str, str]:
    """A module that imports and returns a value, and another with a function `more`."""
    return {"a.py": f"{imports}def work():\n    return {value}\n", other: "def more():\n    return 1000\n"}


def registered(text: str) -> dict[str, str]:
    """Modules of a registry, and one that imports its function `register`."""
    return REGISTERED | {"c.py": f"from resiliency.b import register\n{text}"}


CHANGED = {
    "a function that a function calls": {"a.py": "def work():\n    return more()\ndef more():\n    return 1000\n"},
    "a function of another module": beside("from resiliency import b\n", "b.more()"),
    "a function of a module under another name": beside(
        "import resiliency.deep.b as other\n", "other.more()", "deep/b.py"
    ),
    "what runs in a module that is imported by a function": {
        "a.py": "def work():\n    import resiliency.b\n",
        "b.py": "print(1000)\n",
    },
    "a constant of a constant": {"a.py": "X = 1000\nY = [X]\ndef work():\n    return Y\n"},
    "one of several constants of a statement": {"a.py": "X, Y = 1, 1000\ndef work():\n    return X\n"},
    "an item that is added to a constant": {"a.py": "X = [1]\nX += [1000]\ndef work():\n    return X\n"},
    "what another constant was before": {"a.py": "X = 1000\nY = X\nX = 2\ndef work():\n    return Y\n"},
    "a type in the text of an annotation": {
        "a.py": "class A:\n    x: int = 1000\nclass B:\n    x: 'list[A]'\ndef work():\n    return B\n"
    },
    "a function behind another name of a package": {
        "a.py": "from resiliency.deep import work\n",
        "deep/__init__.py": "from resiliency.deep.b import more as work\n",
        "deep/b.py": "def more():\n    return 1000\n",
    },
    "a function that a decorator registers": registered("@register\ndef fog():\n    return 1000\n"),
    "the module of a function that is registered": registered("X = 1000\n@register\ndef fog():\n    return 1\n"),
    "a function that a call registers": registered("def fog():\n    return 1000\nregister(fog)\n"),
    "a function that a default registers": registered(
        "def f():\n    return 1000\ndef other(x=register(f)):\n    pass\n"
    ),
    "a function that the body of a class registers": {
        **REGISTERED,
        "c.py": "from resiliency.b import KNOWN\ndef fog():\n    return 1000\nclass A:\n    KNOWN['fog'] = fog\n",
    },
    "a list of a second name that is added to": {
        "a.py": "import resiliency.c\nfrom resiliency.b import ALL\ndef work():\n    return ALL\n",
        "b.py": "ALL = []\n",
        "c.py": "from resiliency import b\nOWN = []\nOWN = b.ALL\nOWN += [1000]\n",
    },
    "a class that is derived from one that hears of it": {
        "a.py": "import resiliency.c\nfrom resiliency.b import A\ndef work():\n    return A.known\n",
        "b.py": "class A:\n    known = []\n    def __init_subclass__(cls):\n        A.known.append(cls)\n",
        "c.py": "from resiliency.b import A\nclass B(A):\n    X = 1000\n",
    },
    "a class that is derived from one of an unknown package": {
        "a.py": "import resiliency.c\nfrom resiliency.b import A\ndef work():\n    return A.known\n",
        "b.py": "from elsewhere import Model\nclass A(Model):\n    pass\n",
        "c.py": "from resiliency.b import A\nclass B(A):\n    X = 1000\n",
    },
    "a condition": {"a.py": "if 1000:\n    def work():\n        return 1\nelse:\n    def work():\n        return 2\n"},
    "what is not imported for types": {
        "a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os\nelse:\n    X = 1000\n"
        "def work():\n    return X\n"
    },
    "any name of a module whose names are all imported": beside("from resiliency.b import *\n", "more()"),
    "a name that is computed of a module": beside("from resiliency import b\n", "getattr(b, 'mo' + 're')()"),
    "a name that is computed of a package": beside(
        "import resiliency.deep.b\n", "getattr(resiliency.deep, 'B'.lower()).more()", "deep/b.py"
    ),
    "an imported name in globals": beside("from resiliency.b import more\n", "globals()['mo' + 're']()"),
    "a name in the globals of a function": {
        "a.py": "def work():\n    return work.__globals__['mo' + 're']()\ndef more():\n    return 1000\n"
    },
    "a module of a name that is text": beside(
        "from importlib import import_module\n", "import_module('resiliency.b').more()"
    ),
    "a name of a module whose name is computed": {
        "a.py": "from importlib import import_module as load\nX = 1000\ndef work(name=''):\n    return load(name)\n",
    },
    "a module of a name beside this one": {
        "a.py": "from importlib import import_module\ndef work():\n    return import_module('.b', __package__)\n",
        "b.py": "print(1000)\n",
    },
    "a module that finds names when they are asked for": {
        "a.py": "from resiliency.b import more\ndef work():\n    return more\n",
        "b.py": "X = 1000\ndef __getattr__(name):\n    return X\n",
    },
}
SAME = {
    "a function beside": {"a.py": f"{WORK}def more():\n    return 1000\n"},
    "a constant beside of a pattern": {"a.py": f"import re\nX = re.compile('1000')\n{WORK}"},
    "an item that is added beside": {"a.py": f"X = [1]\nX += [1000]\n{WORK}"},
    "a function beside in another module": {
        "a.py": "from resiliency import b\ndef work():\n    return b.more()\n",
        "b.py": "def more():\n    return 1\ndef other():\n    return 1000\n",
    },
    "a function beside with a cache": {
        "a.py": f"from functools import cache\n{WORK}@cache\ndef more():\n    return 1000\n"
    },
    "a function beside in a module that imports for types": {
        "a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from resiliency.b import Other\n"
        f"{WORK}def more():\n    return 1000\n",
        "b.py": "class Other:\n    pass\n",
    },
    "a name that only tells of progress": {
        "a.py": "from resiliency.base.progress import Progress\ndef work():\n    Progress()\n",
        "base/progress.py": "class Progress:\n    X = 1000\n",
    },
}


@pytest.fixture
def fingerprint_of(tmp_path):
    """The fingerprint of the script of a package of these files, each time in a fresh folder."""
    copies = iter(range(100))

    def of(files: dict[str, str], number: int = 1000) -> str:
        root = tmp_path / str(next(copies))
        files = {f"resiliency/{name}": text for name, text in files.items()}
        files |= {"resiliency/__init__.py": "", "script.py": "from resiliency.a import work\nwork()\n"}
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text.replace("1000", str(number)))
        return fingerprint(root / "script.py")

    return of


@pytest.mark.parametrize("case", CHANGED)
def test_what_a_script_can_reach_counts(fingerprint_of, case):
    assert "".join(CHANGED[case].values()).count("1000") == 1
    assert fingerprint_of(CHANGED[case]) != fingerprint_of(CHANGED[case], 2000)


@pytest.mark.parametrize("case", SAME)
def test_what_a_script_cannot_reach_does_not_count(fingerprint_of, case):
    assert "".join(SAME[case].values()).count("1000") == 1
    assert fingerprint_of(SAME[case]) == fingerprint_of(SAME[case], 2000)


TWO = {"b.py": "def f():\n    return 1\ndef g():\n    return 2\n"}
USES_F_AND_G = "def work():\n    return f() - g()\n"
PLAIN, SWAPPED = "from resiliency.b import f, g\n", "from resiliency.b import f as g, g as f\n"


@pytest.mark.parametrize(
    ("files", "name", "after"),
    [
        ({"a.py": PLAIN}, "a.py", SWAPPED),
        ({"a.py": "from math import floor as f, ceil as g\n"}, "a.py", "from math import floor as g, ceil as f\n"),
        ({"a.py": PLAIN}, "a.py", PLAIN + "def f():\n    return 2\n"),
        ({"a.py": "from resiliency.c import f, g\n", "c.py": PLAIN}, "c.py", SWAPPED),
    ],
)
def test_what_a_name_stands_for_counts(fingerprint_of, files, name, after):
    before, changed = (TWO | one | {"a.py": one["a.py"] + USES_F_AND_G} for one in (files, files | {name: after}))
    assert fingerprint_of(before) != fingerprint_of(changed)


def test_the_order_in_which_modules_register_counts(fingerprint_of):
    files = REGISTERED | {name: "from resiliency.b import KNOWN\nKNOWN[1] = 1\n" for name in ("c.py", "d.py")}
    first, second = (f"import resiliency.{one}\nimport resiliency.{other}\n{WORK}" for one, other in ("cd", "dc"))
    assert fingerprint_of(files | {"a.py": first}) != fingerprint_of(files | {"a.py": second})
    quiet = files | {"c.py": "X = 1\n"}
    assert fingerprint_of(quiet | {"a.py": first}) == fingerprint_of(quiet | {"a.py": second})
