"""Edits of code, for tests of what they make stale."""

import ast
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

from resiliency.study import fingerprint
from resiliency.study.definitions import DEFINED, Module, _parsed, module_at


def edited(text: str, *names: str) -> str:
    """Code with one more statement in the functions and classes of these names, by default in
    all."""
    tree = ast.parse(text)
    nodes = [
        node
        for node in ast.walk(tree)
        if isinstance(node, DEFINED) and node.name in (names or [node.name])
    ]
    assert {node.name for node in nodes} >= {*names}
    for node in nodes:
        node.body += ast.parse("EDITED = 1").body
    return ast.unparse(tree)


def forget() -> None:
    """Read all modules again, as another process does."""
    for cached in (
        fingerprint._loaded,
        fingerprint._split,
        fingerprint._modules,
        fingerprint._meant,
    ):
        cached.cache_clear()
    fingerprint._installed.cache_clear()


unedited = cache(module_at)


@contextmanager
def with_edit(path: Path, *names: str) -> Iterator[None]:
    """Fingerprints as if the functions and classes of these names were edited in a module, by
    default all.

    Every other module is read once: its file may not change from one edit to the next.
    """

    def read(at: Path, name: str) -> Module:
        return (
            _parsed(edited(at.read_text(), *names).encode(), name, False)
            if at == path
            else unedited(at, name)
        )

    forget()
    with mock.patch.object(fingerprint, "module_at", read):
        yield
    forget()


JOB = """
from pathlib import Path
from types import SimpleNamespace
from resiliency.base.streams import stream
from resiliency.study.stage import stage

library = Path(__file__).parent / "resiliency"
(library / "base/streams.py").write_text((library / "base/streams.before").read_text())
params = SimpleNamespace(code=(library / "code").read_text())
with stage(SimpleNamespace(log=["job.log"], input=[], output=[], params=params)):
    {body}
    from resiliency.metrics.classification import cost_matrix
    print("done", stream(0, "a"), cost_matrix)
"""


def edited_job(folder: Path, edit: str, body: str) -> Path:
    """A job of a run that began before an edit was added to a module, which the job imports and
    puts back at once."""
    root = folder / "scripts"
    shutil.copytree(
        Path(__file__).parents[1] / "scripts", root, ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "job.py").write_text(JOB.format(body=body))
    # And that of a factory.
    (root / "resiliency/code").write_text(fingerprint.fingerprint(root / "job.py") + "0" * 16)
    module = root / "resiliency/base/streams.py"
    text = module.read_text()
    module.with_suffix(".before").write_text(text)
    module.write_text(f"{text}\n{edit}\n")
    return root / "job.py"
