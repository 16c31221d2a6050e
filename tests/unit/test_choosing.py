"""Members chosen by accuracy and by diversity: by hand, against plain loops, without an effect, and
what is missing."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, predictions_of
from scipy.special import logit, softmax
from scipy.stats import entropy
from scipy.stats import t as student

from resiliency.analysis import choosing as rules
from resiliency.base.names import CATEGORIES
from resiliency.diversity.metrics import UNKNOWN
from resiliency.diversity.representations import linear_cka
from resiliency.ensembles import pool
from resiliency.ensembles.combination import VOTE
from resiliency.report.choosing import choosing

CORRUPTIONS = ("gaussian_noise", "glass_blur", "fog", "contrast")
PROBES, CLASSES = 24, 3


class Drawn:
    """Random members, two per family, with `skill` for the label; `labels_alone` leaves their
    decisions only."""

    def __init__(
        self, seed=0, families=6, images=60, skill=1.5, corruptions=CORRUPTIONS, labels_alone=False
    ):
        random = np.random.default_rng([seed, families])
        count = 2 * families
        names = [f"d{index // 2}-s{index % 2}" for index in range(count)]
        self.labels = random.permutation(np.arange(images) % CLASSES)
        self.conditions = conditions_of(list(corruptions), [1, 3], images)
        shape = len(self.conditions), images, CLASSES
        self.logits = random.standard_normal(shape) + random.standard_normal((count, *shape))
        self.logits[..., np.arange(images), self.labels] += np.broadcast_to(skill, count)[
            :, None, None
        ]
        self.logits = self.logits.astype(np.float16)
        self.maps = dict(zip(names, random.standard_normal((count, PROBES, 4, 4)), strict=True))
        self.members = pd.DataFrame({"member": names, "family": [name[:2] for name in names]})
        given = self.logits.astype(np.float32).argmax(axis=-1) if labels_alone else self.logits
        predictions = [predictions_of(self.conditions, self.labels, of) for of in given]
        self.predictions = dict(zip(names, predictions, strict=True))

    def read(self, name: str, source: str) -> np.ndarray:
        return self.maps[name].reshape(PROBES, -1) if source == "features" else self.maps[name]

    def table(
        self, networks=None, probes=PROBES, methods=("saliency",), lacking=()
    ) -> pd.DataFrame:
        known = self.members["member"].tolist() if networks is None else networks

        def read(name: str, source: str) -> np.ndarray:
            array = self.read(name, source) if name in known else UNKNOWN
            return array * np.nan if (name, source) in lacking else array

        return rules.choosing_table(self.members, self.predictions, read, methods, probes, 0, 0.95)


def plain(drawn: Drawn, halves: list[np.ndarray], labels_alone: bool, without: str | None) -> dict:
    """Choice and size -> error and wrong answers at 90%, a set of members at a time, but for random
    choice."""
    family = dict(drawn.members.itertuples(index=False))
    names = [name for name in family if family[name] != without]
    p = dict(zip(family, softmax(drawn.logits.astype(np.float32), axis=-1), strict=True))
    corruption, found = drawn.conditions["corruption"].tolist(), {}

    def answers(chosen, rows, images):
        """Confidence, and the probability of a wrong answer, under each condition, for each
        image."""
        labels, of = drawn.labels[images], [p[name][rows][:, images] for name in chosen]
        if not labels_alone:
            total = sum(of) / len(of)
            return total.max(axis=-1), (total.argmax(axis=-1) != labels).astype(float)
        votes = sum(np.eye(CLASSES)[one.argmax(axis=-1)] for one in of)
        most = votes == votes.max(axis=-1, keepdims=True)
        return votes.max(axis=-1), 1 - most[:, np.arange(len(images)), labels] / most.sum(axis=-1)

    def apart(kind, one, other, rows, images, half):
        a, b = (p[name][rows][:, images] for name in (one, other))
        if kind == "prediction" and labels_alone:
            return (a.argmax(axis=-1) != b.argmax(axis=-1)).mean()
        if kind == "prediction":
            mixed, own = (
                entropy((a + b) / 2, base=2, axis=-1),
                entropy(np.stack([a, b]), base=2, axis=-1),
            )
            return (mixed - own.mean(axis=0)).mean()
        a, b = (drawn.maps[name][drawn.of_probe == half].reshape(-1, 16) for name in (one, other))
        if kind == "activation":
            return 1 - linear_cka([a, b])[0, 1]
        return 1 - np.mean([x @ y / np.sqrt((x @ x) * (y @ y)) for x, y in zip(a, b, strict=True)])

    for half, left_out in product((0, 1), CATEGORIES):
        seen = [
            row for row, name in enumerate(corruption) if row and name not in CATEGORIES[left_out]
        ]
        new = [row for row, name in enumerate(corruption) if name in CATEGORIES[left_out]]
        images, others = halves[half], halves[1 - half]

        def error(chosen, seen=seen, images=images):
            return answers(chosen, seen, images)[1].mean().round(12)

        ranked = sorted(names, key=lambda name, error=error: error([name]))
        near = [name for name in ranked if error([name]) <= error(ranked[:1]) + rules.NEAR + 1e-9]
        for size in rules.SIZES:
            chosen, among = (
                {"most_accurate": ranked[:size]},
                near if len(near) >= size else ranked[:size],
            )
            for rule in ("greedy", "greedy_distinct_families"):
                path = chosen[rule] = []
                while len(path) < size:
                    taken = (
                        path
                        if rule == "greedy"
                        else [n for n in names if family[n] in {family[m] for m in path}]
                    )
                    rest = [name for name in names if name not in taken]
                    path.append(
                        min(rest, key=lambda new, path=path, error=error: error([*path, new]))
                    )
            for choice, kind in rules.KINDS.items():
                path = chosen[choice] = among[:1]
                while len(path) < size:
                    told = seen, images, half
                    sums = {
                        new: sum(apart(kind, new, of, *told) for of in path)
                        for new in among
                        if new not in path
                    }
                    path.append(max(sums, key=sums.get))
            for choice, of in chosen.items():
                sure, wrong = (values.ravel() for values in answers(of, new, others))
                sure = np.round(sure, 6)
                count, least = (
                    0.9 * len(sure),
                    np.sort(sure)[::-1][int(np.ceil(0.9 * len(sure))) - 1],
                )
                given = (
                    wrong[sure > least].sum()
                    + (count - (sure > least).sum()) * wrong[sure == least].mean()
                )
                found.setdefault((choice, size), []).append((wrong.mean(), given / len(sure)))
    return {key: np.mean(of, axis=0) for key, of in found.items()}


@pytest.mark.parametrize("labels_alone", [False, True], ids=["probabilities", "labels"])
def test_choices_and_intervals_are_those_of_plain_loops(labels_alone, monkeypatch):
    monkeypatch.setattr(pool, "BINS", 2**14)  # so that no answers share a bin
    monkeypatch.setattr(
        pool, "confidence_bins", lambda sure: ((logit(sure) + 6) * 2**10).astype(int)
    )
    drawn = Drawn(
        2, images=20, families=6, skill=np.repeat([1.4, 1.5, 1.6], 4), labels_alone=labels_alone
    )
    chosen_from = rules.Pool(drawn.members, list(drawn.predictions.values()), 16, 0)
    drawn.maps = {name: of[:16] for name, of in drawn.maps.items()}
    drawn.of_probe = chosen_from.of_probe
    assert np.bincount(chosen_from.of_probe).tolist() == [8, 8]
    assert sorted(np.concatenate(chosen_from.images)) == list(range(20))
    families = sorted(drawn.members["family"].unique())
    expected = [
        plain(drawn, chosen_from.images, labels_alone, without) for without in (None, *families)
    ]
    drawn.read = lambda name, source: (
        drawn.maps[name].reshape(16, -1) if source == "features" else drawn.maps[name]
    )
    table = drawn.table(probes=16)
    for row in table[table["choice"] != "random"].to_dict("records"):
        of = np.array([each[row["choice"], row["size"]] for each in expected])
        greedy = np.array([each["greedy", row["size"]] for each in expected])
        for column, name in enumerate(rules.OUTCOMES):
            assert row[name] == pytest.approx(of[0, column], abs=1e-6)
            values = (of - greedy)[:, column]
            if not (of - greedy).any():
                assert np.isnan(row[f"{name}_difference_low"])
                alike = "no interval: chooses as greedily by error"
                assert row["missing"] == (alike if row["choice"] != "greedy" else "")
                continue
            reach = student.ppf(0.975, 5) * np.sqrt(5 * np.var(values[1:]))
            ends = [row[f"{name}_difference_{end}"] for end in ("low", "high")]
            assert ends == pytest.approx([values[0] - reach, values[0] + reach], abs=1e-5)
    assert (table["rule"] == (VOTE if labels_alone else "mean_probability")).all()


def test_without_an_effect_differences_are_about_0_and_intervals_hold_it():
    """Members are equally good, so that all rules choose equally good ones."""
    tables = pd.concat([Drawn(seed, images=45).table().assign(study=seed) for seed in range(10)])
    for (choice, size), rows in tables[~tables["choice"].str.startswith("greedy")].groupby(
        ["choice", "size"]
    ):
        values = rows["error_difference"]
        assert abs(values.mean()) < 3.2 * values.sem(), (choice, size)
    rows = tables.dropna(subset=["error_difference_low"])
    for name in ("error", "wrong_at_90"):
        covered = (rows[f"{name}_difference_low"] <= 0) & (rows[f"{name}_difference_high"] >= 0)
        assert covered.mean() > 0.95
    assert set(tables["verdict"]) == {"", rules.UNDECIDED}


LACKING = {"lacking": [("d0-s0", "grad_cam")]}
FEW = "no interval: needs 5 families, got 4"
ONE_CATEGORY = "needs two of the categories noise, blur, weather, digital, got 1"
MISSING = [
    # options of the members, of the table, rows and what is said of them
    ({"families": 4}, {}, ("greedy", 2), ""),
    ({"families": 4}, {}, ("attribution_diversity", 3), FEW),
    ({"families": 4}, {}, ("greedy_distinct_families", 5), "too few families, 4"),
    (
        {"families": 5},
        {},
        ("greedy_distinct_families", 5),
        "no interval: too few members without one of the families",
    ),
    ({"families": 1}, {}, ("greedy", 2), "needs more than 2 members, got 2"),
    ({"corruptions": ["fog", "snow"]}, {}, ("random", 2), ONE_CATEGORY),
    ({}, {"networks": ["d0-s0"]}, ("activation_diversity", 2), "not known for 11 of 12 members"),
    ({}, {"probes": 6}, ("attribution_diversity", 2), "needs 8 attribution images, got 6"),
    (
        {},
        {"methods": ["grad_cam"]} | LACKING,
        ("attribution_diversity", 2),
        "not known for 1 of 12 members",
    ),
]


@pytest.mark.parametrize(
    ("members", "options", "row", "missing"), MISSING, ids=[row[3] or "nothing" for row in MISSING]
)
def test_what_is_missing_is_said(members, options, row, missing):
    table = Drawn(**members).table(**options).set_index(["choice", "size"]).loc[row]
    assert table["missing"] == missing
    assert np.isnan(table["error_difference_low"])
    assert np.isnan(table["error"]) != (missing in ("", FEW) or missing.startswith("no interval"))
    assert table["verdict"] in (rules.NOT_TESTED, "")


def test_methods_that_do_not_apply_to_all_members_are_left_out():
    table = Drawn().table(methods=["saliency", "grad_cam"], **LACKING).set_index(["choice", "size"])
    assert table.loc[("attribution_diversity", 2), "metrics"] == "saliency_cosine"


def test_verdicts_are_corrected_over_kinds_and_sizes():
    rows = [(choice, size, 0.5, 0.01) for choice in rules.CHOICES for size in rules.SIZES]
    table = pd.DataFrame(rows, columns=["choice", "size", "p_value", "error_difference"])
    table.loc[table["choice"] == "most_accurate", "p_value"] = 1e-9
    of = table["choice"] == "attribution_diversity"
    table.loc[of, "p_value"], table.loc[of, "error_difference"] = (
        [0.005, 0.0051, 0.0073],
        [-0.01, 0.01, -0.01],
    )
    judged = rules.with_verdicts(table, 0.95)
    assert judged.loc[of, "p_holm"].tolist() == pytest.approx([0.045, 0.045, 0.0511])
    assert judged.loc[of, "verdict"].tolist() == [rules.WORTH, rules.WORSE, rules.UNDECIDED]
    assert judged.loc[table["choice"] == "most_accurate", "verdict"].tolist() == [""] * 3


def test_the_first_line_says_whether_diversity_is_worth_choosing_by():
    table = Drawn(families=8).table()
    said = choosing(table)
    assert said.said.startswith(
        "Diversity of attributions, predictions and activations is not shown to be worth"
    )
    assert [len(cells) for cells in said.table] == [7] * (1 + len(rules.CHOICES))
    of = table["choice"] == "attribution_diversity"
    table.loc[of & (table["size"] == 3), "verdict"] = rules.WORTH
    said = choosing(table).said
    assert said.startswith(
        "Diversity of attributions is worth choosing by: the error of choice by attributions minus"
    )
    assert " with 3 members, in percentage points. Diversity of predictions and" in said
    table.loc[of, ["verdict", "missing"]] = rules.NOT_TESTED, "not known for 3 of 24 members"
    assert choosing(table).said.startswith(
        "Diversity of attributions is not tested (not known for 3 of 24 members). D"
    )
