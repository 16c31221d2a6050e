"""The observations with their verdicts, parts, pictures and reasons."""

import re

import pandas as pd

from resiliency.analysis.observations.architecture import CLEAN_ERROR
from resiliency.analysis.verdicts import (
    CONTRADICTED,
    FOR,
    IN_PART,
    NO_DIFFERENCE,
    NOISE,
    NOT_TESTED,
    SUPPORTED,
    UNDECIDED,
    against,
)
from resiliency.report import words
from resiliency.report.picture import interval_picture

SMALL = NO_DIFFERENCE
VERDICTS = (CONTRADICTED, SUPPORTED, SMALL, NOISE, UNDECIDED)
# Verdict -> sides of the readings that its reason names: those that say the reverse, of an undecided one both.
LEANING = {SUPPORTED: ["against"], IN_PART: ["against"], CONTRADICTED: ["for"], NOISE: ["against"]}
LEANING |= {UNDECIDED: ["for", "against"]}
AGAINST = "against "  # how readings begin that compare with another metric
READABLE = {
    "architecture family - log10 parameters": "family against size",
    "architecture family - ": "family against ",
    "lambda": "λ",
}
ON_ACCURACY = "family against clean accuracy, "
EXPECTED = ("4",)  # observations that hold by construction
POINTS = ("3",)  # observations whose estimates are differences of errors
SCALES = {
    "1a": "Closeness: how much more often two designs of one family differ less than two of different families",
    "1b": "Standard deviation between families of the error, in percentage points",
    "2": "Cohen’s q: correlation of attribution diversity with accuracy minus that of prediction diversity",
    "3": "Corrupted error of the balanced loss minus that of the other (0.01: one percentage point)",
    "4": "Cliff’s delta: how much more often ensembles of several designs are the more diverse ones",
}
LISTED = 2  # parts that a sentence names one by one
ICONS = {"supported": "✓", "supported in part": "◐", "contradicted": "✗", "undecided": "?", "not tested": "–", "": ""}
ICONS |= {"no practical difference": "≈", "no better than noise": "~"}
CONTROLLED = ("accuracy_low", "accuracy_high", "accuracy_supported")
TEXTS = ["part", "part_verdict", "missing_requirements", "sample_size_needed", "leans", "reading", "metrics"]
TEXTS += ["influential", "shifts", "placebo"]


def by_observation(table: pd.DataFrame) -> list[dict]:
    """The observations, each with its verdict, its parts, and the first part with that verdict as `key`.

    `controls` are what some parts need beside their own estimates, `beside` are the rows without a verdict, `described`
    those of these that have no interval either.
    """
    observations = []
    table = table.reindex(columns=[*table, *(name for name in CONTROLLED if name not in table)])
    for number, rows in table.groupby(table["observation"].astype(str)):
        text = {name: rows[name].astype(object).fillna("") for name in TEXTS}
        text["part"] = text["part"].map(part_label)
        of_all = {"least": rows["least"].fillna(0), "icon": text["part_verdict"].map(ICONS)}
        everything = rows.assign(**text, **of_all).to_dict("records")
        tested = [part for part in everything if part["part_verdict"]]
        parts, controls = ([part for part in tested if bool(part["reading"]) == control] for control in (False, True))
        beside = [part for part in everything if not part["part_verdict"]]
        verdict = parts[0]["verdict"]
        # Where all parts lie within the margin, a significant one makes no practical difference either.
        drawn = [part | {"part_verdict": SMALL} for part in tested] if verdict == SMALL else tested
        observations.append(
            {
                "number": number,
                "name": f"{number}, on natural shifts" if parts[0]["shifts"] else number,
                "statement": parts[0]["statement"],
                "verdict": verdict,
                "icon": ICONS[verdict],
                "key": next((part for part in parts if part["part_verdict"] == verdict), parts[0]),
                "parts": parts,
                "controls": controls,
                "beside": beside,
                "described": [part for part in beside if pd.isna(part["low"]) and pd.notna(part["estimate"])],
                "reason": reason_of(parts, beside, controls),
                "picture": interval_picture(drawn),
                "scale": SCALES.get(number, ""),
                "placebo": parts[0]["placebo"],
                "earned": _earned(parts[0], beside),
                "accuracy": pd.notna(parts[0]["accuracy_low"]),
                "level": words.percent((1 + parts[0]["confidence"]) / 2, 0),
            }
        )
    return observations


def part_label(part: str) -> str:
    """The name of a part with readable labels in place of identifiers."""
    for name, readable in READABLE.items():
        part = part.replace(name, readable)
    named = re.sub(r"[a-z_]+", lambda word: words.label(word[0]) if word[0] in words.METRICS else word[0], part)
    kind, colon, rest = named.partition(": ")
    return f"{words.KINDS[kind]}: {rest}" if colon and kind in words.KINDS else named


def reason_of(parts: list[dict], beside: list[dict], controls: list[dict]) -> str:
    """The reason for the verdict of an observation.

    Args:
        parts: rows of observations.csv that have a verdict.
        beside: rows without a verdict.
        controls: rows of controls, which parts need in addition to their own estimates.
    """
    first, verdict = parts[0], parts[0]["verdict"]
    if verdict == NOT_TESTED:
        return f"Not tested: {first['missing_requirements']}."
    number, shifts = str(first["observation"]), [words.label(name) for name in first["shifts"].split("+") if name]
    sentences = _decided(parts, controls)
    if verdict == UNDECIDED:
        needed = f"A verdict needs {first['sample_size_needed']}."
        if first["units_needed"] > 0:
            needed = f"About {int(first['units_needed']):,} {first['unit']} would probably settle this."
        sentences.append(needed)
    sentences.append(_earned_by(first, beside, "natural shifts" if shifts else "corruptions"))
    against_accuracy = [row for row in beside if row["part"].startswith(ON_ACCURACY) and row["low"] <= row["high"]]
    if against_accuracy:
        values = "; ".join(f"{_valued(row)} in {row['part'].partition(', ')[2]}" for row in against_accuracy)
        half = "the other half of the paper’s sentence, without a verdict"
        sentences.append(f"Family against clean accuracy, {half}: {values}.")
    if number in EXPECTED and verdict in (SUPPORTED, IN_PART):
        sentences.append("Expected by construction: seeds of one design differ less than designs.")
    if first["metrics"] and verdict != UNDECIDED:
        sentences.append(f"This holds for {first['metrics']} diversity.")
    sentences += [_readings(side, beside, verdict) for side in LEANING.get(verdict, ())]
    if shifts:
        no_test = "no test of the paper's sentence, which is about corruptions"
        sentences.append(f"On natural shifts ({' + '.join(shifts)}): {no_test}.")
    return " ".join(filter(None, sentences))


def _decided(parts: list[dict], controls: list[dict]) -> list[str]:
    """What the rule found of the parts of a tested observation."""
    verdict, count = parts[0]["verdict"], len(parts)
    of = {each: [part for part in parts if part["part_verdict"] == each] for each in VERDICTS}
    margin = f"±{_within(parts[0])}"
    if verdict == SUPPORTED:
        which = {1: "The estimate is", 2: "Both estimates are"}.get(count, f"All {count} estimates are")
        small = [part for part in parts if -part["margin"] < part["low"] and part["high"] < part["margin"]]
        said = f"It makes no practical difference (within {margin}) for {_named(small, count)}." if small else ""
        return [f"{which} significant and in the direction the paper claims.", said]
    if verdict in (IN_PART, CONTRADICTED):
        told = {
            CONTRADICTED: "Significant in the opposite direction",
            SUPPORTED: "Significant in the direction the paper claims",
            SMALL: f"No practical difference (within {margin})",
            UNDECIDED: "Undecided",
        }
        return [f"{said}: {_named(of[each], count)}." for each, said in told.items() if of[each]]
    if verdict == SMALL:
        beyond_zero = [part for part in parts if part["low"] > 0 or part["high"] < 0]
        lie = "the interval lies" if count == 1 else "every interval lies"
        also = f"Significant, but smaller than the margin: {_estimates(beyond_zero, count)}." if beyond_zero else ""
        return [f"No practical difference: {lie} within {margin}.", also]
    return _no_better_than_noise(of, controls, count) if verdict == NOISE else _undecided(of, count)


def _no_better_than_noise(of: dict[str, list[dict]], controls: list[dict], count: int) -> list[str]:
    sentences = ["Significant in the direction the paper claims, but no better than noise."]
    in_range = [part for part in of[NOISE] if _in_range(part)]
    if in_range:
        which = f": {_named(in_range, count)}" if len(in_range) < count else ""
        sentences.append(f"Data without the effect ({in_range[0]['placebo']}) give as much{which}.")
    failing = [control for control in controls if control["part_verdict"] == NOISE]
    random = [control["part"] for control in failing if control["reading"] == "against random numbers"]
    if random:
        which = f" ({'; '.join(random).replace(', against random numbers', '')})" if len(random) < len(controls) else ""
        sentences.append(f"Attribution diversity is not shown to do better than random numbers{which}.")
    elif failing:
        sentences.append(f"A second control is not significant: {'; '.join(control['part'] for control in failing)}.")
    return sentences + [f"Beyond noise: {_named(some, count)}." for some in [of[SUPPORTED]] if some]


def _undecided(of: dict[str, list[dict]], count: int) -> list[str]:
    """Of the undecided parts those with no interval, those around what they must exceed, and those that oppose."""
    undecided, small, supported = of[UNDECIDED], of[SMALL], of[SUPPORTED]
    unknown = sum(pd.isna(part["low"]) or pd.isna(part["high"]) for part in undecided)
    around, around_small = (sum(of["low"] <= of["least"] <= of["high"] for of in some) for some in (undecided, small))
    opposing = [part for part in undecided if part["low"] > part["least"] or part["high"] < 0]
    if not (unknown or around or opposing):
        found = f"{len(supported)} for the observation, {len(small)} without a practical difference"
        return [f"Mixed before correction for multiple comparisons: of {words.plural(count, 'estimate')}, {found}."]
    least = words.plain(undecided[0]["least"])
    if count == 1 and around:
        return [f"Not significant: the interval includes {least}."]
    sentences, intervals = [], words.plural(count, "interval")
    if supported:
        sentences.append(f"Significant in the direction the paper claims: {_estimates(supported, count)}.")
    if unknown:
        sentences.append(f"Not significant: {unknown} of {intervals} cannot be computed.")
    if around:
        includes, start = "include" + "s" * (around + around_small == 1), "" if unknown else "Not significant: "
        also = f", {around_small} of them without a practical difference" if around_small else ""
        sentences.append(f"{start}{around + around_small} of {intervals} {includes} {least}{also}.")
    if opposing:
        level = (1 - opposing[0]["confidence"]) / 2
        levels = f"at the {100 * level:.2g}% level, but not at the {100 * against(level, count):.1g}% level"
        said = f"In the opposite direction {levels} that contradicting takes"
        sentences.append(f"{said}: {_estimates(opposing, count)}.")
    return sentences


def _named(some: list[dict], count: int) -> str:
    return " and ".join(part["part"] for part in some) if len(some) <= LISTED else f"{len(some)} of {count} estimates"


def _estimates(some: list[dict], count: int) -> str:
    texts = [f"{part['part']}, {_valued(part)}" for part in some]
    return " and ".join(texts) if len(some) <= LISTED else _named(some, count)


def _valued(part: dict) -> str:
    """The estimate of a part with its bounds, in percentage points if it is a difference of errors."""
    if str(part["observation"]) in POINTS:
        return words.in_points(part["estimate"], part["low"], part["high"])
    return f"{words.estimate(part['estimate'])} {words.bounds(part['low'], part['high'])}"


def _within(part: dict) -> str:
    in_points = str(part["observation"]) in POINTS
    return f"{100 * part['margin']:.2g} percentage points" if in_points else words.margin(part["margin"])


def _earned(first: dict, beside: list[dict]) -> dict:
    """Whether the rule of an observation that is supported supports the `clean` error, and accuracy `alone`, as well.

    Returns:
        These, and the `share` of draws with accuracy alone that it supports; empty if neither.
    """
    share = first["accuracy_supported"]
    clean = any(row["reading"] == CLEAN_ERROR and row["leans"] == FOR for row in beside)
    alone = share > (1 - first["confidence"]) / 2
    if first["verdict"] not in (SUPPORTED, IN_PART) or not (clean or alone):
        return {}
    return {"clean": clean, "alone": alone, "share": share}


def _earned_by(first: dict, beside: list[dict], where: str) -> str:
    """What else than robustness the rule supports; "" if nothing."""
    earned = _earned(first, beside)
    if not earned:
        return ""
    share = words.percent(earned["share"], 0)
    if earned["alone"]:
        lie = words.bounds(first["accuracy_low"], first["accuracy_high"])
        what = "the clean error and " * earned["clean"] + "data in which accuracy alone acts"
        how = f"({share} of draws, 90% of whose estimates lie in {lie}) as well"
        differ = "on natural shifts" if where == "natural shifts" else "under corruptions"
        return f"The rule supports {what} {how}: this says that families differ, not that they differ {differ}."
    only = "" if pd.isna(earned["share"]) else f"; but data in which accuracy alone acts in only {share} of draws"
    return f"The rule supports the clean error as well, which by itself says nothing about {where}{only}."


def _in_range(part: dict) -> bool:
    """Whether an estimate does not exceed its placebo's range on the supporting side."""
    if part["side"] == "above":
        return not part["estimate"] > part["placebo_high"]
    return not part["estimate"] < part["placebo_low"]


def _readings(side: str, beside: list[dict], verdict: str) -> str:
    """The other readings that lean to a side: by their number if they are many metrics, the others by name."""
    leaning = [row for row in beside if row["leans"] == side]
    names = [_on_its_images(reading, leaning, beside) for reading in dict.fromkeys(row["reading"] for row in leaning)]
    metrics = [name for name in names if name.startswith(AGAINST)]
    agree = verdict == UNDECIDED and side == FOR
    sentences = []
    if len(metrics) > LISTED:
        names = [name for name in names if name not in metrics]
        counted = _counted_by_images([row for row in leaning if row["reading"].startswith(AGAINST)], beside)
        most = "agree with the statement" if agree else "point the other way"
        sentences.append(f"Label-based metrics {most}: {counted}.")
    if names:
        sentences.append(f"{'The statement holds' if agree else 'The reverse holds'} {', and '.join(names)}.")
    return " ".join(sentences)


def _on_its_images(reading: str, leaning: list[dict], beside: list[dict]) -> str:
    """A reading, with its images if it does not lean on all of them."""
    every, some = ([_images_of(row) for row in rows if row["reading"] == reading] for rows in (beside, leaning))
    return part_label(reading) + (f" ({' and '.join(some)})" if len(some) < len(every) else "")


def _counted_by_images(leaning: list[dict], beside: list[dict]) -> str:
    """Number of the other metrics that lean, such as "3 of 5", by images if these disagree."""
    number = len({row["reading"] for row in beside if row["reading"].startswith(AGAINST)})
    metrics = {_images_of(row): set() for row in beside if row["reading"]}
    for row in leaning:
        metrics[_images_of(row)].add(row["reading"])
    first, *others = metrics.values()
    if all(of_images == first for of_images in others):
        return f"{len(first)} of {number}"
    return ", ".join(f"{len(of_images)} of {number} on {images}" for images, of_images in metrics.items() if of_images)


def _images_of(row: dict) -> str:
    """The images of a row beside observation 2, the first half of the part's name."""
    return row["part"].rpartition(", ")[0]
