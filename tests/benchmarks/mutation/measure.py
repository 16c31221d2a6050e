"""Runs the mutants of the sample against the unit tests of a commit.

`measure.py FOLDER COMMIT` keeps what it finds in the folder, and goes on where it ended; shares.py
prints it. Each mutant is put into a copy of the repository and meets the unit tests that run its
statement, fastest files first, until one fails. All start as forks of a process that has imported
packages, but neither the library nor tests.
"""

import argparse
import ast
import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pytest
from coverage import Coverage
from mutants import FUNCTIONS, REPOSITORY, Library, Mutant, Place, modules, read_sample
from shares import SAMPLE, read_rows

IMPORTED = (
    "snakemake.script",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "pydantic",
    "torch._dynamo",
    "torchvision",
)
IMPORTED += (
    "timm",
    "safetensors.torch",
    "sklearn.datasets",
    "altair",
    "vl_convert",
    "jinja2",
    "cv2",
    "captum.attr",
)
IMPORTED += (
    "numba",
    "pymoo.algorithms.moo.nsga2",
    "skimage",
    "hypothesis",
    "_hypothesis_pytestplugin",
)
OPTIONS = (
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "--hypothesis-seed=0",
    "--tb=short",
)
MOST = 40  # CPU seconds that the tests of a mutant usually take; slower ones are left out
LONGER, GRACE = 10, 20  # A test may take ten times its usual CPU time, and 20 s.
LONGEST = 7200  # seconds by the clock, after which a fork is stuck
MEMORY = 8 * 2**30  # bytes


class Chosen:
    """Has chosen tests run in the order of `usual`, their CPU seconds; keeps which failed first."""

    def __init__(self, usual: dict[str, float]):
        self.usual, self.failed = usual, ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {test: number for number, test in enumerate(self.usual)}
        items[:] = sorted(
            (item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid]
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        longest = LONGER * self.usual[item.nodeid] + GRACE
        resource.setrlimit(
            resource.RLIMIT_CPU, (int(time.process_time() + longest) + 1, resource.RLIM_INFINITY)
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.failed = self.failed or (report.nodeid if report.failed else "")

    pytest_runtest_logreport = pytest_collectreport


class Traced:
    """Follows which tests run which lines, how long they take and whether they pass.

    What a fixture or a cache makes once for several tests is run by all that use it.
    """

    def __init__(self, repository: Path):
        self.repository = repository
        self.coverage = Coverage(
            data_file=None, config_file=False, include=[str(path) for path in modules(repository)]
        )
        self.context, self.uses, self.seconds, self.outcomes = (
            "",
            defaultdict(set),
            {},
            defaultdict(set),
        )

    @contextmanager
    def within(self, context: str) -> Iterator[None]:
        before, self.context = self.context, context
        self.coverage.switch_context(context)
        try:
            yield
        finally:
            self.context = before
            self.coverage.switch_context(before)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.uses[item.nodeid] |= {f"fixture {name}" for name in item.fixturenames}
        start = sum(os.times()[:4])
        with self.within(item.nodeid):
            result = yield
        self.seconds[item.nodeid] = sum(os.times()[:4]) - start
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef) -> Iterator[None]:
        if fixturedef.scope == "function":
            return (yield)
        with self.within(f"fixture {fixturedef.argname}"):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.outcomes[report.nodeid].add(report.outcome)

    def caching(self, cached: Callable) -> Callable:
        """A decorator like `cached`; it follows who uses what functions of the repository made."""

        def decorate(function: Callable) -> Callable:
            if not getattr(function, "__code__", decorate.__code__).co_filename.startswith(
                str(self.repository)
            ):
                return cached(function)
            name = f"cache {function.__module__}.{function.__qualname__}"
            made = cached(lambda *values, **named: self._make(name, function, values, named))

            @functools.wraps(function)
            def used(*values: object, **named: object) -> object:
                self.uses[self.context].add(name)
                return made(*values, **named)

            used.cache_clear, used.cache_info = made.cache_clear, made.cache_info
            return used

        return decorate

    def _make(self, name: str, function: Callable, values: tuple, named: dict) -> object:
        with self.within(name):
            return function(*values, **named)

    def tests(self) -> dict[str, float]:
        """The tests that pass, and their CPU seconds."""
        return {
            test: round(time, 3)
            for test, time in self.seconds.items()
            if self.outcomes[test] == {"passed"}
        }

    def reached(
        self, file: str, lines: dict[int, list[tuple[str, int, int]]]
    ) -> dict[int, list[str]]:
        """Number of a mutant -> tests of a file that run its lines, or `""` if only an import
        does."""
        data, used = (
            self.coverage.get_data(),
            {test: self._used(test) | {"file"} for test in self.tests()},
        )
        contexts = {path: data.contexts_by_lineno(path) for path in data.measured_files()}
        imported = {module for module, _ in imports(self.repository / file)}
        for path in contexts:
            dotted = ".".join(
                Path(path).relative_to(self.repository).with_suffix("").parts
            ).removeprefix("scripts.")
            if any(dotted.startswith(module) for module in imported - {"resiliency"}):
                contexts[path][0] = ["file"]
        found = {}
        for number, ranges in lines.items():
            each = (
                contexts.get(path, {}).get(n, ())
                for path, first, last in ranges
                for n in range(first, last + 1)
            )
            of = {context for some in each for context in some}
            if tests := [test for test in used if used[test] & of] or [""] * ("" in of):
                found[number] = tests
        return found

    def _used(self, context: str) -> set[str]:
        found, new = set(), {context}
        while new:
            found |= new
            new = set().union(*(self.uses[one] for one in new)) - found
        return found


def lines_of(place: Place, library: Library) -> list[tuple[str, int, int]]:
    """File, first and last line of what runs when a statement does.

    A default is run by its function; a statement outside of functions by the statements in
    functions that name what it defines, and, as line 0, by a file of tests that imports its module.
    """
    path, node = str(place.path), place.node
    if isinstance(node, FUNCTIONS):
        return [(path, node.body[0].lineno, node.end_lineno)]
    if place.inside:
        body = getattr(node, "body", None)
        return [(path, node.lineno, body[0].lineno - 1 if body else node.end_lineno)]
    names = defined(place)
    users = [user for user in library.places if user.inside and names & named(user, place)]
    return [(path, 0, 0)] + [line for user in users for line in lines_of(user, library)]


def defined(place: Place) -> set[str]:
    """The names that a statement outside of functions gives, or else has."""
    targets = getattr(place.node, "targets", [getattr(place.node, "target", place.header)])
    return {
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }


def named(user: Place, place: Place) -> frozenset[str]:
    """The names in a statement that may be of another's module: imported from there, or after a
    dot."""
    names, attributes = written(user.header)
    if user.path != place.path:
        names &= {
            name for module, name in imports(user.path) if module.endswith(f".{place.module}")
        }
    return names | attributes


@functools.cache
def written(header: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """The names in a statement, and those after a dot."""
    nodes = list(ast.walk(header))
    names = frozenset(node.id for node in nodes if isinstance(node, ast.Name))
    return names, frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))


@functools.cache
def imports(path: Path) -> set[tuple[str, str]]:
    """Module and name of each import in a file."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {
        (str(n.module), alias.name)
        for n in nodes
        if isinstance(n, ast.ImportFrom)
        for alias in n.names
    }
    return names | {
        (alias.name, "") for n in nodes if isinstance(n, ast.Import) for alias in n.names
    }


class Bench:
    """A folder with a copy of a repository, into which mutants are put, and with what was found."""

    def __init__(self, folder: Path):
        self.repository, self.reach, self.rows = (
            folder / "repository",
            folder / "reach.json",
            folder / "rows.jsonl",
        )
        self.answer, self.temporary, self.log = (
            folder / "answer.json",
            folder / "temporary",
            folder / "log.txt",
        )
        self.scripts, self.kept, self.drawn = (
            self.repository / "scripts",
            folder / "kept",
            folder / "sample.json",
        )

    def copy(self, repository: Path, commit: str, sample: list[Mutant]) -> None:
        """Copy the sample and a commit, whose library is written without comments, as it will be
        with a mutant."""
        part = self.repository.with_name("part")
        part.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(
            ["git", "-C", repository, "archive", commit], stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "x", "-C", part], input=archive.stdout, check=True)
        for path in modules(part):
            path.write_text(
                ast.unparse(ast.parse(path.read_text(encoding="utf-8"))) + "\n", encoding="utf-8"
            )
        self.drawn.write_text(json.dumps([asdict(mutant) for mutant in sample]), encoding="utf-8")
        part.rename(self.repository)

    def fork(self, work: Callable[[], object]) -> tuple[object, float]:
        """What `work` returns in a fork, or None if that ends otherwise, and its CPU seconds."""
        self.answer.unlink(missing_ok=True)
        if not (child := os.fork()):
            self._become(work)
        end, ended = time.monotonic() + LONGEST, (0,)
        try:
            while not ended[0] and time.monotonic() < end:
                time.sleep(0.02)
                ended = os.wait4(child, os.WNOHANG)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        seconds = (ended if ended[0] else os.wait4(child, 0))[2]
        answer = json.loads(self.answer.read_text()) if self.answer.exists() else None
        return answer, seconds.ru_utime + seconds.ru_stime

    def _become(self, work: Callable[[], object]) -> None:
        os.setsid()
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(output, number)
        try:
            os.chdir(self.repository)
            sys.path.insert(0, str(self.scripts))
            os.environ["PYTHONPATH"] = str(self.scripts)
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{self.temporary}/examples"
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            answer = json.dumps(work())
            self.answer.write_text(answer)
        finally:
            os._exit(0)

    def pytest(self, files: list[str], plugin: object) -> None:
        pytest.main([*OPTIONS, f"--basetemp={self.temporary}", *files], [plugin])

    def trace(self) -> dict[str, dict]:
        """File of tests -> CPU seconds of its tests, and which of them reach each mutant; each file
        in a fork."""
        known = json.loads(self.reach.read_text()) if self.reach.exists() else {}
        files = [f"tests/unit/{path.name}" for path in self.repository.glob("tests/unit/test_*.py")]
        if new := sorted(set(files) - set(known)):
            library = Library(self.repository)
            places = {mutant.number: library.find(mutant) for mutant in read_sample(self.drawn)}
            lines = {number: lines_of(place, library) for number, place in places.items() if place}
        for file in new:
            found, seconds = self.fork(lambda file=file: self._trace(file, lines))
            if found is None:
                sys.exit(f"{file}: pytest did not end; see {self.log}")
            known[file] = found
            self.reach.with_suffix(".part").write_text(json.dumps(known))
            self.reach.with_suffix(".part").rename(self.reach)
            print(f"{file}: {len(known[file]['tests'])} tests, {seconds:.0f} s", flush=True)
        return known

    def _trace(self, file: str, lines: dict[int, list]) -> dict:
        traced, cached = Traced(self.repository), functools.lru_cache
        functools.lru_cache = lambda maxsize=128, typed=False: (
            cached(maxsize) if callable(maxsize) else traced.caching(cached(maxsize, typed))
        )
        traced.coverage.start()
        self.pytest([file, "--maxfail=1000"], traced)
        traced.coverage.stop()
        return {"tests": traced.tests(), "reached": traced.reached(file, lines)}

    def meet(self, mutant: Mutant, library: Library, traced: dict[str, dict]) -> dict:
        """The row of a mutant: its outcome, by which test, and CPU seconds."""
        if not (place := library.find(mutant)):
            return {"outcome": "gone"}
        chosen, left_out = chosen_tests(mutant, traced)
        if not chosen:
            return {"outcome": "unreached"}
        self._put(library.source(mutant, place), place.path)
        answer, seconds = self.fork(lambda: self._meet(chosen))
        self.restore()
        failed = "timeout or crash" if answer is None else answer["failed"]
        row = {
            "outcome": "killed" if failed else "survived",
            "by": failed,
            "seconds": round(seconds, 1),
        }
        return row | {"tests": len(chosen), "left_out": left_out}

    def _put(self, text: str, path: Path) -> None:
        """Write a module anew, after a copy is kept; by its time Python sees that what it has
        compiled is another's."""
        kept = self.kept / path.relative_to(self.repository)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, kept.with_suffix(".part"))
        kept.with_suffix(".part").rename(kept)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (time.time() + 10,) * 2)

    def restore(self) -> None:
        """Put a module back, also one that a run left that was killed."""
        for kept in self.kept.rglob("*.py"):
            kept.replace(self.repository / kept.relative_to(self.kept))

    def _meet(self, chosen: dict[str, float]) -> dict:
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        plugin = Chosen(chosen)
        self.pytest(list(dict.fromkeys(test.partition("::")[0] for test in chosen)), plugin)
        return {"failed": plugin.failed}

    def run(self) -> None:
        """Add the rows of mutants that have none yet."""
        for name in IMPORTED:
            import_module(name)
        self.restore()
        traced, library = self.trace(), Library(self.repository)
        done = {row["number"] for row in read_rows(self.rows)}
        for mutant in read_sample(self.drawn):
            if mutant.number not in done:
                row = {"number": mutant.number, "package": mutant.package} | self.meet(
                    mutant, library, traced
                )
                with self.rows.open("a") as file:
                    print(json.dumps(row), file=file)


def chosen_tests(mutant: Mutant, traced: dict[str, dict]) -> tuple[dict[str, float], int]:
    """The tests that reach a mutant, the fastest file first, with their seconds, and how many are
    left out for time."""
    of_files = [
        (found["tests"], found["reached"].get(str(mutant.number), [])) for found in traced.values()
    ]
    if all(reached in ([], [""]) for _, reached in of_files):
        of_files = [(times, list(times)) for times, reached in of_files if reached]
    groups = [{test: times[test] for test in reached if test} for times, reached in of_files]
    chosen, spent, count = {}, 0.0, 0
    for group in sorted(groups, key=lambda group: sum(group.values())):
        for test, seconds in group.items():
            count, spent = count + 1, spent + seconds
            if spent <= MOST or not chosen:
                chosen[test] = seconds
    return chosen, count - len(chosen)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "commit", nargs="?", default="HEAD", help="of this repository, if the folder is new"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended; run again to go on"))
    bench = Bench(given.folder.resolve())
    if not bench.repository.exists():
        bench.copy(REPOSITORY, given.commit, read_sample(SAMPLE))
    bench.run()


if __name__ == "__main__":
    main()
