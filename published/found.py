"""What the published studies say of each observation: the sentences of the README, and the page *What we found*."""

import pandas as pd

from published.comparison import correlations_with_accuracy, levels
from published.earlier import other_verdicts, results
from published.kept import template_of
from published.several_verdicts import counted_verdicts, verdict_counts
from published.what_helps import (
    Studies,
    advice,
    against_average,
    bought,
    counts,
    label_free,
    leading,
    mixing_designs,
)
from resiliency.analysis.observations.correlation import GIVEN
from resiliency.analysis.verdicts import IN_PART, NOT_TESTED, RULES, UNDECIDED
from resiliency.report.overview import late_settings
from resiliency.report.templates import escaped
from resiliency.report.verdicts import by_observation

EARLIER = "†"  # beside a study whose verdict follows rules that have changed since
JOINTLY, BALANCED = "3", "balanced"  # the observation of jointly trained members, and its objective


def readme(studies: Studies) -> str:
    """The sentences of the README: whether a second design helps, and the observations."""
    return "\n\n".join(filter(None, (escaped(mixing_designs(studies)), observation_sentences(studies))))


def observation_sentences(studies: Studies) -> str:
    """A list in Markdown, a line for each observation, and what its mark means if there is one.

    Args:
        studies: study -> its tables; those that lack what a rule needs do not count for it.
    """
    of_studies, shifted = _by_observation(studies), _on_shifts(studies)
    lines = [
        f"- **{number}.** *{_statement(own).rstrip('.')}*: {escaped(_verdict_counts(own))}."
        f"{_qualified(number, own, studies)}{_by_seed(number, studies)}{shifted.get(number, '')}"
        for number, own in sorted(of_studies.items())
    ]
    earlier = any(EARLIER in line for line in lines)
    return "\n".join(lines + [f"\n{EARLIER} By [earlier rules](docs/paper.md#verdict-rules)."] * earlier)


def _qualified(number: str, own: dict[str, dict], studies: Studies) -> str:
    """What a reader must know of the verdicts on an observation beside their counts; "" if nothing."""
    tested = {study: of for study, of in own.items() if of["verdict"] != NOT_TESTED}
    sentences = []
    against = [study for study, of in tested.items() if _reversed_at_equal_accuracy(of["beside"])]
    if against:
        of = f"{len(against)} of {len(tested)} ({', '.join(against)})"
        sentences.append(f"Among ensembles of equally accurate members, the reverse holds in {of}.")
    in_part: dict[str, list[str]] = {}
    for study, of in tested.items():
        if of["verdict"] == IN_PART:
            in_part.setdefault(of["reason"], []).append(study)
    sentences += [f"In part ({', '.join(of)}): {reason[0].lower()}{reason[1:]}" for reason, of in in_part.items()]
    late = {study: late_settings(studies[study]["members"]).get(BALANCED) for study in tested if number == JOINTLY}
    if places := [f"at {weights} in {study}" for study, weights in late.items() if weights]:
        sentences.append(f"Joint training was too short {', '.join(places)}.")
    for study in tested:
        others = other_verdicts(studies[study].get("earlier"), own[study])
        sentences += [f"An earlier run of {study}, with other settings, gave {verdict}." for verdict in others]
    return "".join(f" {escaped(sentence)}" for sentence in sentences)


def _reversed_at_equal_accuracy(beside: list[dict]) -> bool:
    """Whether observation 2 is reversed on all images, given the mean accuracy of the members."""
    given = [row["leans"] == "against" for row in beside if row["reading"] == GIVEN]
    return bool(given) and all(given)


def page(studies: Studies) -> str:
    """The page *What we found* in Markdown, from the tables of the studies alone."""
    of_studies, shifted = _by_observation(studies), _by_observation(studies, shifts=True)
    correlations = correlations_with_accuracy(studies)
    counted = counts(correlations["rows"])
    entries = [
        _observation_entry(number, own, shifted.get(number, {}), studies) for number, own in sorted(of_studies.items())
    ]
    shown = [study for study in studies if any(entry["verdicts"][study] != NOT_TESTED for entry in entries)]
    tested = [study for study in shown if any(_could_test(own, study) for own in of_studies.values())]
    on_shifts = [study for study in shown if study not in tested]
    rows = [row for row in correlations["rows"] if any(map(label_free, row["of"].values()))]
    correlated = [
        study
        for study in correlations["studies"]
        if any(label_free(row["of"][study]) for row in correlations["rows"] if study in row["of"])
    ]
    judged = [tables["contenders"] for tables in studies.values() if "contenders" in tables]
    return template_of("found.md.j2").render(
        studies=studies,
        members=_count_members(tested, studies),
        on_shifts=on_shifts,
        members_on_shifts=_count_members(on_shifts, studies),
        shown=shown,
        level=levels((1 + own["key"]["confidence"]) / 2 for of in of_studies.values() for own in of.values()),
        observations=entries,
        tested=tested,
        leading=leading(studies),
        bought=bought(studies),
        against_average=against_average(studies),
        interval_level=levels(level for of in judged for level in of["confidence"]),
        counts=counted,
        size=correlations["size"],
        correlated=correlated,
        metrics=list(dict.fromkeys(row["metric"] for row in rows)),
        advice=advice(counted),
    )


def _could_test(own: dict[str, dict], study: str) -> bool:
    return study in own and own[study]["verdict"] != NOT_TESTED


def _count_members(names: list[str], studies: Studies) -> int:
    return sum(len(studies[study]["members"]) for study in names)


def _by_observation(studies: Studies, *, shifts: bool = False) -> dict[str, dict[str, dict]]:
    """Number of an observation -> study -> the observation in it, as `observed` describes it.

    Args:
        shifts: of observations on natural shifts, which count for no statement on corruptions; else of the others.
    """
    of_studies: dict[str, dict[str, dict]] = {}
    for study, tables in studies.items():
        for observation in by_observation(tables["observations"]):
            if bool(observation["key"]["shifts"]) == shifts:
                of_studies.setdefault(observation["number"], {})[study] = observation
    return of_studies


def _counts_by_seed(number: str, studies: Studies) -> dict[str, str]:
    """Study -> how often which verdict on an observation comes with which seed, as `verdict_counts` says it."""
    return {study: verdict_counts(tables.get("seeds"), number) for study, tables in studies.items()}


def _by_seed(number: str, studies: Studies) -> str:
    """For each study whose verdict on an observation depends on the study seed, how often which verdict comes."""
    counted = _counts_by_seed(number, studies)
    return "".join(f" Its verdict in {escaped(study)} is {counts}." for study, counts in counted.items() if counts)


def _on_shifts(studies: Studies) -> dict[str, str]:
    """Number of an observation -> a sentence on its verdicts on natural shifts."""
    sentences = {}
    for number, of_studies in _by_observation(studies, shifts=True).items():
        tested = {study: own["verdict"] for study, own in of_studies.items() if own["verdict"] != NOT_TESTED}
        if reached := [f"{verdict} ({escaped(study)})" for study, verdict in tested.items()]:
            sentences[number] = f" On natural shifts in place of corruptions: {', '.join(reached)}."
    return sentences


def _variants(study: str, studies: Studies) -> str:
    """How often which verdict comes with other choices of a study; "" if that was not measured."""
    return counted_verdicts(studies[study]["choices"]) if "choices" in studies[study] else ""


def _statement(of_studies: dict[str, dict]) -> str:
    return next(iter(of_studies.values()))["statement"]


def _verdict_counts(of_studies: dict[str, dict]) -> str:
    """Such as "supported in 1 of 3 studies that could test it (digits), undecided in 2 (a, b)"."""
    reached: dict[str, list[str]] = {}
    for study, observation in of_studies.items():
        if observation["verdict"] != NOT_TESTED:
            mark = EARLIER if observation["key"]["rules"] != RULES else ""
            reached.setdefault(observation["verdict"], []).append(study + mark)
    if not reached:
        return "no study could test it"
    able = sum(map(len, reached.values()))
    first, *others = sorted(reached, key=lambda verdict: (verdict == UNDECIDED, verdict))
    of = f"{len(reached[first])} of {able} studies" if able > 1 else "the 1 study"
    parts = [f"{first} in {of} that could test it ({', '.join(reached[first])})"]
    parts += [f"{verdict} in {len(reached[verdict])} ({', '.join(reached[verdict])})" for verdict in others]
    return ", ".join(parts)


def _observation_entry(number: str, of_studies: dict[str, dict], shifted: dict[str, dict], studies: Studies) -> dict:
    """An observation as the page has it: the studies that could test it, also on shifts, and why others could not."""
    counted = _verdict_counts(of_studies).replace(EARLIER, "")
    by_seed = _counts_by_seed(number, studies)
    able, on_shifts = ([study for study in of if _could_test(of, study)] for of in (of_studies, shifted))
    unable: dict[str, list[str]] = {}
    for study in of_studies.keys() - {*able, *on_shifts}:
        unable.setdefault(of_studies[study]["key"]["missing_requirements"], []).append(study)
    return {
        "number": number,
        "statement": _statement(of_studies),
        "counted": counted[0].upper() + counted[1:],
        "able": [
            _study_entry(study, of_studies[study])
            | {
                "caution": still_learning(studies[study]["members"]) if number == JOINTLY else "",
                "by_seed": by_seed[study],
                "earlier": results(studies[study].get("earlier"), of_studies[study]),
            }
            for study in able
        ],
        "shifted": [
            _study_entry(study, shifted[study]) | {"choices": _variants(study, studies)} for study in on_shifts
        ],
        "unable": {reason: sorted(names) for reason, names in sorted(unable.items())},
        "verdicts": dict.fromkeys(studies, NOT_TESTED)
        | {study: own["verdict"] + " (depends on the seed)" * bool(by_seed[study]) for study, own in of_studies.items()}
        | {study: f"{shifted[study]['verdict']} (shifts)" for study in on_shifts},
    }


def _study_entry(study: str, own: dict) -> dict:
    """A study that could test an observation: its verdict, the reason and the parts with their controls."""
    key = own["key"]
    return {
        "name": study,
        **{name: own[name] for name in ("verdict", "reason")},
        "statistic": key["statistic"],
        "shifts": bool(key["shifts"]),
        "earlier_rules": key["rules"] != RULES,
        "parts": own["parts"] + own["controls"],
        **{"caution": "", "by_seed": "", "earlier": [], "choices": ""},
    }


def still_learning(members: pd.DataFrame) -> str:
    """At which weights of the loss jointly trained members needed longer training; "" if at none."""
    late = late_settings(members).get(BALANCED)
    return f"Members at {late} were still learning: longer training may change this verdict." if late else ""
