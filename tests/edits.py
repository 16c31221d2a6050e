"""Edits of code, for tests of what they make stale."""

import shutil
from pathlib import Path

from resiliency.study import fingerprint


def forget() -> None:
    """Read all modules again, as another process does."""
    fingerprint.module_at.cache_clear()
    fingerprint._installed.cache_clear()


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
