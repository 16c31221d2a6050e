"""What the published studies say of each observation: the sentences of the README, and the page *What we found*.

`python -m resiliency.results.found` prints the sentences of the README; with `--write` it writes the page
`docs/results/found.md`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.analysis.observations.correlation import GIVEN
from resiliency.analysis.rule import IN_PART, NOT_TESTED, UNDECIDED
from resiliency.analysis.verdicts import RULES
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.program import one_line_faults, parser
from resiliency.diversity.settings import LABEL_FREE
from resiliency.report import words
from resiliency.report.contender_roles import compared_with
from resiliency.report.markdown import escaped
from resiliency.report.overview import by_observation, late_settings
from resiliency.results.comparison import correlations_with_accuracy, levels, published_studies
from resiliency.results.kept import template_of, with_docs
from resiliency.results.seed_verdicts import verdict_counts

EARLIER = "†"  # beside a study whose verdict follows rules that have changed since
JOINTLY, BALANCED = 3, "balanced"  # the observation of jointly trained members, and its objective
SIGNIFICANT = ("supported", "contradicted")
Studies = dict[str, dict[str, pd.DataFrame]]


def observation_sentences(studies: Studies) -> str:
    """A numbered list in Markdown, a line for each observation, and what its mark means if there is one.

    Args:
        studies: study -> its tables; those that lack what a rule needs do not count for it.
    """
    of_studies, shifted = _by_observation(studies), _on_shifts(studies)
    lines = [
        f"{number}. *{_statement(own).rstrip('.')}*: {escaped(_verdict_counts(own))}."
        f"{_qualified(number, own, studies)}{_by_seed(number, studies)}{shifted.get(number, '')}"
        for number, own in sorted(of_studies.items())
    ]
    earlier = any(EARLIER in line for line in lines)
    return "\n".join(lines + [f"\n{EARLIER} By [earlier rules](docs/paper.md#verdict-rules)."] * earlier)


def _qualified(number: int, own: dict[str, dict], studies: Studies) -> str:
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
    return "".join(f" {escaped(sentence)}" for sentence in sentences)


def _reversed_at_equal_accuracy(beside: list[dict]) -> bool:
    """Whether observation 2 is reversed on all images, given the mean accuracy of the members."""
    given = [row["leans"] == "against" for row in beside if row["reading"] == GIVEN]
    return bool(given) and all(given)


def page(studies: Studies) -> str:
    """The page *What we found* in Markdown, from the tables of the studies alone."""
    of_studies, shifted = _by_observation(studies), _by_observation(studies, shifts=True)
    correlations = correlations_with_accuracy(studies)
    counts = _counts(correlations["rows"])
    entries = [
        _observation_entry(number, own, shifted.get(number, {}), studies) for number, own in sorted(of_studies.items())
    ]
    tested = [study for study in studies if any(entry["verdicts"][study] != NOT_TESTED for entry in entries)]
    label_free = [
        study
        for study in correlations["studies"]
        if any(_label_free(row["of"][study]) for row in correlations["rows"] if study in row["of"])
    ]
    judged = [tables["contenders"] for tables in studies.values() if "contenders" in tables]
    return template_of("found.md.j2").render(
        studies=studies,
        members=sum(len(studies[study]["members"]) for study in tested),
        level=levels((1 + own["key"]["confidence"]) / 2 for of in of_studies.values() for own in of.values()),
        observations=entries,
        tested=tested,
        leading=_leading(studies),
        interval_level=levels(level for of in judged for level in of["confidence"]),
        counts=counts,
        size=correlations["size"],
        correlated=label_free,
        advice=_advice(counts),
    )


def _by_observation(studies: Studies, *, shifts: bool = False) -> dict[int, dict[str, dict]]:
    """Number of an observation -> study -> the observation in it, as `observed` describes it.

    Args:
        shifts: of observations on natural shifts, which count for no statement on corruptions; else of the others.
    """
    of_studies: dict[int, dict[str, dict]] = {}
    for study, tables in studies.items():
        for observation in by_observation(tables["observations"]):
            if bool(observation["key"]["shifts"]) == shifts:
                of_studies.setdefault(observation["number"], {})[study] = observation
    return of_studies


def _counts_by_seed(number: int, studies: Studies) -> dict[str, str]:
    """Study -> how often which verdict on an observation comes with which seed, as `verdict_counts` says it."""
    return {study: verdict_counts(tables.get("seeds"), number) for study, tables in studies.items()}


def _by_seed(number: int, studies: Studies) -> str:
    """For each study whose verdict on an observation depends on the study seed, how often which verdict comes."""
    counted = _counts_by_seed(number, studies)
    return "".join(f" Its verdict in {escaped(study)} is {counts}." for study, counts in counted.items() if counts)


def _on_shifts(studies: Studies) -> dict[int, str]:
    """Number of an observation -> a sentence on its verdicts on natural shifts."""
    sentences = {}
    for number, of_studies in _by_observation(studies, shifts=True).items():
        tested = {study: own["verdict"] for study, own in of_studies.items() if own["verdict"] != NOT_TESTED}
        reached = ", ".join(f"{verdict} ({escaped(study)})" for study, verdict in tested.items())
        if reached:
            sentences[number] = f" On natural shifts in place of corruptions: {reached}."
    return sentences


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


def _observation_entry(number: int, of_studies: dict[str, dict], shifted: dict[str, dict], studies: Studies) -> dict:
    """An observation as the page has it: the studies that could test it, also on shifts, and why others could not."""
    counted = _verdict_counts(of_studies).replace(EARLIER, "")
    by_seed = _counts_by_seed(number, studies)
    shifts = {study: f"{own['verdict']} (shifts)" for study, own in shifted.items() if own["verdict"] != NOT_TESTED}
    return {
        "number": number,
        "statement": _statement(of_studies),
        "counted": counted[0].upper() + counted[1:],
        "able": [
            row
            | {
                "caution": still_learning(studies[row["name"]]["members"]) if number == JOINTLY else "",
                "by_seed": by_seed[row["name"]],
            }
            for row in _tested_studies(of_studies)
        ],
        "shifted": _tested_studies(shifted),
        "unable": [study for study, own in of_studies.items() if own["verdict"] == NOT_TESTED and study not in shifts],
        "verdicts": dict.fromkeys(studies, NOT_TESTED)
        | {study: own["verdict"] + " (depends on the seed)" * bool(by_seed[study]) for study, own in of_studies.items()}
        | shifts,
    }


def _tested_studies(of_studies: dict[str, dict]) -> list[dict]:
    return [
        {"name": study, "verdict": own["verdict"], "reason": own["reason"], "weakest": _weakest(own)}
        for study, own in of_studies.items()
        if own["verdict"] != NOT_TESTED
    ]


def still_learning(members: pd.DataFrame) -> str:
    """At which weights of the loss jointly trained members needed longer training; "" if at none."""
    late = late_settings(members).get(BALANCED)
    return f"Members at {late} were still learning: longer training may change this verdict." if late else ""


def _weakest(observation: dict) -> str:
    """The significant estimate whose bound is nearest to 0, on which a decided verdict hangs first; "" if none does."""
    significant = [part for part in observation["parts"] if part["part_verdict"] in SIGNIFICANT]
    if not significant or observation["verdict"] == UNDECIDED:
        return ""
    weakest = min(significant, key=lambda part: min(abs(part["low"]), abs(part["high"])))
    interval = words.interval(weakest["low"], weakest["high"])
    estimate = f"{words.estimate(weakest['estimate'])} {interval} ({weakest['part']})"
    which = "The weakest of them" if len(significant) > 1 else "That estimate"
    said = f"{which}, from {weakest['units']} {weakest['unit']}, is {estimate}"
    if not weakest["influential"]:
        return f"{said}."
    return f"{said}; without {weakest['influential']} it is {words.estimate(weakest['without_it'])}."


def _leading(studies: Studies) -> list[str]:
    """For each study that chooses a model, its error on corrupted images, and how much lower it is than others'."""
    return [
        f"{study}: {_led(rows)}."
        for study, tables in studies.items()
        if "contenders" in tables and len(rows := tables["contenders"][tables["contenders"]["corruption"] == CORRUPTED])
    ]


def _led(rows: pd.DataFrame) -> str:
    """The error of the first contender, and how much lower it is than that of the best member and the baseline."""
    first = rows.iloc[0]
    compared = rows[rows["role"].isin(["best member", "baseline"]) & (rows["members"] != first["members"])]
    others = [
        compared_with(row, f"the {row['role']} ({words.percent(row['error'])})")
        for row in compared.dropna(subset=["difference"]).to_dict("records")
    ]
    error = words.with_interval(first["error"], first["low"], first["high"])
    return f"the {first['role']} has an error of {error}{f', {words.listed(others)}' if others else ''}"


def _counts(rows: list[dict]) -> list[dict]:
    """How many correlations are significant in which direction, by images, raw and partial; none that use labels."""
    counts = []
    for condition in (CLEAN, CORRUPTED):
        of = [own for row in rows if row["condition"] == condition for own in row["of"].values() if _label_free(own)]
        for kind, (low, high) in {"raw": ("low", "high"), "partial": ("partial_low", "partial_high")}.items():
            ends = np.array([(own[low], own[high]) for own in of]).reshape(-1, 2)
            known = ends[np.isfinite(ends).all(axis=1)]
            positive, negative = int((known[:, 0] > 0).sum()), int((known[:, 1] < 0).sum())
            row = {"images": condition, "kind": kind, "positive": positive, "negative": negative}
            counts += [row | {"open": len(known) - positive - negative}] if len(known) else []
    return counts


def _label_free(correlation: dict) -> bool:
    return correlation["kind"] != "prediction" or correlation["metric"] in LABEL_FREE


def _advice(counts: list[dict]) -> str:
    """What the counts mean for the choice of an ensemble; "" where they do not say so on any images."""
    raw, partial = ([row for row in counts if row["kind"] == kind] for kind in ("raw", "partial"))
    sentences = []
    if raw and all(row["negative"] > row["positive"] for row in raw):
        sentences += ["Diversity alone is a poor guide to accuracy. Compare accuracies on held-out images first."]
        sentences += [_counted(row, "below", "above") for row in raw]
    if partial and all(row["positive"] > row["negative"] for row in partial):
        sentences.append("Among ensembles of equally accurate members, diversity may decide.")
        sentences += [_counted(row, "above", "below") for row in partial]
    return " ".join(sentences)


def _counted(row: dict, first: str, second: str) -> str:
    """Such as "On clean images, 7 of 15 intervals of these correlations lie below 0 and none above it."."""
    counts = {"above": row["positive"], "below": row["negative"]}
    which = "correlations of diversity with accuracy" if row["kind"] == "raw" else "these partial correlations"
    return (
        f"On {row['images']} images, {counts[first]} of {sum(counts.values()) + row['open']} intervals of {which} lie "
        f"{first} 0 and {counts[second] or 'none'} {second} it."
    )


def main() -> None:
    arguments = with_docs(parser(__doc__))
    arguments.add_argument("--write", action="store_true", help="write the page found.md instead of printing sentences")
    given = arguments.parse_args()
    with one_line_faults():
        studies = published_studies(given.docs)
        if given.write:
            Path(given.docs, "found.md").write_text(page(studies), encoding="utf-8")
        else:
            print(observation_sentences(studies))


if __name__ == "__main__":
    main()
