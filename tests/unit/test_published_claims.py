"""Claims of others: each statistic by hand or by an independent loop, and a page that follows the
figures."""

import re
from collections import Counter
from statistics import NormalDist, correlation, linear_regression, mean

import numpy as np
import pandas as pd
import pytest

from published import claims
from published.claims import (
    EVERY_GROUP,
    Answers,
    Ensembles,
    Pool,
    neighbours,
    of_one_length,
    verdict,
)
from published.kept import ROOT
from resiliency.analysis.without_images import GROUPS

FIGURE = 0.0, -1.0, 1.0


def answers(given: np.ndarray, labels: np.ndarray) -> Answers:
    return Answers(np.asarray(given, np.uint8), labels, np.arange(len(labels)) % GROUPS)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Two seeds of two sizes in each of three families, whose errors lie between 20 and 60 %."""
    draw = np.random.default_rng(5)
    about = pd.DataFrame({"family": np.repeat(["a", "b", "c"], 4), "epochs": 2})
    sets = []
    for images, harder in ((300, 0.0), (200, 0.15)):
        labels = draw.integers(0, 4, images)
        wrong = draw.random(images) < np.linspace(0.2, 0.5, 12)[draw.permutation(12), None] + harder
        sets.append(
            answers(
                np.where(draw.random((12, images)) < 0.4, wrong * labels, (labels + wrong) % 4),
                labels,
            )
        )
    return Pool(about, *sets)


def test_right_together_and_by_chance_by_hand():
    """Of ten images the first is right on 0 to 7, the second on 4 to 9; they share 4 to 7, and are
    never both wrong."""
    images = np.arange(10)
    of_both = answers([images > 7, images < 4], np.zeros(10, int))
    pool = Pool(pd.DataFrame({"family": ["a", "b"]}), of_both, of_both)
    assert pool.together(np.ones(2, bool), EVERY_GROUP) == pytest.approx(
        (0.4, 0.8 * 0.6 + 0.2 * 0.4)
    )
    assert pool.beyond_chance(np.ones(2, bool), EVERY_GROUP) == pytest.approx(-0.16)


def test_slopes_and_votes_are_those_of_an_independent_loop(pool):
    probit, curve = NormalDist().inv_cdf, NormalDist().cdf
    fours, alike = Ensembles(pool, neighbours), Ensembles(pool, of_one_length)
    clean_errors = [mean(map(bool, given != pool.clean.labels)) for given in pool.clean.given]
    everyone, _, without, _ = pool.without_each_family()
    for kept, groups in (
        (everyone, EVERY_GROUP),
        (without, EVERY_GROUP),
        (everyone, np.arange(GROUPS) != 3),
    ):
        some = sorted(np.flatnonzero(kept).tolist(), key=clean_errors.__getitem__)
        images = [
            [n for n in range(len(of.labels)) if groups[of.group[n]]]
            for of in (pool.clean, pool.shifted)
        ]
        sets = list(zip((pool.clean, pool.shifted), images, strict=True))

        def error(members: tuple[int, ...], of: Answers, used: list[int]) -> float:
            """Expected error of a vote in which tied classes are equally likely."""
            wrong = []
            for n in used:
                votes = Counter(of.given[member, n] for member in members)
                first = [name for name, count in votes.items() if count == max(votes.values())]
                wrong.append(1 - (of.labels[n] in first) / len(first))
            return mean(wrong)

        def unlike(one: int, other: int, of: Answers, used: list[int]) -> float:
            return mean(float(of.given[one, n] != of.given[other, n]) for n in used)

        pairs = [(one, other) for one in some for other in some if one < other]
        accuracy, agreement = (
            linear_regression(*([probit(1 - value(*key, *on)) for key in keys] for on in sets))
            for value, keys in (
                (lambda one, *on: error((one,), *on), [(one,) for one in some]),
                (unlike, pairs),
            )
        )
        assert pool.steeper(kept, groups) == pytest.approx(agreement.slope - accuracy.slope)
        line = linear_regression(*([probit(error((one,), *on)) for one in some] for on in sets))
        improvements, ratios, beyond = [], [], []
        for start in range(len(some) - 3):
            four = tuple(some[start : start + 4])
            clean, shifted = (error(four, *on) for on in sets)
            single = mean(error((one,), *sets[1]) for one in four)
            beyond.append(shifted / curve(line.slope * probit(clean) + line.intercept) - 1)
            improvements.append(1 - shifted / single)
            ratios.append(
                mean(unlike(a, b, *sets[1]) for a in four for b in four if a < b) / single
            )
        assert fours.beyond_line(kept, groups) == pytest.approx(mean(beyond), rel=1e-5)
        assert fours.correlation(kept, groups) == pytest.approx(
            correlation(improvements, ratios), rel=1e-5
        )
        families = [
            four for four in ((0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)) if kept[list(four)].all()
        ]
        single, together = (
            mean(error((one,), *sets[1]) for four in families for one in four),
            mean(error(four, *sets[1]) for four in families),
        )
        assert alike.removed(kept, groups) == pytest.approx(single - together, rel=1e-5)
        assert alike.removed_share(kept, groups) == pytest.approx(1 - together / single, rel=1e-5)


@pytest.mark.parametrize(
    ("low", "high", "claimed", "said"),
    [
        (0.1, 0.2, (0, np.inf), "agrees"),
        (-0.1, 0.2, (0, np.inf), "open"),
        (-0.2, -0.1, (0, np.inf), "disagrees"),
        (0.1, 0.2, (-np.inf, 0), "disagrees"),
        (-0.01, 0.01, (-0.02, 0.02), "agrees"),
        (0.01, 0.03, (-0.02, 0.02), "open"),
        (1.0, 2.0, (1.8, 1.8), "agrees"),
        (1.9, 2.0, (1.8, 1.8), "disagrees"),
        (np.nan, np.nan, (0, np.inf), "open"),
    ],
)
def test_a_verdict_follows_from_the_interval_and_the_claim(low, high, claimed, said):
    assert verdict(low, high, claimed) == said


def test_the_page_says_what_the_figures_say(monkeypatch):
    studies = claims.STUDIES
    figures = {claim: dict.fromkeys(studies, FIGURE) for claim in ("chance", "line", "ratio")}
    figures |= {claim: dict.fromkeys(claims.PRICED, FIGURE) for claim in ("mixing", "size")}
    figures |= {claim: {"cifar10_lengths": FIGURE} for claim in ("points", "share")}
    figures |= {
        "slope": dict.fromkeys(claims.POOLS, FIGURE),
        "together": dict.fromkeys(claims.POOLS, (0.9, 0.8)),
    }
    figures |= {
        "ratios": dict.fromkeys(studies, (0.1, 0.7)),
        "members": dict.fromkeys(claims.POOLS, (64, 14)),
    }
    monkeypatch.setattr(claims, "figures", lambda: figures)
    before = claims.page()
    # The two figures that such an interval includes.
    assert re.findall(r"\] (\w+) \|", before).count("agrees") == 2
    figures["chance"]["imagenet_decisions"] = (0.2, 0.1, 0.3)
    assert "| 1 | above 0 | 20.0 [10.0, 30.0] agrees | 0.0 [−100.0, 100.0] open |" in claims.page()
    figures["size"]["traffic_signs"] = (2.0, 1.0, 3.0)
    assert re.search(r"\| 5b \| below 0 \|.*\| 2.0 \[1.0, 3.0\] disagrees \|", claims.page())


def test_the_page_is_short_and_its_papers_are_among_the_references():
    text = (ROOT / "docs/results/claims.md").read_text(encoding="utf-8")
    references = (ROOT / "docs/references.md").read_text(encoding="utf-8")
    assert len([word for word in text.split() if re.search(r"\w", word)]) <= 500
    assert len(set(re.findall(r"^(\d)\. ", text, re.MULTILINE))) == 6
    cited = re.findall(r"(\w+) et al\. (\d{4})", text)
    assert len(cited) == 6
    assert all(f"**{name} et al. {year}.** [" in references for name, year in cited)
