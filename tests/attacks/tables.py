"""Tables of decisions and of scores from elsewhere: in other orders, of other kinds, and with cells that cannot be."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
from attacks.cases import Case, allowed
from attacks.elsewhere import CONDITIONS, IMAGES, Read, judge, read, rows, scores, text

Table = list[list[str]]
# Cells that are no class and no percentage.
ODD = ("", " ", "nan", "NA", "None", "-1", "1.5e400", "inf", "True", "false", "9" * 20, str(2**62), "cat", "0x1", "1_0")
ODD += ("\uff11", "=1", "1;0", "'1'", "NULL", "-0.5", "1/2", "50%", "1 0", "1970-01-01", "\x00", "\x85", "1e", "--1")
NO_CLASS = ("0.5", "1.0001", str(10**6), "1e17")
NO_PERCENTAGE = ("100.01", "-1e-9", "1e3")
SAME = ("{}.0", "{}e0", "0{}", "+{}", "{}.", "{}.000000000")  # other spellings of a number
SEEDS, FLIPS = range(4), 60


def tables() -> Iterator[Case]:
    """The second file of decisions, spoilt; the member in it is that of the first, so that both must agree."""
    for name, spoil in REORDERED.items():
        for seed in SEEDS:
            yield Case(f"decisions: {name}, {seed}", allowed(partial(_decisions, spoil=spoil, seed=seed)), None)
    for name, spoil in WRONG.items():
        for seed in SEEDS:
            yield Case(f"decisions: {name}, {seed}", partial(_decisions, spoil=spoil, seed=seed), "")
    for column in (2, 3):
        for cell in (*ODD, *NO_CLASS):
            yield Case(f"decisions: {cell!r:.30} in column {column}", partial(_cell, column=column, cell=cell), "")
        for form in SAME:
            yield Case(f"decisions: {form} in {column}", allowed(partial(_cell, column=column, cell=form)), None)
    for column in (0, 1):
        yield Case(f"decisions: nothing in column {column}", partial(_cell, column=column, cell=""), "")
    for column in range(1, 1 + len(CONDITIONS)):
        for cell in (*ODD, *NO_PERCENTAGE):
            refused = None if column == len(CONDITIONS) and cell in ("",) else ""
            yield Case(f"scores: {cell!r:.30} in column {column}", partial(_score, column=column, cell=cell), refused)
        for form in SAME[1:4]:
            yield Case(f"scores: {form} in {column}", allowed(partial(_score, column=column, cell=form)), None)
    for name, spoil in WRONG_SCORES.items():
        yield Case(f"scores: {name}", partial(_scores, spoil=spoil), "")
    for name, encode in ENCODINGS.items():
        for kind in ("decisions", "scores"):
            yield Case(f"{kind}: {name}", partial(_encoded, kind=kind, encode=encode), None)
    for seed in range(FLIPS):
        for kind in ("decisions", "scores"):
            yield Case(f"{kind}: damaged {seed}", partial(_damaged, kind=kind, seed=seed), None)
    for name, column in COLUMNS.items():
        for of in ("label", "two", "image"):
            yield Case(f"decisions: {of} of type {name}", partial(_parquet, of=of, column=column), None)


def _in_two_files(table: Table) -> None:
    Path("first.csv").write_text(text(rows("one")), encoding="utf-8")
    Path("second.csv").write_text(text(table), encoding="utf-8")
    judge(read({"decisions": ["first.csv", "second.csv"]}))


def _decisions(_: Path, spoil: Callable[[Table, Random], Table | None], seed: int) -> None:
    table = rows("two")
    _in_two_files(spoil(table, Random(seed)) or table)


def _cell(_: Path, column: int, cell: str) -> None:
    table = rows("two")
    row = table[1 + (7 * len(cell)) % (len(table) - 1)]
    row[column] = cell.format(row[column])
    _in_two_files(table)


def _scores(_: Path, spoil: Callable[[Table], Table | None]) -> None:
    table = scores()
    judge(_of_scores(spoil(table) or table))


def _score(_: Path, column: int, cell: str) -> None:
    table = scores()
    table[1][column] = cell.format(table[1][column])
    found = _of_scores(table)
    if cell:
        judge(found)


def _of_scores(table: Table) -> Read:
    Path("own.csv").write_text(text(table), encoding="utf-8")
    return read({"scores": "own.csv"})


def _file(kind: str) -> str:
    return text(rows("one") if kind == "decisions" else scores())


def _encoded(_: Path, kind: str, encode: Callable[[str], bytes]) -> None:
    Path("own.csv").write_bytes(encode(_file(kind)))
    judge(read({kind: "own.csv"}))


def _damaged(_: Path, kind: str, seed: int) -> None:
    """A bit flipped, or the end lost; a number may have become another, so that only a traceback is a fault."""
    content, random = bytearray(_file(kind).encode()), Random(seed)
    place = random.randrange(len(content))
    if seed % 3:
        content[place] ^= 1 << random.randrange(8)
    else:
        del content[place:]
    Path("own.csv").write_bytes(content)
    read({kind: "own.csv"})


def _parquet(_: Path, of: str, column: Callable[[pd.Series], object]) -> None:
    header, *values = rows("two")
    table = pd.DataFrame(values, columns=header).astype({"label": int, "two": int})
    table[of] = column(table[of])
    Path("first.csv").write_text(text(rows("one")), encoding="utf-8")
    try:
        table.to_parquet("second.parquet")
    except (ValueError, TypeError, OverflowError, NotImplementedError):  # there cannot be such a file
        return
    judge(read({"decisions": ["first.csv", "second.parquet"]}))


def _shuffled(table: Table, random: Random) -> Table:
    return [table[0], *random.sample(table[1:], len(table) - 1)]


def _each(column: int, change: Callable[[str, int], str]) -> Callable[[Table, Random], None]:
    def spoil(table: Table, random: Random) -> None:
        for index, row in enumerate(table[1:]):
            row[column] = change(row[column], index % IMAGES)

    return spoil


def _one(column: int, change: Callable[[str], str]) -> Callable[[Table, Random], None]:
    def spoil(table: Table, random: Random) -> None:
        row = random.choice(table[1:])
        row[column] = change(row[column])

    return spoil


def _column_moved(table: Table, random: Random) -> Table:
    order = random.sample(range(4), 4)
    return [[row[place] for place in order] for row in table]


def _numbers_shuffled(table: Table, random: Random) -> Table:
    _each(1, lambda name, index: str(index))(table, random)
    return _shuffled(table, random)


# Tables that say the same in another way.
REORDERED = {
    "as written": lambda table, random: table,
    "rows in another order": _shuffled,
    "columns in another order": _column_moved,
    "images by number": _each(1, lambda name, index: str(index)),
    "images by number, from 1": _each(1, lambda name, index: str(index + 1)),
    "images by number, rows in another order": _numbers_shuffled,
    "names with suffixes": lambda table, random: (
        _each(1, lambda name, index: f"{name}.JPEG")(table, random) or _shuffled(table, random)
    ),
    "names with folders": lambda table, random: (
        _each(1, lambda name, index: f"{'012'[index % 3]}/{name}.png")(table, random) or _shuffled(table, random)
    ),
}
# Tables of other images, or that contradict themselves.
WRONG = {
    "all images renamed": _each(1, lambda name, index: f"other{index}"),
    "an image renamed": _one(1, lambda name: "other"),
    "names in upper case": _each(1, lambda name, index: name.upper()),
    "one image given twice": lambda table, random: table.append(random.choice(table[1:])),
    "an image missing": lambda table, random: table.remove(random.choice(table[1:])),
    "another label": _one(2, lambda label: str((int(label) + 1) % 3)),
    "all labels one on": _each(2, lambda label, index: str((int(label) + 1) % 3)),
    "a class far beyond": _one(3, lambda answer: "65536"),
    "answers true and false": _each(3, lambda answer, index: str(bool(int(answer)))),
    "labels true and false": _each(2, lambda answer, index: str(bool(int(answer)))),
    "probabilities for answers": _each(3, lambda answer, index: f"0.{answer}5"),
    "a value too many": lambda table, random: random.choice(table[1:]).append("1"),
    "a value too many in each row": lambda table, random: [row.append("1") for row in table[1:]] and None,
    "a value too few": lambda table, random: random.choice(table[1:]).pop() and None,
    "no header": lambda table, random: table[1:],
    "no rows": lambda table, random: table[:1],
    "got no member": lambda table, random: [row[:3] for row in table],
    "no labels": lambda table, random: [[*row[:2], row[3]] for row in table],
    "a column twice": lambda table, random: [[*row, row[3]] for row in table],
    "no clean images": lambda table, random: [row for row in table if row[0] != "clean"],
    "the member of the first file": lambda table, random: [[*table[0][:3], "one"], *table[1:]],
    "a misspelt corruption": _each(0, lambda name, index: "fogg.1" if name == "fog.1" else name),
}
WRONG_SCORES = {
    "fractions": lambda table: [table[0], *([m, *(str(float(v) / 100) for v in of)] for m, *of in table[1:])],
    "fractions of one member": lambda table: [*table[:2], ["two", "0.88", "0.615", "0.47"]],
    "per mille": lambda table: [table[0], *([m, *(str(float(v) * 10) for v in of)] for m, *of in table[1:])],
    "a member twice": lambda table: [*table, table[1]],
    "a member without a name": lambda table: [*table, ["", *table[1][1:]]],
    "no clean column": lambda table: [[row[0], *row[2:]] for row in table],
    "no members": lambda table: [row[1:] for row in table],
    "a column twice": lambda table: [[*row, row[3]] for row in table],
    "a value too many": lambda table: table[1].append("1"),
    "true and false": lambda table: [table[0], *([m, *("True" for _ in of)] for m, *of in table[1:])],
    "only a header": lambda table: table[:1],
    "a misspelt corruption": lambda table: [[*table[0], "fog_2"], *([*row, "50"] for row in table[1:])],
}
ENCODINGS = {
    "a byte order mark": lambda content: content.encode("utf-8-sig"),
    "UTF-16": lambda content: content.encode("utf-16"),
    "UTF-32": lambda content: content.encode("utf-32"),
    "Latin-1": lambda content: content.replace("photos", "fot\xf3s").encode("latin-1"),
    "lines of Windows": lambda content: content.replace("\n", "\r\n").encode(),
    "lines of old Macintoshes": lambda content: content.replace("\n", "\r").encode(),
    "semicolons": lambda content: content.replace(",", ";").encode(),
    "semicolons and decimal commas": lambda content: content.replace(",", ";").replace(".", ",").encode(),
    "tabs": lambda content: content.replace(",", "\t").encode(),
    "bars": lambda content: content.replace(",", "|").encode(),
    "spaces after commas": lambda content: content.replace(",", ", ").encode(),
    "quotes": lambda content: ('"' + content.replace(",", '","').replace("\n", '"\n"')).removesuffix('"').encode(),
    "an open quote": lambda content: content.replace("fog.1", '"fog.1', 1).encode(),
    "blank lines": lambda content: content.replace("\n", "\n\n").encode(),
    "a comment": lambda content: ("# made by hand\n" + content).encode(),
    "a line of separators": lambda content: ("sep=,\n" + content).encode(),
    "no end of line": lambda content: content.rstrip("\n").encode(),
    "zero bytes at the end": lambda content: content.encode() + b"\0" * 20,
    "nothing": lambda content: b"",
    "one byte": lambda content: b",",
    "a page of HTML": lambda content: b"<html><body>Sign in</body></html>\n",
    "gzip": lambda content: b"\x1f\x8b\x08" + content.encode(),
    "Parquet's mark": lambda content: b"PAR1" + content.encode() + b"PAR1",
    "a very long line": lambda content: (content + "x" * 1_000_000).encode(),
    "very many columns": lambda content: (content.replace("\n", "," * 3000 + "\n")).encode(),
}
COLUMNS: dict[str, Callable[[pd.Series], object]] = {
    "int8": lambda column: pd.to_numeric(column, errors="coerce").fillna(0).astype("int8"),
    "uint64": lambda column: pd.to_numeric(column, errors="coerce").fillna(0).astype("uint64") + np.uint64(2**63),
    "float16": lambda column: pd.to_numeric(column, errors="coerce").astype("float16"),
    "complex": lambda column: pd.to_numeric(column, errors="coerce") + 1j,
    "bool": lambda column: column.astype(str) > "1",
    "boolean with gaps": lambda column: pd.array([True, None, *[False] * (len(column) - 2)], "boolean"),
    "Int64 with gaps": lambda column: pd.array([None, *[1] * (len(column) - 1)], "Int64"),
    "text": lambda column: column.astype(str),
    "bytes": lambda column: column.astype(str).str.encode("ascii"),
    "categories": lambda column: column.astype("category"),
    "dates": lambda column: pd.Timestamp("2020-01-01"),
    "durations": lambda column: pd.Timedelta("1s"),
    "lists": lambda column: [[1]] * len(column),
    "mappings": lambda column: [{"a": 1}] * len(column),
    "nothing": lambda column: None,
    "mixed": lambda column: [1, "1", None, 1.5] * (len(column) // 4),
}
