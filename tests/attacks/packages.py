"""Packages of extensions: names that cannot be, modules that cannot be loaded, and objects that cannot be used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from unittest import mock

import own_package
from attacks.cases import Case
from attacks.extensions import WRONG_CHARTS, WRONG_CORRUPTIONS, WRONG_METRICS, fault_of_corruption
from attacks.names import FORMLESS

from resiliency.base import extensions
from resiliency.base.corruption_names import BUILT_IN
from resiliency.base.faults import Fault
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.report.registry import CHARTS
from resiliency.study.extensions import REGISTRIES, chart_fault, check_names, metric_fault

TAKEN = {"corruptions": BUILT_IN, "metrics": [*METRICS, *ENSEMBLE_METRICS], "charts": CHARTS}
# Names that would give columns two meanings, or are those of images.
AMBIGUOUS = {
    "corruptions": ("clean", "corrupted", "validation", "mean", "fog_raw", "mine_pairs", "clean_on_mine", "oracle"),
    "metrics": ("error", "loss", "mce_undefined"),
    "charts": (),
}
# Modules that cannot be loaded, and what is said of them.
MODULES = {
    "1 / 0": "cannot be loaded (ZeroDivisionError: division by zero)",
    "raise OSError('two\\nlines')": "cannot be loaded (OSError: two lines)",
    "raise KeyError('x' * 10_000)": "cannot be loaded (KeyError: ",
    "import sys\nsys.exit(0)": "calls exit at import (SystemExit(0))",
    "raise SystemExit": "calls exit at import (SystemExit(",
    "def": "cannot be loaded (SyntaxError: ",
    "\0": "cannot be loaded (S",
    "import missing_module": "cannot be loaded (ModuleNotFoundError: ",
    "from own import x": "cannot be loaded (ImportError: ",
    "x = 1\nprint('hello')": "prints 'hello' at import",
    "x = 1\nprint(*range(10_000), sep='\\n')": "prints '0\\n1\\n",
    "": "",
    "x = None": "",
    "class x: pass": "",
}


@contextmanager
def installed(folder: Path, code: str, names: dict[str, dict[str, str]]) -> Iterator[None]:
    """A package with one module, `own`, and these entry points, in a folder; forgotten after the block."""
    folder.mkdir(exist_ok=True)
    (folder / "own.py").write_text(code, encoding="utf-8")
    own_package.offer(folder, {f"resiliency.{kind}": of_kind for kind, of_kind in names.items()})
    caches = (extensions.extensions, extensions._entry_points, extensions.code)
    with mock.patch.object(sys, "path", [str(folder), *sys.path]):
        for cached in caches:
            cached.cache_clear()
        try:
            yield
        finally:
            sys.modules.pop("own", None)
            for cached in caches:
                cached.cache_clear()


def packages() -> Iterator[Case]:
    """Names, modules and objects, each in a package of its own."""
    for kind in extensions.KINDS:
        for name in TAKEN[kind]:
            yield Case(f"{kind}: named {name}", partial(_loaded, kind=kind, name=name), " of this name already")
        for name in AMBIGUOUS[kind]:
            yield Case(f"{kind}: named {name}", partial(_loaded, kind=kind, name=name), "would have two meanings")
        for name in FORMLESS:
            if not set(name) & set("\n\r\x85=[]#") and name.strip() == name != "":  # else it is not an entry point
                yield Case(f"{kind}: named {name!r:.30}", partial(_loaded, kind=kind, name=name), "")
        for code, words in MODULES.items():
            yield Case(f"{kind}: {code!r:.40}", partial(_loaded, kind=kind, name="mine", code=code), words)
    tried = {
        "corruption": (WRONG_CORRUPTIONS, fault_of_corruption),
        "metric": (WRONG_METRICS, metric_fault),
        "chart": (WRONG_CHARTS, chart_fault),
    }
    for kind, (wrong, trial) in tried.items():
        for index, (extension, words) in enumerate(wrong):
            act = partial(_tried, trial=trial, extension=extension)
            yield Case(f"{kind} {index}: {words:.60}", act, words or None)


def _loaded(folder: Path, kind: str, name: str, code: str = "x = 1") -> None:
    value = "own" if kind == "charts" else "own:x"
    with installed(folder / "packages", code, {kind: {name: value}}):
        check_names(kind)
        run_path(find_spec(REGISTRIES[kind]).origin)


def _tried(_: Path, trial, extension: object) -> None:
    if fault := trial(extension):
        raise Fault(f"mine: {fault}")
