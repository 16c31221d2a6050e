"""Studies of one's own side by side."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ended_runs import end_run
from fault_messages import fault_of
from scipy.stats import binom
from synthetic import synthetic_tables

from resiliency import comparison
from resiliency.analysis.judging import halves
from resiliency.cli import main
from resiliency.prediction.reading import all_conditions
from resiliency.report.overview import contenders
from resiliency.statistics.intervals import flipped
from resiliency.storage import read_table, write_json, write_table

IMAGES, CLASSES, NAMES = 200, ["cat", "dog"], ["fog", "snow", "spatter"]
TRUTH = np.arange(IMAGES) % 2
# Beside the members of the recommended model.
SHARED = ("resnet18-s0", "resnet18-s1", "vit-s0", "vit-s1")


def answers_of(random: np.random.Generator, errors: float) -> np.ndarray:
    """Clean, under fog, under snow and, held out, under spatter, where all are wrong if a third is
    elsewhere."""
    answers = np.where(random.random((1 + len(NAMES), IMAGES)) < errors, 1 - TRUTH, TRUTH)
    answers[-1] = 1 - TRUTH if errors > 0.2 else TRUTH
    return answers


def finished(
    folder: Path,
    errors: float,
    classes: list[str] = CLASSES,
    digest: str = "a",
    decisions=False,
    **columns,
) -> Path:
    """A study in `folder` whose models get about this share of images wrong; `columns` of its
    tables are changed."""
    columns = {"members": {"validation_accuracy": 0.9}} | columns
    random, tables = np.random.default_rng(round(100 * errors)), synthetic_tables()
    conditions = all_conditions(NAMES, [1], {"clean": IMAGES, "night": 3}, {"clean": 2, "night": 2})
    write_table(folder / "conditions.csv", conditions)
    (folder / "tables").mkdir()
    for name in ("members", "deployment"):
        write_table(folder / f"tables/{name}.csv", tables[name].assign(**columns.get(name, {})))
    study = {
        "study": folder.name,
        "seed": 0,
        "corruptions": {"names": NAMES},
        "statistics": {"confidence": 0.95},
    }
    study |= {"dataset": {"name": "digits"}, "training": {"epochs": round(100 * errors)}}
    write_json(folder / "provenance.json", {"study": study})
    (folder / "data/test").mkdir(parents=True)
    write_json(
        folder / "data/card.json", {"classes": classes, "splits": {"test": {"sha256": digest}}}
    )
    np.save(folder / "data/test/labels.npy", TRUTH)
    recommended = contenders(tables["deployment"])[0]["members"].split("+")
    of_recommended = answers_of(random, errors)
    for member in dict.fromkeys((*recommended, *SHARED)):
        path = folder / f"predictions/{member}/clean.npy"
        path.parent.mkdir(parents=True)
        answers = of_recommended if member in recommended else answers_of(random, errors)
        np.save(path, answers if decisions else np.eye(2, dtype=np.float16)[answers])
    return end_run(folder)


def compared(*folders: Path) -> pd.DataFrame:
    return comparison.difference_table(comparison.read_studies(list(folders)))


def of(differences: pd.DataFrame, question: str, images: str = "corrupted") -> pd.DataFrame:
    return differences[(differences["question"] == question) & (differences["images"] == images)]


def wrong(folder: Path, member: str) -> np.ndarray:
    """Whether a member errs under each condition on each image, held-out corruptions left out."""
    answers = np.load(folder / f"predictions/{member}/clean.npy")
    return ((answers.argmax(axis=-1) if answers.ndim == 3 else answers) != TRUTH)[:-1]


def test_differences_are_those_of_the_same_images_without_held_out_corruptions(tmp_path):
    """One study has logits; the other has decisions."""
    one = finished(tmp_path / "one", 0.1)
    two = finished(tmp_path / "two", 0.3, decisions=True)
    differences = compared(one, two)
    judged, (row,) = halves(TRUTH, 0)[1], of(differences, comparison.RECOMMENDED).to_dict("records")
    member = row["model"].partition(" against ")[0].partition("+")[0]
    expected = (wrong(two, member).astype(float) - wrong(one, member))[1:, judged].mean()
    assert row["difference"] == pytest.approx(expected)
    assert 0 < row["low"] < expected < row["high"]
    assert (row["study"], row["reference"], row["n_images"], row["units"]) == (
        "two",
        "one",
        100,
        100,
    )
    table = of(differences, comparison.MEMBERS, "clean").set_index("model")
    for member in SHARED:
        difference = wrong(two, member)[0].mean() - wrong(one, member)[0].mean()
        assert table.loc[member, "difference"] == pytest.approx(difference)


def false_difference(
    random: np.random.Generator, n_images: int, pairs: int, size: int, errors: float
) -> bool:
    """Whether any of so many pairs of equally good networks seem to differ; all images of a unit
    are wrong together."""
    chances = np.clip(errors * random.exponential(size=n_images), 0, 1)
    of_units = (random.random((2, pairs, n_images)) < chances).astype(float)
    each = of_units[0] - of_units[1]
    each = each[each.any(axis=1)]
    sizes = np.tile(1 + np.arange(n_images) % size, (len(each), 1)).T
    if not len(each):
        return False
    sums = each.T * sizes
    return bool(
        (np.abs(sums.sum(axis=0) / sizes.sum(axis=0)) > flipped(sums, sizes, 0.95, random)).any()
    )


@pytest.mark.parametrize(
    ("images", "pairs", "size", "errors"), [(60, 1, 1, 0.03), (90, 8, 1, 0.1), (40, 3, 6, 0.2)]
)
def test_noise_makes_a_false_difference_in_no_more_than_5_percent(images, pairs, size, errors):
    random, runs = np.random.default_rng(0), 400
    found = sum(false_difference(random, images, pairs, size, errors) for _ in range(runs))
    assert found <= binom.ppf(0.999, runs, 0.05)


def test_the_same_answers_have_no_interval_and_other_images_no_difference(tmp_path):
    one, other = finished(tmp_path / "one", 0.1), finished(tmp_path / "other", 0.1, digest="b")
    same = finished(tmp_path / "same", 0.1)
    differences = compared(one, same)
    assert "0.0, the same answers on all images" in comparison.printed(differences).splitlines()[1]
    assert (differences["difference"] == 0).all()
    assert differences["low"].isna().all()
    assert set(differences["not_comparable"]) == {comparison.SAME_ANSWERS}
    differences = compared(one, other)
    assert differences["difference"].isna().all()
    assert set(differences["not_comparable"]) == {"other test images"}
    counted = differences[differences["question"] == differences["question"].iloc[-1]].groupby(
        "images", sort=False
    )
    lines = comparison.printed(differences).splitlines()
    assert [line[-17:] for line in lines[-2:]] == [
        f"{len(rows)} members of both" for _, rows in counted
    ]
    np.save(other / "data/test/units.npy", TRUTH)
    two = finished(tmp_path / "two", 0.3)
    alone, beside = (compared(one, two, *more) for more in ([], [end_run(other)]))
    pd.testing.assert_frame_equal(
        beside[beside["study"] == "two"].reset_index(drop=True), alone, check_dtype=False
    )
    for study in (one, two):
        # Two films, one of which judges the recommended models.
        np.save(study / "data/test/units.npy", TRUTH)
    differences = compared(end_run(one), end_run(two))
    assert set(of(differences, comparison.RECOMMENDED)["not_comparable"]) == {comparison.ONE_UNIT}
    of_cows = finished(tmp_path / "cows", 0.1, ["cat", "cow"])
    assert "not comparable" in fault_of(comparison.read_studies, [one, of_cows])
    provenance = json.loads((same / "provenance.json").read_text())
    provenance["tables"].remove("deployment")  # an earlier run left it
    write_json(same / "provenance.json", provenance)
    differences = compared(one, same)
    assert set(of(differences, comparison.RECOMMENDED)["not_comparable"]) == {
        "same recommends no model"
    }


def test_a_study_with_another_seed_is_compared_on_clean_images_that_neither_selected_on(tmp_path):
    folders = [
        finished(tmp_path / f"study{name}", errors) for name, errors in enumerate((0.3, 0.1, 0.2))
    ]
    changed(folders[2], lambda study: study.update(seed=1))
    differences = compared(*folders)
    whys = of(differences, comparison.RECOMMENDED).set_index("study")["not_comparable"]
    assert whys.to_dict() == {
        "study1": "",
        "study2": "another seed, which corrupts images in another way",
    }
    of_both = np.intersect1d(halves(TRUTH, 0)[1], halves(TRUTH, 1)[1])
    assert of(differences, comparison.RECOMMENDED, "clean")["n_images"].tolist() == [
        100,
        len(of_both),
    ]


def test_no_interval_reaches_beyond_what_errors_can_differ_by_and_significance_is_said(tmp_path):
    """Of three units of images, whose interval would reach beyond a difference of all images."""
    folders = [finished(tmp_path / name, errors) for name, errors in (("one", 0.1), ("two", 0.3))]
    clear = comparison.printed(compared(*folders)).splitlines()[1]
    assert "(significant)" in clear
    for folder in folders:
        np.save(folder / "data/test/units.npy", np.minimum(np.arange(IMAGES) // 60, 2))
        end_run(folder)
    differences = compared(*folders)
    known = differences.dropna(subset=["low"])
    assert len(known)
    assert known["low"].min() >= -1
    assert known["high"].max() <= 1
    assert (known["high"] == 1).any()
    assert "(not significant)" in comparison.printed(differences)


def test_the_table_is_printed_and_kept_and_drawn(tmp_path, capsys):
    one, two = finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.3)
    main(["compare", str(one), str(two), "--output", str(tmp_path / "both.csv")])
    lines, differences = capsys.readouterr().out.splitlines(), pd.read_csv(tmp_path / "both.csv")
    assert len(lines) == len(differences) + 3
    (row,) = of(differences, comparison.RECOMMENDED).to_dict("records")
    assert (
        f"{100 * row['difference']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        in lines[1]
    )
    assert lines[1].endswith(row["model"])
    sizes = of(differences, comparison.MEMBERS).set_index("model")["difference"].abs()
    first = [line.split()[-1] for line in lines[3 : 3 + len(sizes)]]
    assert sizes[first].is_monotonic_decreasing
    assert first != list(sizes.index)
    assert lines[-2:] == [str(tmp_path / name) for name in ("both.csv", "both.svg")]
    assert all(f">{member}<" in (tmp_path / "both.svg").read_text() for member in SHARED)


def changed(folder: Path, change: Callable[[dict], object], severity: int | None = None) -> Path:
    """The study with other settings, and another severity of all its corruptions."""
    provenance = json.loads((folder / "provenance.json").read_text())
    change(provenance["study"])
    if severity:
        conditions = read_table(folder / "conditions.csv")
        write_table(
            folder / "conditions.csv",
            conditions.assign(severity=conditions["severity"].clip(0, 1) * severity),
        )
    return end_run(folder, provenance)


@pytest.mark.parametrize(
    ("engine", "severity", "pixels", "why"),
    [
        ("imagecorruptions", None, 0, "other corruptions"),
        ("compiled", 2, 0, "other corruptions"),
        ("compiled", None, 1, "other corrupted images"),
    ],
)
def test_errors_under_other_corruptions_are_not_compared(tmp_path, engine, severity, pixels, why):
    folders = [finished(tmp_path / "one", 0.1), finished(tmp_path / "two", 0.3)]
    for value, folder in zip((0, pixels), folders, strict=True):
        (folder / "corrupted").mkdir()
        np.save(folder / "corrupted/fog.npy", np.full(3, value))
    changed(folders[0], lambda study: study["corruptions"].update(engine="compiled"))
    changed(folders[1], lambda study: study["corruptions"].update(engine=engine), severity)
    differences = compared(*folders)
    assert set(of(differences, comparison.MEMBERS)["not_comparable"]) == {why}
    assert of(differences, comparison.MEMBERS, "clean")["not_comparable"].eq("").all()
