"""Why an observation has its verdict, in sentences."""

import re

import pandas as pd

from resiliency.analysis.verdicts import IN_PART, NOISE, NOT_TESTED, SUPPORTED, UNDECIDED, against
from resiliency.report import words

REVERSED = {"supported": ["against"], "supported in part": ["against"], "contradicted": ["for"], NOISE: ["against"]}
SIDES = {"for": "The statement holds", "against": "The reverse holds"}  # of readings, for undecided verdicts
AGAINST = "against "  # how readings begin that compare with another metric
READABLE = {
    "architecture family - log10 parameters": "family against size",
    "architecture family - ": "family against ",
    "lambda": "λ",
}
EXPECTED = {"4": "Expected by construction: seeds of one design differ less than designs."}
LISTED = 2  # parts that a sentence names one by one


def part_label(part: str) -> str:
    """The name of a part as people read it, with labels, as of q_statistic, in place of names."""
    for name, readable in READABLE.items():
        part = part.replace(name, readable)
    named = re.sub(r"[a-z_]+", lambda word: words.label(word[0]) if word[0] in words.METRICS else word[0], part)
    kind, colon, rest = named.partition(": ")
    return f"{words.KINDS[kind]}: {rest}" if colon and kind in words.KINDS else named


def reason_of(parts: list[dict], beside: list[dict], controls: list[dict]) -> str:
    """What the verdict of an observation means, and what would decide it if it is open.

    Args:
        parts: the rows of observations.csv that have a verdict.
        beside: those that have none.
        controls: those that parts need beside their own estimates.
    """
    verdict = parts[0]["verdict"]
    expected = EXPECTED.get(str(parts[0]["observation"]), "") if verdict in (SUPPORTED, IN_PART) else ""
    sentences = _of_verdict(parts, controls), expected, _readings(verdict, parts, beside), _shifted(parts)
    return " ".join(filter(None, sentences))


def _of_verdict(parts: list[dict], controls: list[dict]) -> str:
    first, margin = parts[0], words.margin(parts[0]["margin"])
    if first["verdict"] == "not tested":
        return f"Not tested: {first['missing_requirements']}."
    if first["verdict"] in ("supported in part", "contradicted"):
        return _by_place(parts, margin)
    if first["verdict"] == "supported":
        small = [part["part"] for part in parts if -part["margin"] < part["low"] and part["high"] < part["margin"]]
        within = f" It makes no practical difference (within ±{margin}) for {_listed(small, parts)}." if small else ""
        every = {1: "The estimate is", 2: "Both estimates are"}.get(len(parts), f"All {len(parts)} estimates are")
        return f"{every} significant and in the direction the paper claims.{within}"
    if first["verdict"] == "no practical difference":
        small = [part for part in parts if part["low"] > 0 or part["high"] < 0]
        significant = f" Significant, but smaller than the margin: {_estimates(small, parts)}." if small else ""
        every = "the interval lies" if len(parts) == 1 else "every interval lies"
        return f"No practical difference: {every} within ±{margin}.{significant}"
    if first["verdict"] == NOISE:
        return _of_noise(parts, controls)
    return f"{_undecided(parts)} Needed for a verdict: {first['sample_size_needed']}."


def _of_noise(parts: list[dict], controls: list[dict]) -> str:
    """Which estimates would support the statement, but do no better than their negative control."""
    within, beyond = ([part for part in parts if part["part_verdict"] == verdict] for verdict in (NOISE, SUPPORTED))
    said = ["Significant in the direction the paper claims, but no better than noise."]
    if inside := [part["part"] for part in within if _in_range(part)]:
        names = _listed(inside, parts)
        said.append(f"Within what the negative control gives ({parts[0]['placebo']}): {names}.")
    if failing := [control for control in controls if control["part_verdict"] == NOISE]:
        said.append(f"Not significant: {_estimates(failing, controls)}.")
    if beyond:
        said.append(f"Beyond noise: {_listed([part['part'] for part in beyond], parts)}.")
    return " ".join(said)


def _in_range(part: dict) -> bool:
    """Whether an estimate does not lie beyond its placebo's range, on the side that supports."""
    if part["side"] == "above":
        return not part["estimate"] > part["placebo_high"]
    return not part["estimate"] < part["placebo_low"]


def _by_place(parts: list[dict], margin: str) -> str:
    """Which parts hold, and which do not."""
    places = {
        "contradicted": "Significant in the opposite direction",
        "supported": "Significant in the direction the paper claims",
        "no practical difference": f"No practical difference (within ±{margin})",
        "undecided": "Undecided",
    }
    named = {verdict: [part["part"] for part in parts if part["part_verdict"] == verdict] for verdict in places}
    return " ".join(f"{place}: {_listed(of, parts)}." for verdict, place in places.items() if (of := named[verdict]))


def _listed(names: list[str], parts: list[dict]) -> str:
    """The names of some parts, or how many of all they are."""
    return " and ".join(names) if len(names) <= LISTED else f"{len(names)} of {words.plural(len(parts), 'estimate')}"


def _readings(verdict: str, parts: list[dict], beside: list[dict]) -> str:
    """The kind of metrics that a verdict rests on, and the other readings that say the reverse.

    If it is undecided, those that say either.
    """
    kind = parts[0]["metrics"]
    decided = verdict not in (UNDECIDED, NOT_TESTED)
    sentences = [f"This holds for {kind} diversity."] if kind and decided else []
    for side in REVERSED.get(verdict, SIDES if verdict == UNDECIDED else ()):
        leaning = [row for row in beside if row["leans"] == side]
        if leaning:
            said = "The reverse holds" if decided else SIDES[side]
            sentences.append(f"{said} {_named_readings(leaning, beside)}.")
    return " ".join(sentences)


def _named_readings(leaning: list[dict], beside: list[dict]) -> str:
    """The readings of some rows, or how many of the metrics they are."""
    names = [_on_its_images(reading, leaning, beside) for reading in dict.fromkeys(row["reading"] for row in leaning)]
    metrics = [reading for reading in names if reading.startswith(AGAINST)]
    if len(metrics) > LISTED:
        of = sum(reading.startswith(AGAINST) for reading in dict.fromkeys(row["reading"] for row in beside))
        counted = _counted_by_images([row for row in leaning if row["reading"].startswith(AGAINST)], beside, of)
        names = [f"{AGAINST}{counted}", *(name for name in names if name not in metrics)]
    return ", and ".join(names)


def _on_its_images(reading: str, leaning: list[dict], beside: list[dict]) -> str:
    """A reading, with the images on which it leans if it does not on all."""
    every, some = ([_images_of(row) for row in rows if row["reading"] == reading] for rows in (beside, leaning))
    return part_label(reading) + (f" ({' and '.join(some)})" if len(some) < len(every) else "")


def _counted_by_images(leaning: list[dict], beside: list[dict], of: int) -> str:
    """How many of `of` other metrics say the reverse, and on which images where these do not agree."""
    said = {_images_of(row): set() for row in beside if row["reading"]}
    for row in leaning:
        said[_images_of(row)].add(row["reading"])
    first, *others = said.values()
    if all(metrics == first for metrics in others):
        return f"{len(first)} of {of} other metrics"
    counts = [f"{len(metrics)} of {of} on {images}" for images, metrics in said.items() if metrics]
    return f"other metrics ({', '.join(counts)})"


def _images_of(row: dict) -> str:
    """The images of a row beside observation 2, whose part is named after these and its reading."""
    return row["part"].rpartition(", ")[0]


def _shifted(parts: list[dict]) -> str:
    """That the statistics are on other images than those of the paper's sentence, where they are."""
    names = " + ".join(map(words.label, filter(None, parts[0]["shifts"].split("+"))))
    return f"On natural shifts ({names}): no test of the paper's sentence, which is about corruptions." if names else ""


def _undecided(parts: list[dict]) -> str:
    """What the parts of an undecided observation show, one by one."""
    undecided = [part for part in parts if part["part_verdict"] == "undecided"]
    around, least = _around_least(undecided), words.plain(parts[0]["least"])
    unknown = sum(pd.isna(part["low"]) or pd.isna(part["high"]) for part in undecided)
    opposing = [part for part in undecided if part["low"] > part["least"] or part["high"] < 0]
    if len(parts) == around == 1:
        return f"Not significant: the interval includes {least}."
    of = words.plural(len(parts), "interval")
    clauses = [f"{unknown} of {of} cannot be computed"] if unknown else []
    if around:
        within = _around_least([part for part in parts if part["part_verdict"] == "no practical difference"])
        count = around + within
        of_them = f", {within} of them without a practical difference" if within else ""
        clauses.append(f"{count} of {of} {'includes' if count == 1 else 'include'} {least}{of_them}")
    sentences = [f"Not significant: {'. '.join(clauses)}."] if clauses else []
    if opposing:
        alpha = (1 - parts[0]["confidence"]) / 2
        needed = against(alpha, len(parts))
        opposite = (
            f"In the opposite direction at the {100 * alpha:.2g}% level, but not at the {100 * needed:.1g}% level"
        )
        sentences.append(f"{opposite} that contradicting takes: {_estimates(opposing, parts)}.")
    supporting = [part for part in parts if part["part_verdict"] == "supported"]
    if sentences:
        holds = f"Significant in the direction the paper claims: {_estimates(supporting, parts)}."
        return " ".join([holds, *sentences] if supporting else sentences)
    negligible, count = sum(part["part_verdict"] == "no practical difference" for part in parts), len(supporting)
    support = f"{count} of {words.plural(len(parts), 'comparison')} {'supports' if count == 1 else 'support'}"
    return (
        f"Mixed before correction for multiple comparisons: {support} the observation; in {negligible} the difference "
        "is negligible."
    )


def _estimates(some: list[dict], parts: list[dict]) -> str:
    """The names of some parts with their estimates, or how many of all they are."""
    if len(some) > LISTED:
        return _listed([part["part"] for part in some], parts)
    ends = (words.bounds(part["low"], part["high"]) for part in some)
    return " and ".join(f"{p['part']}, {words.estimate(p['estimate'])} {e}" for p, e in zip(some, ends, strict=True))


def _around_least(parts: list[dict]) -> int:
    """How many intervals include what their estimate must exceed, which mostly is 0."""
    return sum(part["low"] <= part["least"] <= part["high"] for part in parts)
