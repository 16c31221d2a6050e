"""What benchmarks share: their options and clocks, studies, rows that are kept as they come, and
pages in Markdown."""

import json
import resource
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from resiliency.study.files import load, read_merged
from resiliency.study.model import Study

ROOT = Path(__file__).parents[2]
RESULTS, EXPERIMENTS = ROOT / "docs/results", ROOT / "published/experiments"
Result = TypeVar("Result")


def options(description: str | None, *flags: str, **numbers: int) -> ArgumentParser:
    """A parser of flags, and of numbers with these defaults; it shows the description as it is
    written."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    for name in flags:
        parser.add_argument(f"--{name}", action="store_true")
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser


def timed(
    work: Callable[[], Result], clock: Callable[[], float] = time.process_time
) -> tuple[Result, float]:
    """What `work` returns, and the seconds that it takes by a clock: CPU time unless given."""
    start = clock()
    result = work()
    return result, clock() - start


def in_own_process(method: str, work: Callable[..., Result], *arguments: object) -> Result:
    """What `work` returns in a process of its own, which multiprocessing starts by `method`."""
    with ProcessPoolExecutor(1, get_context(method)) as process:
        return process.submit(work, *arguments).result()


def peak_memory() -> float:
    """GiB of memory that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def merged(name: str = "") -> dict[str, Any]:
    """The default study, changed by studies/`name`.yaml if there is a name, before it is
    checked."""
    return read_merged([ROOT / "config.yaml", *([ROOT / f"studies/{name}.yaml"] if name else [])])


def study(name: str = "") -> Study:
    """The study of `merged`, whose files lie in the repository, wherever the program runs."""
    with chdir(ROOT):
        return load(merged(name))


def beside(file: str, name: str) -> Path:
    """The file `name` in the folder of the module `file`."""
    return Path(file).with_name(name)


def write_rows(file: Path, rows: list[dict] | dict[str, list[dict]]) -> None:
    """Write rows, or kinds of rows, as JSON, a row a line."""
    if isinstance(rows, list):
        text = _listed(rows)
    else:
        text = (
            "{"
            + ",\n".join(f'"{kind}": {_listed(of_kind)}' for kind, of_kind in rows.items())
            + "}"
        )
    file.write_text(f"{text}\n")


def _listed(rows: list[dict]) -> str:
    return "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]"


def resumed(
    file: Path,
    jobs: Mapping[tuple, Callable[[], dict]],
    keys: tuple[str, ...],
    kind: str | None = None,
) -> list[dict]:
    """The rows in `file`, after those of the `jobs` that it lacks were added to it, one by one.

    Args:
        jobs: what a row has under its `keys` -> what makes it.
        kind: of the rows, in a file of several kinds.
    """
    content = json.loads(file.read_text()) if file.exists() else {} if kind else []
    rows = content.setdefault(kind, []) if kind else content
    done = {tuple(row[key] for key in keys) for row in rows}
    for case, make in jobs.items():
        if case not in done:
            rows.append(make())
            print(json.dumps(rows[-1]), flush=True)
            write_rows(file, content)
    return rows


def put(page: Path, begin: str, text: str, end: str) -> None:
    """Write `text` into a page, between two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    page.write_text(before + begin + text + end + rest.partition(end)[2], encoding="utf-8")


def table_row(cells: Iterable[object]) -> str:
    """A row of a Markdown table, with its line end."""
    return f"| {' | '.join(map(str, cells))} |\n"


def table(rows: list[list[str]], left: int = 1) -> str:
    """A Markdown table, whose first row is its head; the `left` columns are text, the others
    numbers."""
    rule = ["---"] * left + ["---:"] * (len(rows[0]) - left)
    return "".join(map(table_row, [rows[0], rule, *rows[1:]])).rstrip("\n")
