"""What tables say of members and of conditions: fractions beside per cent, millions beside counts, other spellings."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from attacks.cases import Case, Wrong, allowed
from attacks.studies import elsewhere

from resiliency.data.source import ALL, SPLITS, Part, Source
from resiliency.data.split import with_groups
from resiliency.study.files import load

SCORES = {"clean": (70.5, 80.25, 91.0), "fog.1": (50.0, 60.5, 70.0), "photos": (40.0, 55.5, 61.0)}
MEMBERS = ("net-s0", "net-s1", "other")
COUNTS = (
    "25.6",
    "0.5",
    "999",
    "0",
    "-25600000",
    "1e400",
    "inf",
    "-inf",
    "1e19",
    "25,6",
    "25.6M",
    "2.56e",
    "0x10",
    "true",
)
FINE = ("1000", "25600000", "2.56e7", "25600000.0", "1e18", "")
FAMILIES = (("ResNet", "resnet"), ("RESNET", "ResNet"), ("vit", "ViT"), ("Äa", "äA"))


def described() -> Iterator[Case]:
    """Tables of scores and about members, and of groups of images."""
    for columns in product((False, True), repeat=3):
        for kind, alone in product(("accuracy", "error"), (False, True)):
            wrong = any(columns) and (kind == "accuracy" or not columns[0] or all(columns))
            act = partial(_scores, columns=columns, kind=kind, alone=alone)
            name = f"{kind}: fractions in {[*np.compress(columns, list(SCORES))]}{', one member' * alone}"
            yield Case(name, act if wrong else allowed(act), "expected per cent, got fractions" if wrong else None)
    for column, cell, row in product(("parameters", "macs"), COUNTS, range(3)):
        about = [["", column], *([name, "30000000"] for name in MEMBERS)]
        about[1 + row][1] = cell
        yield Case(f"{column} {cell} in row {row}", partial(_about, about=about), f"column {column!r}, row {row + 1}")
    for column, cell in product(("parameters", "macs"), FINE):
        about = [["", column], *([name, "30000000"] for name in MEMBERS[:2]), [MEMBERS[2], cell]]
        yield Case(f"{column} {cell!r}", allowed(partial(_about, about=about)), None)
    for (one, other), places in product(FAMILIES, ((0, 1), (0, 2), (1, 2), (2, 0))):
        families = dict(zip(MEMBERS, ("a", "a", "a"), strict=True))
        families |= {MEMBERS[places[0]]: one, MEMBERS[places[1]]: other}
        about = [["", "family"], *([name, family] for name, family in families.items())]
        yield Case(f"families {one}, {other} of {places}", partial(_about, about=about), "differ only in case")
    for odd in ("othr", "OTHER", "other-s0", "net-s2", "net", "x", "net_s0"):
        about = [["", "family"], ["net-s0", "a"], ["net-s1", "a"], [odd, "b"]]
        yield Case(f"a row of {odd}", partial(_about, about=about), "external.members: ")
    about = [["", "family"], *([name, "a"] for name in (*MEMBERS, "another", "more"))]
    yield Case("rows of others beside all", allowed(partial(_about, about=about)), None)
    for seed in range(20):
        yield Case(f"a film in two splits, {seed}", partial(_groups, seed=seed, kind="shared"), "of another split")
        yield Case(f"a film per image, {seed}", partial(_groups, seed=seed, kind="single"), "is a group of its own")
        yield Case(f"films, {seed}", allowed(partial(_groups, seed=seed, kind="fine")), None)


def _study(**external: Any) -> None:
    Path("scores.csv").exists() or _write_scores((False,) * 3, "accuracy", MEMBERS)
    study = load(elsewhere({"scores": "scores.csv"} | external) | {"members": {"designs": [], "baseline": "other"}})
    if external.get("members"):
        families = study.described_elsewhere()["family"].str.lower()
        parameters = study.described_elsewhere()["parameters"].dropna()
        if families.nunique() < study.described_elsewhere()["family"].nunique() or (parameters < 1000).any():
            raise Wrong(f"{families.tolist()}, {parameters.tolist()}")


def _write_scores(columns: tuple[bool, ...], kind: str, members: tuple[str, ...]) -> None:
    lines = [",".join(["member", *SCORES])]
    for row, member in enumerate(MEMBERS):
        values = [of_set[row] if kind == "accuracy" else 100 - of_set[row] for of_set in SCORES.values()]
        cells = [f"{value / 100 if part else value:.6g}" for value, part in zip(values, columns, strict=True)]
        lines += [",".join([member, *cells])] if member in members else []
    Path("scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _scores(_: Path, columns: tuple[bool, ...], kind: str, alone: bool) -> None:
    _write_scores(columns, kind, MEMBERS[2:] if alone else MEMBERS)
    _study(score_type=kind)


def _about(_: Path, about: list[list[str]]) -> None:
    about[0][0] = "member"
    Path("about.csv").write_text("\n".join(";".join(row) for row in about) + "\n", encoding="utf-8")
    _study(members="about.csv")


def _groups(_: Path, seed: int, kind: str) -> None:
    """Images of arrays, the test apart: films of three frames for training, and a film of its own for the test."""
    random = np.random.default_rng(seed)
    images, labels = np.zeros((30, 32, 32, 3), np.uint8), np.arange(30) % 2
    part = Part(images, labels, [f"a{index}" for index in range(30)])
    test = Part(images[:6], labels[:6], [f"t{index}" for index in range(6)])
    films = random.permutation(30) if kind == "single" else random.permutation(30) // 3
    rows = [f"a{index},{film}" for index, film in enumerate(films)]
    rows += [f"t{index},{'test' if kind != 'shared' or index != seed % 6 else films[seed]}" for index in range(6)]
    Path("groups.csv").write_text("\n".join(["image,group", *random.permutation(rows)]), encoding="utf-8")
    grouped = with_groups(Source("own", ["x", "y"], {"train": part, "test": test}), "groups.csv", SPLITS)
    if grouped.parts["train"].groups.max() != films.max() or ALL in grouped.parts:
        raise Wrong("other groups")
