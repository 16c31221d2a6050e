"""Observations 2 to 4: each finds a truth that was planted, and says so when it cannot tell."""

from itertools import combinations, product
from math import comb

import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.observations import balance_is_most_resilient, of_joint_training
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import architecture_brings_diversity
from resiliency.analysis.verdicts import Observation, observation_rows, verdict_of
from resiliency.base.streams import stream
from resiliency.statistics.intervals import ANGULAR

PAIRS = pd.DataFrame(
    [
        ("prediction", "label_disagreement"),
        ("attribution", "saliency_cosine"),
        ("activation", "linear_cka"),
    ]
    * 2,
    columns=["kind", "metric"],
)


def ensemble_rows(
    prediction: float = 0,
    attribution: float = 0,
    gap: float = 0,
    designs: int = 6,
    seeds: int = 2,
    sizes=(2, 3),
) -> pd.DataFrame:
    """All ensembles of some members of each design.

    Args:
        prediction, attribution: how diversity of the kind goes with accuracy.
        gap: how much more diverse ensembles of different designs are.
    """
    rng, others = np.random.default_rng(0), np.random.default_rng(1000)
    members = [(f"d{d}-s{s}", f"d{d}") for d in range(designs) for s in range(seeds)]
    rows = []
    for size in sizes:
        for chosen in combinations(members, size):
            accuracy, chance = rng.standard_normal(), rng.standard_normal((3, 2))
            different = len({design for _, design in chosen})
            more = gap * (different == size)
            row = {
                "origin": "independent",
                "rule": "mean_probability",
                "size": size,
                "designs": different,
            }
            row["members"] = "+".join(name for name, _ in chosen)
            row |= {"possible": comb(len(members), size), "weight": 1.0}
            row["error_fog"] = 0.2 - 0.02 * accuracy
            for column, condition in enumerate(("clean", "corrupted")):
                row[f"{condition}_accuracy"] = 0.8 + 0.02 * accuracy
                row[f"mean_member_{condition}_accuracy"] = (
                    0.8 + 0.01 * accuracy + 0.01 * others.standard_normal()
                )
                row[f"label_disagreement_{condition}"] = (
                    prediction * accuracy + 0.5 * chance[0, column] + more
                )
            row["saliency_cosine_clean"] = attribution * accuracy + 0.5 * chance[1, 0] + more
            row["linear_cka_clean"] = chance[2, 0] + more
            rows.append(row)
    return pd.DataFrame(rows)


def observation_2(table: pd.DataFrame) -> Observation:
    return attribution_diversity_is_less_negative(table, PAIRS, "mean_probability", 100)


def twelve(prediction: float, attribution: float, sizes=(2, 3)) -> pd.DataFrame:
    """All ensembles of twelve designs of one member each."""
    return ensemble_rows(prediction, attribution, designs=12, seeds=1, sizes=sizes)


@pytest.mark.parametrize(
    ("prediction", "attribution", "expected"),
    [
        (-1, 0, "no better than noise"),
        (-1, 1, "supported"),
        (-1, -0.5, "no better than noise"),
        (0, -1, "contradicted"),
        (0, 0, "no practical difference"),
    ],
)
def test_observation_2_finds_what_was_planted(prediction, attribution, expected):
    """All 12 members form a single ensemble, which correlates with nothing: that size is left
    out."""
    assert (
        verdict_of(observation_2(twelve(prediction, attribution, sizes=(2, 3, 12))), 0.95)[0]
        == expected
    )


def test_the_placebo_of_observation_2_is_the_same_statistic_of_random_numbers():
    """The fourth draw, put into the table in place of attributions: per pair, averaged over the
    pairs of triples."""
    table = twelve(-1, 1)
    table["grad_cam_cosine_clean"] = table.saliency_cosine_clean.where(table.index != 5)
    metrics = pd.concat(
        [PAIRS, pd.DataFrame({"kind": ["attribution"], "metric": ["grad_cam_cosine"]})]
    )
    draws = attribution_diversity_is_less_negative(table, metrics, "mean_probability", 100).placebo
    names = sorted({name for members in table.members for name in members.split("+")})
    numbers = stream(0, "placebo", "attributions").standard_normal((50, 12, 12))[3]
    chosen = [sorted(map(names.index, members.split("+"))) for members in table.members]
    noise = np.array([np.mean([numbers[pair] for pair in combinations(of, 2)]) for of in chosen])
    table = table.assign(
        saliency_cosine_clean=noise, grad_cam_cosine_clean=np.where(table.index != 5, noise, np.nan)
    )
    random = attribution_diversity_is_less_negative(
        table, metrics, "mean_probability", 100, draws=0
    )
    tested = random.parts + random.controls
    assert draws.estimates[3] == pytest.approx([part.estimate for part in tested])
    assert draws.errors[3] == pytest.approx([part.error for part in tested])
    assert draws.freedom == pytest.approx([part.freedom for part in tested])
    assert random.placebo is None


def test_given_the_members_accuracy_the_reverse_counts_only_beyond_random_numbers():
    """Prediction diversity goes with what accuracy has beyond the members'; attributions too, less:
    noise would do so.

    They count as the reverse only where they go against it.
    """
    table = twelve(1, 0, sizes=(2, 3))
    for attribution, beyond in ((0.2, False), (-0.5, True)):
        own = attribution * (table.clean_accuracy - 0.8) / 0.02
        observed = observation_2(
            table.assign(saliency_cosine_clean=table.saliency_cosine_clean + own)
        )
        rows = {row["part"]: row for row in observation_rows(observed, 0.95)}
        row = rows["clean images, given the mean accuracy of the members"]
        assert row["high"] < 0
        assert row["placebo_low"] < row["placebo_high"] < 0
        assert (row["estimate"] < row["placebo_low"]) == beyond


def test_observation_2_by_loops_where_other_members_take_part_at_each_size():
    """A sample of pairs and triples of thirty designs. As Cohen's q, over sizes and metrics of
    predictions."""
    whole = ensemble_rows(-1, designs=30, seeds=1)
    table = whole.sample(frac=0.013, random_state=0).sort_values("size", kind="stable")
    names = {size: set("+".join(group.members).split("+")) for size, group in table.groupby("size")}
    assert names[2] != names[3]
    random = np.random.default_rng(0)
    table["jensen_shannon_clean"], table["jensen_shannon_corrupted"] = random.standard_normal(
        (2, len(table))
    )
    metrics = pd.concat(
        [PAIRS, pd.DataFrame({"kind": ["prediction"], "metric": ["jensen_shannon"]})]
    )
    observation = attribution_diversity_is_less_negative(table, metrics, "mean_probability", 100)
    assert observation.sampled
    assert observation.members == observation.designs == len(names[2] | names[3])
    assert [part.units for part in observation.parts] == [observation.designs] * 2
    designs = sorted(name.removesuffix("-s0") for name in names[2] | names[3])

    def correlation(column: str, design: str = "none") -> float:
        kept = table[[f"{design}-s0" not in members.split("+") for members in table.members]]
        return np.mean(
            [np.arctanh(of[column].corr(of.corrupted_accuracy)) for _, of in kept.groupby("size")]
        )

    def difference(*without: str) -> float:
        of_predictions = ("label_disagreement_corrupted", "jensen_shannon_corrupted")
        own = correlation("saliency_cosine_clean", *without)
        return own - np.mean([correlation(column, *without) for column in of_predictions])

    replicates = [difference(design) for design in designs]
    assert observation.parts[1].estimate == pytest.approx(difference())
    assert observation.parts[1].error == pytest.approx(
        np.sqrt((len(designs) - 1) * np.var(replicates))
    )
    control = observation.controls[1]
    assert control.name == "corrupted images, against random numbers"
    assert control.estimate == pytest.approx(correlation("saliency_cosine_clean"))


def observation_4(table: pd.DataFrame) -> Observation:
    return architecture_brings_diversity(table, PAIRS, "mean_probability", 100)


@pytest.mark.parametrize(
    ("gap", "designs", "expected"),
    [
        (5, 6, "supported"),
        (0, 6, "undecided"),
        (-5, 6, "undecided"),
        (-5, 8, "contradicted"),
        (5, 1, "not tested"),
    ],
)
def test_observation_4_finds_what_was_planted(gap, designs, expected):
    """Six designs that all agree are too few to contradict by the stricter bound."""
    table = ensemble_rows(gap=gap, designs=designs, seeds=3, sizes=(2,))
    assert verdict_of(observation_4(table), 0.95)[0] == expected


def test_the_placebo_of_observation_4_permutes_designs_among_all_members():
    """A draw, put into the table as other names of members: one design keeps a single member."""
    table = ensemble_rows(gap=2, designs=7, sizes=(2,))
    table = table[~table.members.str.contains("d6-s1")]
    placebo = observation_4(table).placebo
    designs = np.repeat(range(7), 2)[:-1]
    members = [f"d{d}-s{place % 2}" for place, d in enumerate(designs)]
    drawn = stream(0, "placebo", "designs").permuted(np.tile(designs, (1000, 1)), axis=1)[7]
    taken, renamed = {}, {}
    for name, design in zip(members, drawn, strict=True):
        taken[design] = taken.get(design, -1) + 1
        renamed[name] = f"d{design}-s{taken[design]}"
    of = [[renamed[name] for name in joined.split("+")] for joined in table.members]
    again = table.assign(designs=[len({name.partition("-")[0] for name in names}) for names in of])
    tested = observation_4(again)
    estimates = [part.estimate for part in (*tested.parts, *tested.controls)]
    assert placebo.estimates[7] == pytest.approx(estimates)
    assert np.abs(np.median(placebo.estimates, axis=0)).max() < 0.1
    assert (placebo.freedom == 5).all()


def test_observation_4_compares_at_equal_accuracy_of_the_members():
    """Designs differ in accuracy and disagree by no more than that: what mixes them is not more
    diverse beyond it."""
    table = ensemble_rows(designs=8, sizes=(2,))
    skill = dict(
        zip([f"d{d}" for d in range(8)], np.random.default_rng(3).normal(0.8, 0.05, 8), strict=True)
    )
    both = np.array(
        [[skill[name.partition("-")[0]] for name in joined.split("+")] for joined in table.members]
    )
    gap = np.abs(both[:, 0] - both[:, 1])
    for images in ("clean", "corrupted"):
        table[f"mean_member_{images}_accuracy"] = both.mean(axis=1)
        noise = 0.01 * np.random.default_rng(4).standard_normal(len(table))
        table[f"label_disagreement_{images}"] = gap + noise
    predictions, control = observation_4(table).parts[0], observation_4(table).controls[0]
    assert control.name == "predictions, at equal accuracy of the members"
    assert predictions.estimate > 0.9
    assert abs(control.estimate) < 0.35


def test_observation_4_counts_families_that_contribute_alone():
    table = ensemble_rows(gap=1, designs=20, seeds=2, sizes=(2,))
    single = [f"d{d}-s1" for d in range(14, 20)]
    table = table[[not set(single) & set(names.split("+")) for names in table.members]]
    observation = architecture_brings_diversity(
        table, PAIRS, "mean_probability", 100, families=families_of(20)
    )
    assert (observation.parts[0].units, observation.parts[0].freedom) == (10, 6)


def test_designs_without_attributions_do_not_count():
    table = twelve(-1, 0, sizes=(2,))
    table["saliency_cosine_clean"] = table.saliency_cosine_clean.where(
        ~table.members.str.contains("d1[01]")
    )
    observation = observation_2(table)
    assert (observation.designs, observation.parts[0].units) == (10, 10)
    assert observation.missing == "needs 8 families or 12 designs; there are 10 designs"
    table = ensemble_rows(gap=1, designs=8, sizes=(2,))
    for lacking, missing in (
        ("d[67]", ""),
        ("d[567]", "needs 6 designs of two seeds or more; there are 5 with attributions"),
    ):
        known = table.saliency_cosine_clean.where(~table.members.str.contains(lacking))
        observation = observation_4(table.assign(saliency_cosine_clean=known))
        freedoms = [part.freedom for part in observation.parts]
        assert freedoms == [7, 4 if missing else 5, 7]
        assert observation.placebo.freedom.tolist() == 2 * freedoms
        assert observation.missing == missing


def test_observation_4_by_loops():
    table = ensemble_rows(gap=0.3, seeds=3)
    observation = observation_4(table)
    assert not observation.sampled
    assert [part.name for part in observation.parts] == [
        "predictions",
        "attributions",
        "activations",
    ]
    part = next(
        part for part in observation.beside if part.name == "activation: linear_cka, clean images"
    )

    def delta(without: str = "none") -> float:
        each = []
        for _, group in table[~table.members.str.contains(without)].groupby("size"):
            one = group[group.designs == 1].linear_cka_clean.to_numpy()
            different = group[group.designs == group["size"]].linear_cka_clean.to_numpy()
            each.append(np.sign(different[:, None] - one).mean())
        return float(np.mean(each))

    assert part.estimate == pytest.approx(delta())
    replicates = np.array([delta(f"d{design}-") for design in range(6)])
    assert part.error == pytest.approx(np.sqrt(5 * ANGULAR.to(replicates).var()))
    # The only metric of activations.
    assert observation.parts[2].estimate == pytest.approx(part.estimate)
    # Predictions on clean and on corrupted images, others on clean probes.
    assert len(observation.beside) == 4
    # One member of each design.
    assert verdict_of(observation_4(table[table.designs > 1]), 0.95)[0] == "not tested"


def families_of(designs: int) -> dict[str, str]:
    """Member -> family, of two designs each."""
    return {f"d{d}-s{s}": f"f{d // 2}" for d in range(designs) for s in range(3)}


@pytest.mark.parametrize(("designs", "unit", "units"), [(16, "families", 8), (14, "designs", 14)])
def test_families_are_left_out_where_there_are_eight(designs, unit, units):
    table = ensemble_rows(-1, designs=designs, seeds=1, sizes=(2,))
    families = families_of(designs)
    observation = attribution_diversity_is_less_negative(
        table, PAIRS, "mean_probability", 100, families=families
    )
    assert (observation.unit, observation.resampled, observation.parts[0].units) == (
        unit,
        unit,
        units,
    )


LABELLED = pd.concat([PAIRS, pd.DataFrame({"kind": ["prediction"], "metric": ["double_fault"]})])


def test_attributions_of_the_true_label_are_compared_with_metrics_that_use_the_labels():
    table = twelve(-1, 0)
    for images in ("clean", "corrupted"):
        table[f"double_fault_{images}"] = (
            table[f"{images}_accuracy"] + 0.002 * table[f"label_disagreement_{images}"]
        )
    free, based = (
        attribution_diversity_is_less_negative(table, LABELLED, "mean_probability", 100, target)
        for target in ("prediction", "label")
    )
    assert (free.metrics, based.metrics) == ("label-free", "label-based")
    assert (verdict_of(free, 0.95)[0], verdict_of(based, 0.95)[0]) == (
        "no better than noise",
        "contradicted",
    )
    readings = {row["part"]: row for row in observation_rows(free, 0.95) if row["reading"]}
    reading = readings["clean images, against double_fault"]
    assert "clean images, partial r of label-based prediction diversity" in {
        part.name for part in free.beside
    }
    assert not any("label-based" in part.name for part in observation_2(table).beside)
    assert reading["estimate"] == pytest.approx(based.parts[0].estimate)
    assert reading["high"] < 0


def image_errors(
    middle: float, first: float, last: float, seeds: int = 5, loss_weights=(0.0, 0.4, 0.6, 1.0)
) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    level = {0.0: first, 1.0: last}
    hardness = rng.uniform(-0.3, 0.3, 50)
    rows = product(["balanced"], loss_weights, range(seeds), range(50))
    errors = pd.DataFrame(rows, columns=["objective", "loss_weight", "seed", "image"])
    noise = 0.02 * rng.standard_normal(len(errors))
    means = np.array([level.get(loss_weight, middle) for loss_weight in errors.loss_weight])
    return errors.assign(error=means + hardness[errors.image] + noise)


def with_seeds(errors: pd.DataFrame) -> pd.DataFrame:
    """The same with an error of 2 points of each training in all of its images."""
    training = errors.groupby(["objective", "loss_weight", "seed"]).ngroup()
    noise = np.random.default_rng(0).normal(0, 0.02, training.max() + 1)
    return errors.assign(error=errors["error"] + noise[training])


@pytest.mark.parametrize(
    ("middle", "first", "last", "expected"),
    [
        (0.3, 0.4, 0.4, "supported"),
        (0.5, 0.4, 0.4, "contradicted"),
        (0.3, 0.4, 0.2, "contradicted"),
        (0.4, 0.4, 0.4, "no practical difference"),
        (0.3, 0.4, 0.3, "supported in part"),
    ],
)
def test_observation_3_finds_what_was_planted(middle, first, last, expected):
    assert (
        verdict_of(balance_is_most_resilient(image_errors(middle, first, last), 36), 0.95)[0]
        == expected
    )


def test_observation_3_matches_seeds_by_name():
    """The end lacks the first seed and has one more: by position, every seed would meet
    another's."""
    errors = image_errors(0.3, 0.4, 0.4, seeds=4)
    errors["error"] += errors.seed * 0.1
    missing = (errors.loss_weight == 0) & (errors.seed == 0) | (errors.loss_weight == 0.4) & (
        errors.seed == 3
    )
    observation = balance_is_most_resilient(errors[~missing], 36)
    assert [part.units for part in observation.parts] == [2, 2]
    assert [part.estimate for part in observation.parts] == pytest.approx([-0.1, -0.1], abs=0.01)
    independent = errors[(errors.loss_weight == 0) & errors.seed.isin([1, 2])]
    assert observation.margin == pytest.approx(independent.error.mean() / 10)


def test_observation_3_counts_images_where_its_errors_are_of_units_of_them():
    joint = pd.DataFrame({"objective": "balanced", "design": ["a", "b"] * 20})
    observation = of_joint_training(joint, image_errors(0.3, 0.4, 0.4), 120, draws=1)
    assert (observation.n_images, observation.designs, observation.members) == (120, 2, 40)


def test_few_seeds_borrow_the_spread_of_all_joint_settings():
    """Two seeds of four settings of one objective and one of another: the residuals of settings and
    seeds."""
    errors = pd.concat(
        [image_errors(0.3, 0.4, 0.4, seeds=2), image_errors(0.3, 0.4, 0.4, 2, (1.0,))], keys=[0, 1]
    )
    errors.loc[1, "objective"] = "kl"
    errors = with_seeds(errors)
    observation = balance_is_most_resilient(errors, 36)
    means = errors.pivot_table(values="error", index=["objective", "loss_weight"], columns="seed")
    change = means[1] - means[0]
    variance = change.var(ddof=1) / 2
    part = observation.parts[0]
    balanced = errors[errors.objective == "balanced"].pivot_table(
        values="error", index="image", columns="loss_weight"
    )
    images = (balanced[[0.4, 0.6]].mean(axis=1) - balanced[0.0]).var(ddof=1) / 50
    middle = balanced[[0.4, 0.6]].to_numpy().mean()
    assert part.estimate == pytest.approx(middle - balanced[0.0].mean())
    of_seeds = 1.5 * variance * (1 + 1 / 2) / 2
    assert part.error == pytest.approx(np.sqrt(of_seeds + images))
    assert part.image_share == pytest.approx(images / part.error**2)
    assert part.freedom == pytest.approx(
        (of_seeds + images) ** 2 / (of_seeds**2 / 4 + images**2 / 49)
    )


def test_the_placebo_flips_the_signs_of_seeds():
    """Each pattern, put into the errors: swapping both settings of a seed flips the sign of its
    difference."""
    errors = with_seeds(image_errors(0.38, 0.4, 0.4, loss_weights=(0.0, 0.5, 1.0)))
    placebo = balance_is_most_resilient(errors, 36).placebo
    assert placebo.estimates.shape == (32, 2)
    swapped = errors.copy()
    swap = swapped.seed.isin([3, 4])
    swapped["loss_weight"] = swapped.loss_weight.where(
        ~swap, swapped.loss_weight.map({0.0: 0.5, 0.5: 0.0, 1.0: 1.0})
    )
    part = balance_is_most_resilient(swapped, 36).parts[0]
    (pattern,) = np.flatnonzero(np.isclose(placebo.estimates[:, 0], part.estimate, atol=1e-12))
    assert placebo.errors[pattern, 0] == pytest.approx(part.error)
    assert placebo.freedom[0] == pytest.approx(part.freedom, rel=0.2)


def test_five_seeds_stand_for_themselves_with_a_third_more_variance():
    errors = with_seeds(image_errors(0.3, 0.4, 0.4, loss_weights=(0.0, 0.5, 1.0)))
    observation = balance_is_most_resilient(errors, 45)
    means = errors.pivot_table(values="error", index="seed", columns="loss_weight")
    part, change = observation.parts[0], means[0.5] - means[0.0]
    by_image = errors.pivot_table(values="error", index="image", columns="loss_weight")
    images = (by_image[0.5] - by_image[0.0]).var(ddof=1) / 50
    assert part.estimate == pytest.approx(change.mean())
    assert part.error**2 == pytest.approx(1.3 * change.var(ddof=1) / 5 + images)
    assert (observation.members, observation.ensembles, observation.n_images) == (45, 15, 50)
