"""docs/coverage.md and the last line of interval_coverage.py, from the rows of the simulations."""

from pathlib import Path

from simulated_intervals import CONFIDENCE, sure

MOST_FALSE = 0.06
VERDICTS = ("supported", "contradicted", "equivalent")
TEMPLATE = Path(__file__).parent / "coverage.md.template"
# Why rows of intervals fall short: a part of their text -> the reason.
REASONS = {
    "90% of the variance | 16": "Seeds of one design are not independent members: where they share nearly all "
    "variance, intervals that leave out members are too narrow. `design_low` and `design_high` of `correlations.csv`, "
    "which leave out designs, reach their nominal coverage; verdicts use these.",
    "Contribution of family": "Shares of variance over few families cannot exceed 1, so their distribution is skewed. "
    "That is why observation 1 requires eight families, and stronger evidence to contradict than to support.",
    "gap 3, designs": "Near a true Cliff's delta of 1, most studies observe little or no variation. Perfect separation "
    "has Cliff's own bound; close to it the interval is too short. It lies on the right side of 0, on which the "
    "verdict depends.",
    "gap 1, designs": "With few designs, coverage for Cliff's delta is slightly too low where its true value is large.",
}


def summary(intervals: list[dict], verdicts: list[dict]) -> dict:
    """Worst rates, and power by observation and size."""
    false = [row["false"] / row["simulations"] for row in verdicts if not row["powerful"]]
    power = {}
    for row in verdicts:
        if row["powerful"]:
            of_size = power.setdefault(str(row["observation"]), {})
            of_size[row["size"]] = None if row["lacking"] else _share(row, "supported")
    shares = [row["adopted_hits"] / row["simulations"] for row in intervals]
    return {
        "worst_false_verdict": round(max(false), 3) if false else None,
        "worst_coverage": round(min(shares), 3) if shares else None,
        "power": power,
    }


def page(intervals: list[dict], verdicts: list[dict]) -> str:
    """The whole page, as Markdown."""
    rows = [_interval_row(row) for row in intervals]
    short = [row for row in rows if "**" in row]
    worst = max((row for row in verdicts if not row["powerful"]), key=lambda row: row["false"] / row["simulations"])
    fewest = min(row["simulations"] for row in verdicts if not row["powerful"] and not row["lacking"])
    above = [row for row in verdicts if _beyond(row)]
    text = TEMPLATE.read_text().format(
        worst=worst["false"] / worst["simulations"],
        where=f"observation {worst['observation']}, {worst['situation']}, {worst['size']}",
        simulations=fewest,
        sure=sure(round(0.05 * fewest), fewest)[1] - 0.05,
        above=_exceptions(above),
        limit=MOST_FALSE,
        power="".join(_power_row(row) for row in _ordered(verdicts) if row["powerful"]),
        verdicts="".join(_verdict_row(row) for row in _ordered(verdicts)),
        confidence=CONFIDENCE,
        count=len(short),
        rows=len(rows),
        lowest=min(row["adopted_hits"] / row["simulations"] for row in intervals),
        reasons=" ".join(reason for part, reason in REASONS.items() if any(part in row for row in short)),
        intervals="".join(rows),
    )
    return text.replace("%", " %").replace("  %", " %")


def _ordered(verdicts: list[dict]) -> list[dict]:
    return sorted(verdicts, key=lambda row: row["observation"])


def _share(row: dict, verdict: str) -> float:
    return round(row["verdicts"][verdict] / row["simulations"], 3)


def _beyond(row: dict) -> bool:
    """Whether false verdicts are more than allowed, beyond chance."""
    return not row["powerful"] and sure(row["false"], row["simulations"])[0] > MOST_FALSE


def _exceptions(above: list[dict]) -> str:
    if not above:
        return f"No rate is above {MOST_FALSE:.0%} beyond chance."
    rates = "; ".join(f"observation {row['observation']}, {row['situation']}, {row['size']}" for row in above)
    return f"Above {MOST_FALSE:.0%} beyond chance: {rates}."


def _power_row(row: dict) -> str:
    cells = ["–", "", ""]
    if not row["lacking"]:
        low, high = sure(row["verdicts"]["supported"], row["simulations"])
        cells = [f"{_share(row, 'supported'):.0%}", f"{low:.0%} to {high:.0%}", row["simulations"]]
    return "| " + " | ".join(map(str, [f"{row['observation']}: {row['situation']}", row["size"], *cells])) + " |\n"


def _verdict_row(row: dict) -> str:
    shares = [f"{_share(row, verdict):.1%}" for verdict in VERDICTS]
    false = "" if row["powerful"] else f"{row['false'] / row['simulations']:.1%}"
    cells = [
        row["observation"],
        row["situation"],
        row["size"],
        *shares,
        f"**{false}**" if _beyond(row) else false,
    ]
    return "| " + " | ".join(map(str, [*cells, row["simulations"]])) + " |\n"


def _interval_row(row: dict) -> str:
    truth = f"{round(row['truth'], 2) + 0.0:.2f}".replace("-", "−")
    cells = [row["statistic"], row["situation"], row["units"], truth]
    for methods in (("adopted",), ("bootstrap",), ("naive", "designs")):
        method = next((m for m in methods if f"{m}_hits" in row), None)
        if method is None:
            cells.append("")
            continue
        hits = row[f"{method}_hits"]
        low, high = sure(hits, row["simulations"])
        cell = f"{hits / row['simulations']:.1%}, width {row[f'{method}_width']:.3g}"
        if method == "adopted":
            cell = f"{hits / row['simulations']:.1%} [{low:.1%}, {high:.1%}], width {row['adopted_width']:.3g}"
            cell = f"**{cell}**" if high < CONFIDENCE else cell
        cells.append(cell)
    return "| " + " | ".join(cells) + " |\n"
