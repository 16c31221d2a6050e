"""The observations with their verdicts, parts, pictures and reasons."""

import math
import re
from collections.abc import Callable

import pandas as pd
from markupsafe import Markup

from resiliency.analysis.observations.architecture import CLEAN_ERROR
from resiliency.analysis.verdicts import CONTROLS, FOR, IN_PART, NOISE, RANGE, SUPPORTED, UNDECIDED, against
from resiliency.report import words
from resiliency.report.templates import sentences

WIDE, LINE, EDGE, AXIS = 300, 11, 8, 14  # width, height of a row, free space at both ends, height below the rows
Scale = Callable[[float], float]  # value -> its place


def interval_picture(parts: list[dict]) -> Markup:
    """An observation's parts and labelled controls, a grey band behind each for its placebo; nothing if none is known.

    Args:
        parts: rows of observations.csv that have a verdict.
    """
    drawn = [part for part in parts if not pd.isna(part["low"]) and not pd.isna(part["high"])]
    margin = next((part["margin"] for part in drawn if not pd.isna(part.get("margin"))), 0)
    least = next((part["least"] for part in drawn if part.get("least", 0) > 0), 0)
    values = [part.get(end) for part in drawn for end in ("low", "high", "estimate", *RANGE, *CONTROLLED[:2])]
    reach = max((abs(value) for value in (*values, margin, least) if not pd.isna(value)), default=0)
    if not drawn or not reach:
        return Markup("")
    height = LINE * len(drawn) + AXIS + 4

    def x(value: float) -> float:
        return round(WIDE / 2 + value / reach * (WIDE / 2 - EDGE), 1)

    rows = [_row(part, LINE * row + LINE / 2 + 2, x) for row, part in enumerate(drawn)]
    labels = [_label(part, LINE * row + LINE / 2 + 2, x) for row, part in enumerate(drawn)]
    bands = [_band(part, name, LINE * row + 2, x) for row, part in enumerate(drawn) for name in CONTROLS]
    label = f"Estimates and intervals of {words.plural(len(drawn), 'part')} around zero"
    head = Markup('<svg class="intervals" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDE, height, label)
    axis = _axis(margin, reach, height - AXIS, x)
    axis.append(_least(least if drawn[0].get("side") != "below" else -least, height - AXIS, x))
    return head + Markup("").join([*bands, *axis, *labels, *rows]) + Markup("</svg>")


def _row(part: dict, y: float, x: Scale) -> Markup:
    """The interval and the estimate of a part."""
    says = f"{part['part']}: {words.estimate(part['estimate'])} {words.bounds(part['low'], part['high'])}"
    return Markup(
        '<g class="{}"><title>{}</title><line x1="{}" x2="{}" y1="{y}" y2="{y}"/><circle cx="{}" cy="{y}" r="3.5"/></g>'
    ).format(part["part_verdict"].replace(" ", "-"), says, x(part["low"]), x(part["high"]), x(part["estimate"]), y=y)


def _label(part: dict, y: float, x: Scale) -> Markup:
    """The label that distinguishes a control from a part, on the side with more room."""
    if not part.get("reading"):
        return Markup("")
    place, anchor = (0, "start") if x(part["estimate"]) > WIDE / 2 else (WIDE, "end")
    return Markup('<text class="control" x="{}" y="{}" text-anchor="{}">control</text>').format(place, y + 3, anchor)


def _band(part: dict, control: str, top: float, x: Scale) -> Markup:
    """The range of one of the part's controls."""
    low, high = (part.get(f"{control}_{end}") for end in ("low", "high"))
    if pd.isna(low) or pd.isna(high):
        return Markup("")
    drawn = "negative control" if control == "placebo" else "data in which accuracy alone acts"
    says = f"{part['part']}: 90% of the draws of the {drawn} lie in {words.bounds(low, high)}"
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        control, x(low), top, round(x(high) - x(low), 1), LINE - 1, says
    )


def _least(least: float, bottom: float, x: Scale) -> Markup:
    """The smallest effect of interest, which estimates must exceed; nothing if it is 0."""
    if not least:
        return Markup("")
    says = f"smallest effect of interest: {words.plain(abs(least))}"
    return Markup('<line class="least" x1="{0}" x2="{0}" y1="0" y2="{1}"><title>{2}</title></line>').format(
        x(least), bottom, says
    )


def _axis(margin: float, reach: float, bottom: float, x: Scale) -> list[Markup]:
    """Zero, and the margin on both sides, each with its number unless it is too near another."""
    marks = [Markup('<line class="zero" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x(0), bottom)]
    ticks = [(0, "0")]
    if margin:
        marks += [
            Markup('<line class="margin" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x(side * margin), bottom)
            for side in (-1, 1)
        ]
    shown = margin if margin / reach > 0.2 else _round_below(reach)
    ticks += [(side * shown, f"{'−' if side < 0 else '+'}{shown:.2g}") for side in (-1, 1)]
    return marks + [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            min(max(x(at), 24), WIDE - 24), bottom + 11, says
        )
        for at, says in ticks
    ]


def _round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above a positive number."""
    power = 10 ** math.floor(math.log10(value))
    return next(digit for digit in (5, 2, 1) if digit * power <= value * (1 + 1e-9)) * power


SMALL = "no practical difference"
VERDICTS = ("contradicted", SUPPORTED, SMALL, NOISE, UNDECIDED)
# Verdict -> sides of the readings that its reason names: those that say the reverse, of an undecided one both.
LEANING = {SUPPORTED: ["against"], IN_PART: ["against"], "contradicted": ["for"], NOISE: ["against"]}
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
TEXTS = ("part", "part_verdict", "missing_requirements", "sample_size_needed", "leans", "reading", "metrics")
TEXTS += ("influential", "shifts", "placebo")


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
    """The reason for the verdict of an observation, rendered by `verdict.txt.j2`.

    Args:
        parts: rows of observations.csv that have a verdict.
        beside: rows without a verdict.
        controls: rows of controls, which parts need in addition to their own estimates.
    """
    first, verdict = parts[0], parts[0]["verdict"]
    text = sentences("verdict.txt.j2").render(
        verdict=verdict,
        parts=parts,
        controls=controls,
        expected=str(first["observation"]) in EXPECTED and verdict in (SUPPORTED, IN_PART),
        readings={side: _readings(side, beside) for side in LEANING.get(verdict, ())},
        earned=_earned(first, beside),
        against_accuracy=[row for row in beside if row["part"].startswith(ON_ACCURACY) and row["low"] <= row["high"]],
        shifts=[name for name in first["shifts"].split("+") if name],
        in_points=str(first["observation"]) in POINTS,
        **part_facts(parts, controls),
    )
    return " ".join(text.split())


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


def part_facts(parts: list[dict], controls: list[dict]) -> dict:
    """The parts of an observation, grouped for the sentences on them.

    Returns:
        `decided`, the parts of each verdict; those whose interval lies within the margin as `small`, or beyond 0 as
        `beyond_zero`; those `in_range` of their negative control, and the controls that are `failing`; of the undecided
        those whose interval is `unknown`, or `around` what it must exceed, as numbers, or that are `opposing`;
        `around_small`, parts without a practical difference that are around it; and the `level` at which these oppose
        with the `needed_level`.
    """
    decided = {verdict: [part for part in parts if part["part_verdict"] == verdict] for verdict in VERDICTS}
    undecided, level = decided[UNDECIDED], (1 - parts[0]["confidence"]) / 2
    return {
        "decided": decided,
        "small": [part for part in parts if -part["margin"] < part["low"] and part["high"] < part["margin"]],
        "beyond_zero": [part for part in parts if part["low"] > 0 or part["high"] < 0],
        "in_range": [part for part in decided[NOISE] if _in_range(part)],
        "failing": [control for control in controls if control["part_verdict"] == NOISE],
        "unknown": sum(pd.isna(part["low"]) or pd.isna(part["high"]) for part in undecided),
        "around": _around_least(undecided),
        "around_small": _around_least(decided[SMALL]),
        "opposing": [part for part in undecided if part["low"] > part["least"] or part["high"] < 0],
        "level": level,
        "needed_level": against(level, len(parts)),
    }


def _in_range(part: dict) -> bool:
    """Whether an estimate does not exceed its placebo's range on the supporting side."""
    if part["side"] == "above":
        return not part["estimate"] > part["placebo_high"]
    return not part["estimate"] < part["placebo_low"]


def _readings(side: str, beside: list[dict]) -> dict:
    """The other readings that lean to a side: the `count` of label-based metrics if they are many, and the `others`."""
    leaning = [row for row in beside if row["leans"] == side]
    names = [_on_its_images(reading, leaning, beside) for reading in dict.fromkeys(row["reading"] for row in leaning)]
    metrics = [name for name in names if name.startswith(AGAINST)]
    few = len(metrics) <= LISTED
    of_metrics = [row for row in leaning if row["reading"].startswith(AGAINST)]
    return {
        "count": "" if few else _counted_by_images(of_metrics, beside),
        "others": names if few else [name for name in names if name not in metrics],
    }


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


def _around_least(parts: list[dict]) -> int:
    """Number of intervals that include the value to exceed, usually 0."""
    return sum(part["low"] <= part["least"] <= part["high"] for part in parts)
