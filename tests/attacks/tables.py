"""Tables of decisions, scores and descriptions from elsewhere: in other orders, of other kinds,
with odd cells."""

import copy
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
from attacks.cases import ACCEPTED, EITHER, Area, Wrong
from attacks.studies import CONFIG, elsewhere

from resiliency.external.predictions import Reader
from resiliency.external.tables import error_rows, read_scores
from resiliency.study.files import load

IMAGES, CLASSES = 12, 3
CONDITIONS = ("clean", "fog.1", "photos")
LABELS = np.arange(IMAGES) % CLASSES
NAMES = [f"{'xyz'[label]}{image:02}" for image, label in enumerate(LABELS)]
PROBABILITIES = {
    name: np.random.default_rng(number).dirichlet(np.ones(CLASSES), IMAGES)
    for number, name in enumerate(CONDITIONS)
}
ANSWERS = {name: values.argmax(axis=1) for name, values in PROBABILITIES.items()}
PER_CENT = {"one": [91.5, 70.0, 55.25], "two": [88.0, 61.5, 47.0]}

Read = dict[str, dict[str, np.ndarray]]


def read(external: dict, **settings: object) -> Read:
    """Member -> condition -> its decisions int N, its logits float N x K, or its error, of these
    files.

    Raises:
        Fault: a file is refused, before the first job or by the job that reads it.
    """
    study = load(elsewhere(external) | settings)
    contents = study.elsewhere
    predicted = [source for source in contents.sources if source.kind != "scores"]
    found = {}
    for source in contents.sources:
        if source.kind == "scores":
            found |= _scored(source.file, contents.layout(source))
    readers = [
        Reader(one.kind, one.file, contents.layout(one), study.external.known_classes)
        for one in predicted
    ]
    if readers:
        truths, classes = readers[0].labels(), readers[0].classes(predicted[0].members)
        images = {
            name: (list(map(str, truths[name])), of_set)
            for name, of_set in readers[0].images().items()
        }
    for source, reader in zip(predicted, readers, strict=True):
        reader.check(truths, images)
        for member in source.members:
            values = dict(reader.read(member, classes))
            found[member] = {
                name: of_condition
                for test_set, names in contents.layout(source).items()
                for name, of_condition in zip(names, values[test_set], strict=True)
            }
    return found


def _scored(file: str, layout: dict[str, list[str]]) -> Read:
    errors = error_rows(read_scores(file), layout, {}, {})
    names = errors["test_set"].where(
        errors["severity"] == 0, errors["corruption"] + "." + errors["severity"].astype(str)
    )
    return {
        member: dict(zip(names[rows.index], rows["error"], strict=True))
        for member, rows in errors.groupby("member")
    }


def judge(found: Read) -> None:
    """Raise `Wrong` if what was read is not what the files say of the images of the first file, in
    its order."""
    for member, of_member in found.items():
        for name, values in of_member.items():
            values = np.asarray(values, float)
            if values.ndim == 0:
                truth = 1 - PER_CENT[member][CONDITIONS.index(name)] / 100
            elif values.ndim == 1:
                truth = ANSWERS[name]
            else:
                values = np.exp(values - np.logaddexp.reduce(values, axis=1, keepdims=True))
                truth = PROBABILITIES[name]
            if values.shape != np.shape(truth) or not np.allclose(values, truth, atol=0.02):
                raise Wrong(
                    f"member {member}, {name}: {values.tolist()!r:.80} is not "
                    f"{np.asarray(truth).tolist()!r:.80}"
                )


def rows(member: str) -> list[list[str]]:
    """The table of decisions of a member, with its header."""
    table = [["test_set", "image", "label", member]]
    for name in CONDITIONS:
        table += [
            [name, i, str(t), str(a)] for i, t, a in zip(NAMES, LABELS, ANSWERS[name], strict=True)
        ]
    return table


def scores() -> list[list[str]]:
    return [
        ["member", *CONDITIONS],
        *([member, *map(str, of_member)] for member, of_member in PER_CENT.items()),
    ]


def text(table: list[list[str]]) -> str:
    return "\n".join(",".join(row) for row in table) + "\n"


def write_arrays(folder: Path, kind: str) -> None:
    """A folder of logits or probabilities of two members that are one network."""
    for name, values in PROBABILITIES.items():
        own = values if kind == "probabilities" else np.log(values) + 1
        for owner, array in {"labels": LABELS, "one": own, "two": own}.items():
            (folder / owner).mkdir(parents=True, exist_ok=True)
            np.save(folder / owner / f"{name}.npy", array)


Table = list[list[str]]
Edit = Callable[[Table], Table | None]  # changes a table, or returns another
ODD = ("", "nan", "-1", "inf", "True", "cat", str(2**62), "0x1", "1_0", "50%", "\x00")


def _write(name: str, content: str) -> str:
    Path(name).write_text(content, encoding="utf-8")
    return name


def _decisions(_: Path, edit: Edit) -> None:
    """The member of the second file is that of the first, so that both must agree."""
    table = rows("two")
    first = _write("first.csv", text(rows("one")))
    judge(read({"decisions": [first, _write("second.csv", text(edit(table) or table))]}))


def each(column: int, change: Callable[[str, int], str]) -> Edit:
    def edit(table: Table) -> None:
        for index, row in enumerate(table[1:]):
            row[column] = change(row[column], index % IMAGES)

    return edit


def one(column: int, change: Callable[[str], str]) -> Edit:
    def edit(table: Table) -> None:
        table[8][column] = change(table[8][column])

    return edit


def shuffled(table: Table) -> Table:
    return [table[0], *Random(0).sample(table[1:], len(table) - 1)]


def within_labels(table: Table) -> Table:
    """Rows in an order in which labels come as before, so that only the images' names tell of
    another."""
    random, order = Random(7), list(range(1, len(table)))
    for name in CONDITIONS:
        for label in "012":
            places = [
                place for place in order if table[place][0] == name and table[place][2] == label
            ]
            for place, row in zip(
                places, random.sample([table[place] for place in places], len(places)), strict=True
            ):
                table[place] = row
    return table


def numbered(spell: Callable[[int], str]) -> Edit:
    """Images by number, spelled so, in another order."""

    def edit(table: Table) -> Table:
        each(1, lambda name, index: spell(index))(table)
        return within_labels(table)

    return edit


# Tables that say the same in another way.
SAME: dict[str, Edit] = {
    "rows in another order": shuffled,
    "columns in another order": lambda table: [[row[3], row[2], row[0], row[1]] for row in table],
    "images by number": numbered(str),
    "names with folders": lambda table: (
        each(1, lambda name, i: f"{'012'[i % 3]}/{name}")(table) or shuffled(table)
    ),
    "answers with a point": one(3, "{}.0".format),
}
# Tables of other images, or that contradict themselves.
ALIKE = "name images alike, or number them from 0 in the same order"
WRONG: dict[str, tuple[Edit, str]] = {
    "images by number from 1": (numbered(lambda image: str(image + 1)), ALIKE),
    "all images renamed": (each(1, lambda name, index: f"other{index}"), ALIKE),
    "one image given twice": (
        lambda table: table.append(table[8]),
        "expected each image of test set 'clean' once",
    ),
    "an image missing": (
        lambda table: table.remove(table[8]),
        "differ from those of 'clean', with y07",
    ),
    "another label": (
        one(2, lambda label: str((int(label) + 1) % 3)),
        "expected label 2, as in 'clean', got 1",
    ),
    "a class far beyond": (one(3, lambda answer: "65536"), "expected a class near 2"),
    "a value too many": (lambda table: table[8].append("1"), "line 9: expected 4 values, got 5"),
    "no header": (lambda table: table[1:], "'test_set' not found"),
    "no rows": (lambda table: table[:1], "expected at least one row"),
    "no clean images": (
        lambda table: [row for row in table if row[0] != "clean"],
        "test set 'clean' not found",
    ),
    "the member of the first file": (
        lambda table: [[*table[0][:3], "one"], *table[1:]],
        "also in first.csv",
    ),
    "a misspelt corruption": (
        each(0, lambda name, index: "fogg.1" if name == "fog.1" else name),
        "mean fog.1?",
    ),
    "one number twice": (numbered(lambda image: "03" if image == 4 else str(image)), ALIKE),
}


def _row_numbers(most: int) -> Edit:
    """A column that counts rows, again from 0 after so many: it would be a member."""
    return lambda table: [
        [*table[0], "row_id"],
        *([*row, str(index % most)] for index, row in enumerate(table[1:])),
    ]


EACH = "expected answers of a member, got another value in each row"
WRONG |= {
    "row numbers": (_row_numbers(10**6), EACH),
    "row numbers of each test set": (_row_numbers(IMAGES), EACH),
}
DECISIONS = {name: (edit, ACCEPTED) for name, edit in SAME.items()} | WRONG
DECISIONS |= {
    f"{cell!r:.30} in column {column}": (
        one(column, lambda _, cell=cell: cell),
        ", row 8: expected a class",
    )
    for column in (2, 3)
    for cell in (*ODD, "0.5", "1e17")
}


def _parquet(_: Path, what: tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]) -> None:
    kind, change = what
    header, *values = scores() if kind == "scores" else rows("two")
    table = pd.DataFrame(values, columns=header)
    numbers = [name for name in header if name not in ("member", "test_set", "image")]
    change(table.astype(dict.fromkeys(numbers, float if kind == "scores" else int))).to_parquet(
        "own.parquet"
    )
    other = _write("first.csv", text(rows("one")))
    judge(read({kind: "own.parquet" if kind == "scores" else [other, "own.parquet"]}))


INDEXES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "numbers": lambda table: table[::-1],
    "names": lambda table: table.set_axis([f"row {index}" for index in range(len(table))]),
    "one column": lambda table: table.set_index(table.columns[0]),
    "all columns but one": lambda table: table.set_index(list(table.columns[:-1])),
}
INDEXED = {
    f"{kind}: {n}": ((kind, c), ACCEPTED)
    for kind in ("decisions", "scores")
    for n, c in INDEXES.items()
}
INDEXED |= {
    "scores: two columns of one name": (
        ("scores", lambda t: t.set_index("member", drop=False)),
        EITHER,
    ),
    "scores: without a name of members": (
        ("scores", lambda t: t.set_axis(t["member"]).drop(columns="member")),
        EITHER,
    ),
    "decisions: columns of two levels": (("decisions", lambda t: pd.concat({"a": t}, axis=1)), ""),
    "decisions: numbers for columns": (
        ("decisions", lambda t: t.set_axis([str(i) for i in range(4)], axis=1)),
        "",
    ),
    "decisions: categories": (
        ("decisions", lambda t: t.astype({"test_set": "category"})),
        ACCEPTED,
    ),
    "decisions: lists": (
        ("decisions", lambda t: t.assign(two=[[1]] * len(t))),
        "expected one value per row",
    ),
    "decisions: int8": (("decisions", lambda t: t.astype({"two": "int8"})), ACCEPTED),
    "decisions: true and false": (("decisions", lambda t: t.assign(two=t["two"] > 0)), ""),
    "decisions: gaps": (
        ("decisions", lambda t: t.assign(two=pd.array([None, *[1] * (len(t) - 1)], "Int64"))),
        "",
    ),
    "decisions: no rows": (("decisions", lambda t: t[:0]), ""),
}


def _scores(_: Path, edit: Edit) -> None:
    table = scores()
    judge(read({"scores": _write("own.csv", text(edit(table) or table))}))


def _of_values(change: Callable[[float], object]) -> Edit:
    return lambda table: [
        table[0],
        *([member, *(str(change(float(v))) for v in of)] for member, *of in table[1:]),
    ]


SCORES: dict[str, tuple[Edit, object]] = {
    "a cell with an exponent": (
        lambda table: table[1].__setitem__(2, f"{table[1][2]}e0"),
        ACCEPTED,
    ),
    "fractions": (_of_values(lambda value: value / 100), "fractions"),
    "fractions of clean images": (
        lambda table: [table[0], *([m, "0.9", *of] for m, _, *of in table[1:])],
        "fractions",
    ),
    "a member twice": (lambda table: [*table, table[1]], ""),
    "no clean column": (lambda table: [[row[0], *row[2:]] for row in table], ""),
    "a column twice": (lambda table: [[*row, row[3]] for row in table], ""),
    "a misspelt corruption": (
        lambda table: [[*table[0], "fog_2"], *([*row, "50"] for row in table[1:])],
        "",
    ),
}
SCORES |= {
    f"{cell!r}": (
        lambda table, c=cell: table[1].__setitem__(2, c),
        "column 'fog.1', row 1: expected a number",
    )
    for cell in (*ODD, "100.01", "-1e-9")
}


def _bytes(_: Path, change: tuple[str, Callable[[str], bytes]]) -> None:
    kind, encode = change
    decisions = [[*row, other[3]] for row, other in zip(rows("one"), rows("two"), strict=True)]
    Path("own.csv").write_bytes(encode(text(decisions if kind == "decisions" else scores())))
    judge(read({kind: "own.csv"}))


SAME_TEXT: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda content: content.encode("utf-8-sig"),
    "lines of Windows": lambda content: content.replace("\n", "\r\n").encode(),
    "blank lines": lambda content: content.replace("\n", "\n\n").encode(),
}
OTHER_TEXT: dict[str, Callable[[str], bytes]] = {
    "UTF-16": lambda content: content.encode("utf-16"),
    "tabs": lambda content: content.replace(",", "\t").encode(),
    "semicolons and decimal commas": lambda content: (
        content.replace(",", ";").replace(".", ",").encode()
    ),
    "half of it": lambda content: content.encode()[: len(content) // 2],
    "nothing": lambda content: b"",
    "a header beyond the limit of csv": lambda content: content.replace(
        "photos", "x" * 200_000, 1
    ).encode(),
    "a quote that does not end": lambda content: b'"' + content.encode(),
    "old Macs": lambda content: content.replace("\n", "\r\r").replace("two", "=cmd").encode(),
    "a very long line": lambda content: (content + "x" * 1_000_000).encode(),
}
ENCODED = {
    f"{kind}: {name}": ((kind, encode), expected)
    for kind in ("decisions", "scores")
    for encodings, expected in ((SAME_TEXT, ACCEPTED), (OTHER_TEXT, ""))
    for name, encode in encodings.items()
}


def _described(_: Path, edit: Edit) -> None:
    """What a table says of the members: who they are, how many parameters they have, of which
    family they are."""
    table = [["member", "family", "parameters"], ["one", "a", "30000000"], ["two", "b", "20000000"]]
    about = _write("about.csv", text(edit(table) or table))
    study = load(elsewhere({"scores": _write("own.csv", text(scores())), "members": about}))
    told = study.described_elsewhere()
    if (
        told["family"].str.lower().nunique() < told["family"].nunique()
        or (told["parameters"].dropna() < 1000).any()
    ):
        raise Wrong(f"{told.to_dict('records')}")


DESCRIBED: dict[str, tuple[Edit, object]] = {
    "no parameters of one": (lambda table: table[2].__setitem__(2, ""), ACCEPTED),
    "parameters with an exponent": (lambda table: table[2].__setitem__(2, "2.56e7"), ACCEPTED),
    "a row of another beside all": (
        lambda table: table.append(["another", "c", "5000"]),
        "external.members: member 'another' is in no file of members; rename it, or remove its row",
    ),
    "families that differ in case": (
        lambda table: table[2].__setitem__(1, "A"),
        "differ only in case",
    ),
    "a family that is a formula": (
        lambda table: table[2].__setitem__(1, "=b"),
        "family '=b' must not begin with =",
    ),
    "recipes that are formulas": (
        lambda table: [
            [*row, f"=cmd{number}" if number else "recipe"] for number, row in enumerate(table)
        ],
        "recipe '=cmd1' must not begin with =",
    ),
    "a member twice": (lambda table: table[2].__setitem__(0, "one"), "duplicate member 'one'"),
    "a column unknown": (lambda table: table[0].__setitem__(1, "kind"), "column 'kind' not found"),
    "an architecture unknown": (
        lambda table: [["member", "architecture"], ["one", "resnet18"], ["two", "resnet0"]],
        "row 2: expected the name of an architecture of timm, got 'resnet0'",
    ),
}
DESCRIBED |= {
    f"parameters {cell}": (
        lambda table, cell=cell: table[2].__setitem__(2, cell),
        "column 'parameters', row 2",
    )
    for cell in ("25.6", "999", "0", "-25600000", "1e400", "inf", "1e19", "25.6M", "0x10", "true")
}


def _added(_: Path, change: tuple[tuple[str, ...], Edit]) -> None:
    """A file of some of the study's test sets; its member is that of the study, so that both must
    agree."""
    names, edit = change
    table = [row for row in rows("two") if row[0] in ("test_set", *names)]
    file = _write("mine.csv", text(edit(table) or table))
    found = read(
        {"decisions": _write("first.csv", text(rows("one"))), "test_sets": ["photos"]}, add=[file]
    )
    judge(found)
    (lengths,) = {len(of_member) for of_member in found.values()}
    if len(found) < 2 or lengths != len(
        set(names) - ({"fog.1"} if "clean" not in names else set())
    ):
        raise Wrong(f"{len(found)} members under {lengths} conditions")


SETS = (("clean",), ("photos",), ("clean", "fog.1"), CONDITIONS)
ADDED: dict[str, tuple[object, object]] = {
    "other images": ((CONDITIONS, each(1, lambda name, index: f"{name}x")), ""),
    "a corruption alone": ((("fog.1",), lambda table: None), "expected a test set of the study"),
    **{" and ".join(names): ((names, shuffled), ACCEPTED) for names in SETS},
}
# Sections of a study of files from elsewhere, and of what else the default study lacks, with keys
# of odd values.
SECTIONS = {
    "external": "decisions logits scores score_type members clean test_sets classes images "
    "clean_on",
    "designs.own": "weights revision classes mean std input_size crop interpolation training "
    "arguments family recipe",
    "statistics": "reference robustness accuracy_on confidence",
    "deployment": "limits margin objective quantile",
    "test_sets.own": "folder images labels groups classes",
    "": "add costs ensemble",
}
OWN = {"architecture": "resnet18.a1_in1k", "weights": "pretrained"}


def _section(_: Path, what: tuple[str, str, object]) -> None:
    section, key, value = what
    _write("own.csv", text(scores()))
    config = (
        elsewhere({"scores": "own.csv"})
        if section in ("external", "", "statistics")
        else copy.deepcopy(CONFIG)
    )
    config["designs"]["own"] = dict(OWN)
    config["members"]["designs"] += ["own"] if config["dataset"] else []
    config |= {"test_sets": {"own": {"folder": "."}}} if config["dataset"] else {}
    inner = config
    for part in filter(None, section.split(".")):
        inner = inner[part]
    inner[key] = copy.deepcopy(value)
    load(config)


ODD_OF_SECTIONS = (
    None,
    True,
    -1,
    10**30,
    "",
    "own.csv",
    ".",
    [],
    {},
    ["own.csv"] * 2,
    [None],
    {"own": -1},
    "\x00",
)
OF_SECTIONS = {
    f"{section}.{key}: {value!r:.20}": ((section, key, value), EITHER)
    for section, keys in SECTIONS.items()
    for key in keys.split()
    for value in ODD_OF_SECTIONS
}
AREAS = (
    Area("keys of other studies", _section, OF_SECTIONS),
    Area("decisions", _decisions, DECISIONS),
    Area("Parquet tables", _parquet, INDEXED),
    Area("scores", _scores, SCORES),
    Area("encodings of tables", _bytes, ENCODED),
    Area("descriptions of members", _described, DESCRIBED),
    Area("added files", _added, ADDED),
)
