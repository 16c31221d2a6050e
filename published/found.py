"""What the published studies say of each observation: the sentences of the README, and the page
*What we found*."""

from collections.abc import Iterable

import pandas as pd

from published.comparison import correlations_with_accuracy, levels
from published.kept import template_of
from published.pooled import bought, median_errors, rates_of
from published.several_verdicts import counted_verdicts, verdict_counts
from published.swaps import answers, equal_accuracy_row
from published.what_helps import Studies, counts, leading, totals
from resiliency.analysis.observations.architecture import CLEAN_ERROR
from resiliency.analysis.observations.correlation import GIVEN
from resiliency.analysis.verdicts import IN_PART, NOT_TESTED, RULES
from resiliency.base.names import CORRUPTED
from resiliency.report import words
from resiliency.report.cautions import late_settings
from resiliency.report.charts.swaps import WRONG
from resiliency.report.choosing import choosing
from resiliency.report.verdicts import ON_ACCURACY, by_observation

AT_EQUAL_ACCURACY = {
    "reversed": "the reverse holds in {of}",
    "noise": "attribution diversity goes less with accuracy than prediction diversity in {of}, but "
    "no less than random "
    "numbers would",
}
JOINTLY, BALANCED = "3", "balanced"  # the observation of jointly trained members, and its objective

# What a reader can choose, of the exchanges that the README shows.
CHOICES = ("doubling_of_parameters", "doubling_of_training", "second_member", "mixing_designs")

# The study whose probabilities decide the second part of what was registered of swaps.
DECIDES = "cifar10_lengths"
Observations = dict[str, dict[str, dict]]


def readme(studies: Studies) -> str:
    """What the README says was found, in Markdown."""
    rates = rates_of(studies)
    corrupted = rates[rates["images"] == CORRUPTED]
    rows = [row for row in bought(corrupted) if row["exchange"] in CHOICES]
    priced = list(corrupted["study"].unique())
    said = template_of("readme.md.j2").render(
        priced=priced, rows=rows, medians=median_errors(corrupted), swapped=answers(studies)
    )
    return said.strip()


def observation_rows(studies: Studies) -> list[dict]:
    """For each observation, which studies reached which verdict, and what a reader must know of it.

    Args:
        studies: study -> its tables; those that lack what a rule needs do not count for it.
    """
    on_corruptions, on_shifts = _by_observation(studies), _by_observation(studies, shifts=True)
    return [
        {
            "number": number,
            "statement": next(iter(own.values()))["statement"].rstrip("."),
            "qualified": _qualified(number, own, studies),
            "by_seed": _counts_by_seed(number, studies),
            "shifted": {
                study: of["verdict"] for study, of in _tested(on_shifts.get(number, {})).items()
            },
        }
        for number, own in sorted(on_corruptions.items())
    ]


def page(studies: Studies) -> str:
    """The page *What we found* in Markdown, from the tables of the studies alone."""
    on_corruptions, on_shifts = _by_observation(studies), _by_observation(studies, shifts=True)
    able = {study for of in on_corruptions.values() for study in _tested(of)}
    shifted = {study for of in on_shifts.values() for study in _tested(of)} - able
    correlations, rates = correlations_with_accuracy(studies), rates_of(studies)
    counted = counts(correlations["rows"])
    judged = [tables["contenders"] for tables in studies.values() if "contenders" in tables]
    return template_of("found.md.j2").render(
        studies=studies,
        tested=len(able),
        members=_count_members(able, studies),
        shifted=sorted(shifted),
        members_on_shifts=_count_members(shifted, studies),
        priced=list(rates["study"].unique()),
        bought=bought(rates) + [equal_accuracy_row(studies)] * bool(len(rates)),
        swapped=(swapped := answers(studies)),
        second_part=next(
            (of["verdicts"].get(WRONG) for of in swapped if of["study"] == DECIDES), None
        ),
        choosing={
            of: choosing(tables["choosing"]).said
            for of, tables in studies.items()
            if "choosing" in tables
        },
        medians=median_errors(rates),
        registered=[
            study for study, tables in studies.items() if "exchange_rates_present" in tables
        ],
        leading=leading(studies),
        level=levels(level for of in judged for level in of["confidence"]),
        observations=observation_rows(studies),
        shown=[study for study in studies if study in able | shifted],
        verdicts={
            number: _verdicts(number, own, on_shifts, studies)
            for number, own in on_corruptions.items()
        },
        variants={
            study: counted_verdicts(of["choices"])
            for study, of in studies.items()
            if "choices" in of
        },
        architecture=_architecture(studies),
        decided=(
            decided := sum(
                len(_tested(own)) for of in (on_corruptions, on_shifts) for own in of.values()
            )
        ),
        rate=(
            rate := max(
                (1 - level) / 2
                for of in studies.values()
                for level in of["observations"]["confidence"]
            )
        ),
        expected=decided * rate,
        rules=_rules(studies),
        present=RULES,
        counts=counted,
        size=correlations["size"],
        correlated=correlations["studies"],
        totals=totals(counted),
    )


def _count_members(names: Iterable[str], studies: Studies) -> int:
    return sum(len(studies[study]["members"]) for study in names)


def _by_observation(studies: Studies, *, shifts: bool = False) -> Observations:
    """Number of an observation -> study -> the observation in it, as `by_observation` describes it.

    Args:
        shifts: of observations on natural shifts, which count for no statement on corruptions; else
            of the others.
    """
    of_studies: Observations = {}
    for study, tables in studies.items():
        for observation in by_observation(tables["observations"]):
            if bool(observation["key"]["shifts"]) == shifts:
                of_studies.setdefault(observation["number"], {})[study] = observation
    return of_studies


def _tested(own: dict[str, dict]) -> dict[str, dict]:
    return {study: of for study, of in own.items() if of["verdict"] != NOT_TESTED}


def _verdicts(
    number: str, own: dict[str, dict], on_shifts: Observations, studies: Studies
) -> dict[str, str]:
    """Study -> its verdict on an observation."""
    of_shifts = _tested(on_shifts.get(number, {}))
    verdicts = dict.fromkeys(studies, NOT_TESTED)
    verdicts |= {study: of["verdict"] for study, of in _tested(own).items()}
    return verdicts | {study: f"{of['verdict']} (shifts)" for study, of in of_shifts.items()}


def _qualified(number: str, own: dict[str, dict], studies: Studies) -> list[str]:
    """Sentences on what a reader must know of the verdicts on an observation beside their
    counts."""
    tested = _tested(own)
    sentences = []
    if number == "1a" and (
        earned := [row["study"] for row in _architecture(studies) if row["alone"]]
    ):
        what = "the rule supports what has nothing to do with corruptions as well (table below)"
        says = "it says that families differ, not that they differ under corruptions"
        sentences.append(f"In {words.listed(earned)}, {what}: {says}.")
    reverse = {
        study: side for study, of in tested.items() if (side := _at_equal_accuracy(of["beside"]))
    }
    for side, said in AT_EQUAL_ACCURACY.items():
        if having := [study for study, of in reverse.items() if of == side]:
            of = f"{len(having)} of {len(tested)} ({', '.join(having)})"
            sentences.append(f"Among ensembles of equally accurate members, {said.format(of=of)}.")
    sentences += [
        f"{study}: {of['reason']}" for study, of in tested.items() if of["verdict"] == IN_PART
    ]
    if number == JOINTLY:
        sentences += [
            f"{study}: {late}"
            for study in tested
            if (late := still_learning(studies[study]["members"]))
        ]
    return sentences


def _at_equal_accuracy(beside: list[dict]) -> str:
    """Whether observation 2 is `reversed` on all images, given the mean accuracy of the members, or
    as of `noise`."""
    given = [row for row in beside if row["reading"] == GIVEN]
    if not given or not all(row["high"] < 0 for row in given):
        return ""
    return "reversed" if all(_is_beyond_noise(row, beside) for row in given) else "noise"


def _is_beyond_noise(given: dict, beside: list[dict]) -> bool:
    """Whether attributions are worse, given the mean accuracy of the members, than random numbers.

    Former libraries drew none. Attributions that correlate positively then are no worse than these,
    which have 0.
    """
    if pd.notna(given["placebo_low"]):
        return given["estimate"] < given["placebo_low"]
    own = given["part"].removesuffix(GIVEN) + "partial r of attribution diversity"
    return any(row["part"] == own and row["high"] < 0 for row in beside)


def _architecture(studies: Studies) -> list[dict]:
    """What stands beside the verdict on observation 1a, by study: the present one of a study that
    is registered."""
    found = []
    for study, tables in studies.items():
        of_both = {
            of["number"]: of for of in by_observation(tables.get("present", tables["observations"]))
        }
        if (of := of_both.get("1a")) and pd.notna(of["key"]["estimate"]):
            clean = [row for row in of["beside"] if row["reading"] == CLEAN_ERROR]
            accuracy = [row for row in of["beside"] if row["part"].startswith(ON_ACCURACY)]
            found.append(
                {
                    "study": study,
                    "alone": of["alone"],
                    "size": of["key"],
                    "clean": clean,
                    "accuracy": accuracy,
                }
            )
    return found


def _counts_by_seed(number: str, studies: Studies) -> dict[str, str]:
    """Study whose verdict depends on the study seed -> how often which verdict comes with which
    seed."""
    counted = {
        study: verdict_counts(tables.get("seeds"), number) for study, tables in studies.items()
    }
    return {study: counts for study, counts in counted.items() if counts}


def _rules(studies: Studies) -> dict[str, list[str]]:
    """Day on which rules were fixed -> the studies whose verdicts follow them, the earliest
    first."""
    days: dict[str, list[str]] = {}
    for study, tables in studies.items():
        for day in tables["observations"]["rules"].unique():
            days.setdefault(day, []).append(study)
    return dict(sorted(days.items()))


def still_learning(members: pd.DataFrame) -> str:
    """At which weights of the loss jointly trained members needed longer training; "" if at
    none."""
    late = late_settings(members).get(BALANCED)
    return (
        f"Members at {late} were still learning: longer training may change this verdict."
        if late
        else ""
    )
