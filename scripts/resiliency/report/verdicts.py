"""The observations with their verdicts, parts, reasons, and small pictures of their intervals
around zero, as SVG."""

import math
import re
from collections.abc import Callable, Iterator

import pandas as pd
from markupsafe import Markup

from resiliency.analysis.observations.architecture import CLEAN_ERROR
from resiliency.analysis.verdicts import (
    CONTRADICTED,
    IN_PART,
    NO_DIFFERENCE,
    NOISE,
    NOT_TESTED,
    SUPPORTED,
    UNDECIDED,
    against,
)
from resiliency.report import words
from resiliency.report.rows import Row

READABLE = {
    "architecture family - log10 parameters": "family against size",
    "architecture family - ": "family against ",
    "lambda": "λ",
}
ON_ACCURACY = "family against clean accuracy, "
EXPECTED = ("4",)  # observations that hold by construction
POINTS = ("3",)  # observations whose estimates are differences of errors
SCALES = {
    "1a": "Closeness: how much more often two designs of one family differ less than two of "
    "different families",
    "1b": "Standard deviation between families of the error, in percentage points",
    "2": "Cohen’s q: correlation of attribution diversity with accuracy minus that of prediction "
    "diversity",
    "3": "Corrupted error of the balanced loss minus that of the other (0.01: one percentage "
    "point)",
    "4": "Cliff’s delta: how much more often ensembles of several designs are the more diverse "
    "ones",
}
ICONS = {
    SUPPORTED: "✓",
    IN_PART: "◐",
    CONTRADICTED: "✗",
    NO_DIFFERENCE: "≈",
    NOISE: "~",
    UNDECIDED: "?",
    NOT_TESTED: "–",
}
LISTED = 2  # parts that a sentence names one by one
CONTROLLED = ("accuracy_low", "accuracy_high", "accuracy_supported")
TEXTS = [
    "part",
    "part_verdict",
    "missing_requirements",
    "reading",
    "metrics",
    "shifts",
]
TEXTS += ["placebo"]


def by_observation(table: pd.DataFrame) -> list[Row]:
    """The observations, each with its verdict, its parts, and the first part with that verdict as
    `key`.

    `beside` are the rows without a verdict. The rule supports data in which accuracy acts `alone`
    more often than by its own error rate.
    """
    observations = []
    table = table.reindex(columns=[*table, *(name for name in CONTROLLED if name not in table)])
    table = table.astype(dict.fromkeys(TEXTS, object)).fillna(
        dict.fromkeys(TEXTS, "") | {"least": 0}
    )
    table["part"] = table["part"].map(part_label)
    for number, rows in table.groupby(table["observation"].astype(str)):
        everything = rows.to_dict("records")
        tested = [part for part in everything if part["part_verdict"]]
        parts, controls = (
            [part for part in tested if bool(part["reading"]) == control]
            for control in (False, True)
        )
        beside = [part for part in everything if not part["part_verdict"]]
        first, verdict, level = (
            parts[0],
            parts[0]["verdict"],
            words.percent((1 + parts[0]["confidence"]) / 2, 0),
        )
        # Where all parts lie within the margin, a significant one makes no practical difference
        # either.
        drawn = (
            [part | {"part_verdict": verdict} for part in tested]
            if verdict == NO_DIFFERENCE
            else tested
        )
        observations.append(
            {
                "number": number,
                "name": f"{number}, on natural shifts" if first["shifts"] else number,
                "statement": first["statement"],
                "verdict": verdict,
                "key": next((part for part in parts if part["part_verdict"] == verdict), first),
                "parts": parts,
                "beside": beside,
                "reason": reason_of(parts, beside, controls),
                "picture": interval_picture(drawn),
                "scale": SCALES.get(number, ""),
                "placebo": first["placebo"],
                "alone": _is_earned_alone(first),
                "accuracy": pd.notna(first["accuracy_low"]),
                "level": level,
                "table": _table([*parts, *controls, *beside], level),
            }
        )
    return observations


def _table(parts: list[Row], level: str) -> list[list[str]]:
    """Parts of an observation as cells, below their head."""
    controls = {"placebo": "Negative control", "accuracy": "Accuracy alone"}
    head = ["Part", "Estimate", f"One-sided {level} bounds", *controls.values(), "Corrected bound"]
    cells = [[*head, "Variance due to images", "Verdict"]]
    for part in parts:
        ranges = [
            words.bounds(part[f"{of}_low"], part[f"{of}_high"]) or words.NOTHING for of in controls
        ]
        bounds = words.bounds(part["low"], part["high"]) or words.NOTHING
        own = [part["part"] or words.NOTHING, words.estimate(part["estimate"]), bounds, *ranges]
        share = words.percent(part["image_share"], 0)
        cells.append(
            [*own, words.estimate(part["opposite_bound"]), share, part["part_verdict"] or "none"]
        )
    return cells


def part_label(part: str) -> str:
    """The name of a part with readable labels in place of identifiers."""
    for name, readable in READABLE.items():
        part = part.replace(name, readable)
    named = re.sub(
        r"[a-z_]+", lambda word: words.label(word[0]) if word[0] in words.METRICS else word[0], part
    )
    kind, colon, rest = named.partition(": ")
    return f"{words.KINDS[kind]}: {rest}" if colon and kind in words.KINDS else named


def reason_of(parts: list[Row], beside: list[Row], controls: list[Row]) -> str:
    """The reason for the verdict of an observation.

    Args:
        parts: rows of observations.csv that have a verdict.
        beside: rows without a verdict.
        controls: rows of controls, which parts need in addition to their own estimates.
    """
    first, verdict, found = parts[0], parts[0]["verdict"], {}
    if verdict == NOT_TESTED:
        return f"Not tested: {first['missing_requirements']}."
    for part in parts:
        found.setdefault(_finding(part, len(parts)), []).append(part)
    which = {
        said: f": {_named(of, len(parts), 'estimates')}" * (len(parts) > 1)
        for said, of in found.items()
    }
    sentences = [f"{said}{of}." for said, of in which.items()]
    if verdict == NOISE and (
        failing := [control for control in controls if control["part_verdict"] == NOISE]
    ):
        sentences.append(f"Not significant: {_named(failing, len(controls), 'controls')}.")
    each_decided = all(part["part_verdict"] in (SUPPORTED, NO_DIFFERENCE) for part in parts)
    if verdict == UNDECIDED and each_decided:
        sentences.append("Corrected for multiple comparisons, this is undecided.")
    return " ".join(filter(None, [*sentences, *_caveats(first, beside)]))


def _caveats(first: Row, beside: list[Row]) -> list[str]:
    """What else a reader must know of the verdict on an observation."""
    verdict = first["verdict"]
    sentences = [_earned(first, beside)]
    for row in [
        row for row in beside if row["part"].startswith(ON_ACCURACY) and row["low"] <= row["high"]
    ][:1]:
        value = f"{words.estimate(row['estimate'])} {words.bounds(row['low'], row['high'])}"
        half = "the other half of the paper’s sentence, without a verdict"
        sentences.append(f"Family against clean accuracy, {half}: {value}.")
    if str(first["observation"]) in EXPECTED and verdict in (SUPPORTED, IN_PART):
        sentences.append("Expected by construction: seeds of one design differ less than designs.")
    if first["metrics"] and verdict != UNDECIDED:
        sentences.append(f"This holds for {first['metrics']} diversity.")
    if first["shifts"]:
        where = " + ".join(map(words.label, first["shifts"].split("+")))
        sentences.append(
            f"On natural shifts ({where}): no test of the paper's sentence, which is about "
            "corruptions."
        )
    return sentences


def _finding(part: Row, count: int) -> str:
    """What the rule found of one of `count` parts."""
    verdict, low, high, least = part["part_verdict"], part["low"], part["high"], part["least"]
    within = f"±{words.quantity(part['margin'])}"
    if str(part["observation"]) in POINTS:
        within = f"±{100 * part['margin']:.2g} percentage points"
    small, claimed = (
        -part["margin"] < low and high < part["margin"],
        "Significant in the direction the paper claims",
    )
    if verdict == SUPPORTED:
        return f"{claimed}, but of no practical difference (within {within})" if small else claimed
    if verdict == CONTRADICTED:
        return "Significant in the opposite direction"
    if verdict == NO_DIFFERENCE:
        return (
            f"{'Significant, but of n' if low > 0 or high < 0 else 'N'}o practical difference "
            f"(within {within})"
        )
    if verdict == NOISE:
        return f"{claimed}, but no better than noise ({part['placebo']})"
    if pd.isna(low) or pd.isna(high):
        return "Not significant, without an interval"
    if low <= least <= high:
        return f"Not significant, with an interval that includes {words.plain(least)}"
    level = (1 - part["confidence"]) / 2
    levels = (
        f"at the {100 * level:.2g}% level, but not at the {100 * against(level, count):.1g}% level"
    )
    return f"In the opposite direction {levels} that contradicting takes"


def _named(some: list[Row], count: int, things: str = "") -> str:
    if len(some) == count > 1:
        return f"{'both' if count == LISTED else f'all {count}'} {things}".rstrip()
    return (
        "; ".join(part["part"] for part in some)
        if len(some) <= LISTED
        else f"{len(some)} of {count} {things}".rstrip()
    )


def _is_earned_alone(first: Row) -> bool:
    """Whether the rule that supports an observation supports data in which accuracy alone acts, as
    well."""
    alone = first["accuracy_supported"] > (1 - first["confidence"]) / 2
    return first["verdict"] in (SUPPORTED, IN_PART) and bool(alone)


def _earned(first: Row, beside: list[Row]) -> str:
    """What else than robustness the rule supports; "" if nothing."""
    of_clean_error = [row for row in beside if row["reading"] == CLEAN_ERROR]
    clean = any(
        row["low"] > 0 and not row["estimate"] <= row["placebo_high"] for row in of_clean_error
    )
    alone, share = _is_earned_alone(first), first["accuracy_supported"]
    if first["verdict"] not in (SUPPORTED, IN_PART) or not (clean or alone):
        return ""
    draws = (
        f"{words.percent(share, 0)} of draws in which accuracy alone acts" if share == share else ""
    )
    what = " and ".join(filter(None, ["the clean error" * clean, draws]))
    where = "on natural shifts" if first["shifts"] else "under corruptions"
    says = f": this says that families differ, not that they differ {where}" if alone else ""
    return f"The rule also supports {what}{says}."


# Width, height of a row, free space at both ends, height below the rows.
WIDE, LINE, EDGE, AXIS = 300, 11, 8, 14
# Control -> what it is.
BANDS = {"placebo": "negative control", "accuracy": "data in which accuracy alone acts"}
ENDS = ("low", "high")


def interval_picture(parts: list[Row]) -> Markup:
    """An observation's rows that have a verdict, a band behind each for its control; nothing if
    none is known."""
    drawn = [part for part in parts if not pd.isna(part["low"]) and not pd.isna(part["high"])]
    margin = next((part["margin"] for part in drawn if not pd.isna(part.get("margin"))), 0)
    least = next((part["least"] for part in drawn if part.get("least", 0) > 0), 0)
    columns = ("low", "high", "estimate", *(f"{band}_{end}" for band in BANDS for end in ENDS))
    values = [margin, least, *(part.get(column, math.nan) for part in drawn for column in columns)]
    reach = max((abs(value) for value in values if not math.isnan(value)), default=0)
    if not drawn or not reach:
        return Markup("")
    bottom = LINE * len(drawn) + 4

    def x(value: float) -> float:
        return round(WIDE / 2 + value / reach * (WIDE / 2 - EDGE), 1)

    def line_at(kind: str, value: float, says: str = "") -> Markup:
        return _mark("line", says, kind, x1=x(value), x2=x(value), y1=0, y2=bottom)

    bands = [band for row, part in enumerate(drawn) for band in _bands(part, LINE * row + 2, x)]
    rows = [_row(part, LINE * row + LINE / 2 + 2, x) for row, part in enumerate(drawn)]
    axis = [line_at("zero", 0)] + [line_at("margin", side * margin) for side in (-1, 1) if margin]
    if least:
        sign = -1 if drawn[0].get("side") == "below" else 1
        axis.append(
            line_at("least", sign * least, f"smallest effect of interest: {words.plain(least)}")
        )
    end = margin if margin / reach > 0.2 else _round_below(reach)
    for value in (0, -end, end):
        says = f"{'−' if value < 0 else '+'}{end:.2g}" if value else "0"
        axis.append(
            _text(says, x=min(max(x(value), 24), WIDE - 24), y=bottom + 11, anchor="middle")
        )
    label = f"Estimates and intervals of {words.plural(len(drawn), 'part')} around zero"
    head = Markup('<svg class="intervals" viewBox="0 0 {} {}" role="img" aria-label="{}">')
    inside = Markup("").join([*bands, *axis, *rows])
    return head.format(WIDE, bottom + AXIS, label) + inside + Markup("</svg>")


def _bands(part: Row, top: float, x: Callable[[float], float]) -> Iterator[Markup]:
    """The ranges of a part's controls."""
    for band, control in BANDS.items():
        low, high = (part.get(f"{band}_{end}", math.nan) for end in ENDS)
        if not math.isnan(low) and not math.isnan(high):
            says = (
                f"{part['part']}: 90% of the draws of the {control} lie in "
                f"{words.bounds(low, high)}"
            )
            width = round(x(high) - x(low), 1)
            yield _mark("rect", says, band, x=x(low), y=top, width=width, height=LINE - 1)


def _row(part: Row, y: float, x: Callable[[float], float]) -> Markup:
    """The interval and the estimate of a part; a control is labelled on the side with more room."""
    low, high, estimate = part["low"], part["high"], part["estimate"]
    says = f"{part['part']}: {words.estimate(estimate)} {words.bounds(low, high)}"
    marks = _mark("line", x1=x(low), x2=x(high), y1=y, y2=y) + _mark(
        "circle", cx=x(estimate), cy=y, r=3.5
    )
    drawn = _mark("g", says, part["part_verdict"].replace(" ", "-"), inside=marks)
    at, anchor = (0, "start") if x(estimate) > WIDE / 2 else (WIDE, "end")
    return (
        _text("control", x=at, y=y + 3, anchor=anchor, kind="control") + drawn
        if part.get("reading")
        else drawn
    )


def _mark(
    tag: str, says: str = "", kind: str = "", inside: str = "", **attributes: float | str
) -> Markup:
    """An element of the picture of this class, with a title that a pointer shows."""
    given = ({"class": kind} if kind else {}) | {
        name.replace("_", "-"): value for name, value in attributes.items()
    }
    listed = Markup("").join(
        Markup(' {}="{}"').format(name, value) for name, value in given.items()
    )
    title = Markup("<title>{}</title>").format(says) if says else ""
    return Markup("<{0}{1}>{2}{3}</{0}>").format(tag, listed, title, inside)


def _text(says: str, x: float, y: float, anchor: str, kind: str = "") -> Markup:
    return _mark("text", kind=kind, inside=says, x=x, y=y, text_anchor=anchor)


def _round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above a positive number."""
    power = 10 ** math.floor(math.log10(value))
    return next(digit for digit in (5, 2, 1) if digit * power <= value * (1 + 1e-9)) * power
