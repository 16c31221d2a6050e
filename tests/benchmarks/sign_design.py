"""Writes docs/results/traffic_signs_design.md, what studies/traffic_signs.yaml is designed for and what it costs.

Run by hand, in seconds: python tests/benchmarks/sign_design.py [--run results/traffic_signs]. The page is made of the
study, of the constants of the rules, and of the rows that sign_pilots.py and sign_power.py keep. --run adds to them
what the jobs of a run have taken so far.
"""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import sign_pilots
import sign_power
from shared import KEPT, RESULTS, beside, options, table, table_row, write_rows
from sign_pilots import STUDY
from simulated_intervals import sure

from resiliency.analysis.observations import architecture, balance, correlation, diversity
from resiliency.base.corruption_names import MAIN
from resiliency.base.names import design_of
from resiliency.data.settings import PUBLISHED
from resiliency.stage import cpu_seconds
from resiliency.storage.files import read_json

PAGE, TEMPLATE = RESULTS / "traffic_signs_design.md", beside(__file__, "sign_design.md.template")
SUMMARY = PAGE.with_suffix(".json")  # for the page of results
POWER = 0.8
RECIPE = {*sign_pilots.PILOTED, "weight_decay", "gradient_clip"}
STARTING = 6  # seconds of CPU time until a job computes
EXPLAINED = 100 * 25  # images that attributions of a member pass forward and back
RESUMED = re.compile(r"resuming at step ([\d,]+)")
PART = "A run has trained {trained} of {all} independent members so far."
WHOLE = """The published run is the second. It trained and tested all {all} independent members at commit 739534b, the
first of them at b99ffce with the same settings, in two sittings, and analysed them at 5e9a3be. It was killed twice, and
resumed each time by its own command. The first run had a learning rate of 0.01, a warm-up of half an epoch and five
epochs of joint training ([Verdict rules](../paper.md#verdict-rules))."""
MEASURED = """
{extent} Members took {ratio:.2f} times the estimate ({low:.2f} to {high:.2f} times, by member); at that
ratio, the sum is {hours:.1f} core hours.
"""
ACCURATE = 0.97
ACCURACIES = """
## Accuracy on all test images

The study tests on as many images of each class, so that rare signs count as much as frequent ones. Accuracies that
others publish are on all {all} test images of the benchmark. `python tests/benchmarks/sign_accuracies.py` measured
the members of the published run on both; each number is the mean over the members of a design:

{table}
"""
PASSES = 3  # sub-networks in a step of the search


def page() -> str:
    """The whole page, as Markdown."""
    rows = json.loads(sign_pilots.ROWS.read_text())
    power = json.loads(sign_power.ROWS.read_text())
    families = sign_pilots.families_of(STUDY)
    members = STUDY.independent_members()
    classes, per_class = PUBLISHED["gtsrb"].classes, STUDY.data.images_per_class["test"]
    names = STUDY.corruptions.names
    return TEMPLATE.read_text(encoding="utf-8").format(
        designs=len(STUDY.members.designs),
        families=len(families),
        doubled=len(members) - len(STUDY.members.designs),
        independent=len(members),
        joint=len(STUDY.joint_ensembles()),
        joint_designs=" and ".join(STUDY.joint.designs).replace("_", "\\_"),
        strengths=", ".join(f"{strength:g}" for _, strength in STUDY.joint_settings().values()),
        seeds=STUDY.joint.seeds,
        searched=STUDY.search.members,
        recipe=named(STUDY.training.model_dump(include=RECIPE)),
        members=_members(families, {row["design"]: row for row in rows["times"]}),
        per_class=per_class,
        classes=classes,
        test=f"{classes * per_class:,}",
        corruptions=len(names),
        severities=len(STUDY.corruptions.severities),
        main=len(MAIN),
        extra=len(set(names) - set(MAIN)),
        limit=f"{STUDY.ensembles.limit:,}",
        rules=_rules(len(families)),
        within=architecture.WITHIN,
        confidence=STUDY.statistics.confidence,
        simulations=power[0]["simulations"],
        power="".join(map(_power_row, sorted(power, key=lambda row: row["observation"]))),
        weak=_weak(power),
        all_images=f"{PUBLISHED['gtsrb'].test:,}",
        pilots="".join(map(_pilot_row, rows["pilots"])),
        cost=_cost({row["design"]: row for row in rows["times"]}),
        measured=_measured(rows.get("run", []), {row["design"]: row for row in rows["times"]}),
        accuracies=_accuracies(rows.get("accuracies", [])),
    )


def summary() -> list[str]:
    """What the page of results says of the design: power, and accuracy on all test images."""
    rows, power = (json.loads(file.read_text()) for file in (sign_pilots.ROWS, sign_power.ROWS))
    high = [row for row in power if row["effect"].endswith(sign_power.MOSTLY_BETWEEN)]
    reached, confounded = (
        [row["verdicts"][row["verdict"]] / row["simulations"] for row in of]
        for of in ([row for row in power if row not in high], high)
    )
    between = {name: f"{1 - share:.0%}" for name, share in _shares_within().items()}
    designs = pd.DataFrame(rows["accuracies"]).groupby("design")["all"].mean()
    return [
        f"Simulated power is {min(reached):.0%} to {max(reached):.0%} for the effects named there. For observation 1, "
        "this assumes that half of the variance of size and of accuracy lies between families; if "
        f"{sign_power.HIGH:.0%} does, power is {min(confounded):.0%} to {max(confounded):.0%}. In this run, "
        f"{between['log10 parameters']} of the variance of size and {between['clean accuracy']} of that of "
        "accuracy do.",
        f"On all {PUBLISHED['gtsrb'].test:,} test images of the benchmark, {(designs >= ACCURATE).sum()} of "
        f"{len(designs)} designs have an accuracy of {ACCURATE:.0%} or more.",
    ]


def _shares_within() -> dict[str, float]:
    """Predictor of observation 1 -> share of its variance that lies within families, as published."""
    rows = pd.read_csv(KEPT / STUDY.study / "observations.csv")
    parts = rows["part"].astype(str).str.extract(r"^share within families: (.*)$")[0]
    return dict(zip(parts.dropna(), rows.loc[parts.notna(), "estimate"], strict=True))


def named(changes: dict) -> str:
    """Settings of a recipe, in words."""
    return ", ".join(
        value if isinstance(value, str) else f"{key.replace('_', ' ')} {value:g}" for key, value in changes.items()
    )


def _members(families: dict[str, list[str]], times: dict[str, dict]) -> str:
    """A row per family: architectures, sizes and MACs from the narrowest design to the widest, and second seeds."""
    rows = []
    for family, designs in families.items():
        architectures = sorted({STUDY.designs[design].architecture for design in designs})
        second = [design for design in designs if STUDY.members.seed_count(design) > 1]
        cells = [", ".join(designs), ", ".join(architectures), ", ".join(second)]
        for column, unit, form in (("parameters", 1e3, ",.0f"), ("macs", 1e6, ".1f")):
            cells.append(" / ".join(f"{times[design][column] / unit:{form}}" for design in designs))
        rows.append([family, *(cell.replace("_", "\\_") for cell in cells)])
    head = ["Family", "Designs", "Architecture of timm", "Second seed", "Parameters, thousands", "MACs, millions"]
    return table([head, *([row[0].replace("_", "\\_"), *row[1:]] for row in rows)], 4)


def _rules(families: int) -> str:
    """A row per observation, from the constants of its rule."""
    signs = ["above 0", "above 0", "below 0", "above 0"]
    statistics = [
        "closeness of family against size, and against clean accuracy",
        "Cohen's q of attributions against predictions, on clean and on corrupted images",
        "corrupted error of the balanced loss minus that of each other",
        "Cliff's delta of ensembles of several designs against those of one, in three kinds of diversity",
    ]
    margins = [architecture.MARGIN, correlation.MARGIN, "a tenth of the error at λ = 0", diversity.MARGIN]
    doubled = sum(STUDY.members.seed_count(design) > 1 for design in STUDY.members.designs)
    units = [f"{families} families"] * 2 + [f"{STUDY.joint.seeds} seeds"]
    units.append(f"{families} families, {doubled} of which have a design of two seeds")
    fewest = [architecture.FAMILIES, correlation.FAMILIES, balance.SEEDS, diversity.FAMILIES]
    rows = zip(statistics, signs, margins, units, fewest, strict=True)
    return "".join(table_row([number, *row]) for number, row in enumerate(rows, 1))


def _power_row(row: dict) -> str:
    reached, count = row["verdicts"][row["verdict"]], row["simulations"]
    low, high = sure(reached, count)
    cells = [row["observation"], row["effect"], row["kind"], row["verdict"], f"{reached / count:.0%}"]
    return table_row([*cells, f"{low:.0%}–{high:.0%}"])


def _weak(power: list[dict]) -> str:
    """What has less power than is asked for."""
    weak = [row for row in power if row["verdicts"][row["verdict"]] < POWER * row["simulations"]]
    if not weak:
        return f"Power is {POWER:.0%} or more in every row."
    named = "; ".join(f"observation {row['observation']}, {row['effect']}, {row['kind']}" for row in weak)
    return f"Power is below {POWER:.0%} in: {named}."


def _pilot_row(row: dict) -> str:
    curve = row["validation"]
    gain = 100 * (curve[-1] - np.interp(0.8 * len(curve) - 1, range(len(curve)), curve))
    cells = [row["before"], row["design"].replace("_", "\\_"), named(row["recipe"]), f"{row['images']:,}"]
    cells += [f"{100 * row[name]:.1f}" for name in ("clean", "all", "corrupted")]
    return table_row([*cells, f"{round(gain, 1) + 0:.1f}", f"{row['seconds']:.0f}"])


def _images() -> int:
    """Training images, about."""
    return round((1 - STUDY.data.validation_fraction) * PUBLISHED["gtsrb"].train)


def _hours(times: dict[str, dict]) -> dict[str, float]:
    """Estimated core hours of each part of the study, and of all."""
    images = _images()
    test = PUBLISHED["gtsrb"].classes * STUDY.data.images_per_class["test"]
    conditions = 1 + len(STUDY.corruptions.names) * len(STUDY.corruptions.severities)
    members = [name.rpartition("-s")[0] for name in STUDY.independent_members()]
    joint = [design for _ in STUDY.joint_ensembles() for design in STUDY.joint.designs]

    def seconds(designs: list[str], column: str, count: float) -> float:
        return sum(1e-3 * times[design][column] * count for design in designs)

    found = [STUDY.search.design] * STUDY.search.members
    parts = {
        "training of independent members": seconds(members, "training_ms", images * STUDY.training.epochs),
        "joint training": seconds(joint, "training_ms", images * STUDY.joint_recipe().epochs),
        "search": seconds([STUDY.search.design] * PASSES, "training_ms", images * STUDY.search_recipe().epochs),
        "predictions": seconds([*members, *joint, *found], "prediction_ms", test * conditions),
        "attributions": seconds([*members, *joint, *found], "training_ms", EXPLAINED),
        "start of jobs": STARTING * (3 * len(members) + len(STUDY.joint_ensembles())),
    }
    return {name: value / 3600 for name, value in (parts | {"in all": sum(parts.values())}).items()}


def _cost(times: dict[str, dict]) -> str:
    """The table of `_hours`."""
    rows = [[name, f"{hours:.1f}"] for name, hours in _hours(times).items()]
    return table([["Part", "Core hours"], *rows])


def measured(results: Path) -> list[dict]:
    """A row per independent member that a run has trained, with its CPU seconds.

    Those of a job that resumed are what its last process took, scaled to all steps.
    """
    rows = []
    for log in sorted((results / "logs/train").glob("*.log")):
        if spent := cpu_seconds(log):
            startup, total = spent
            steps = read_json(results / f"members/{log.stem}/member.json")["training_cost"]["steps"]
            resumed = RESUMED.findall(log.read_text(encoding="utf-8"))
            done = int(resumed[-1].replace(",", "")) if resumed else 0
            rows.append({"member": log.stem, "seconds": round(startup + (total - startup) * steps / (steps - done), 1)})
    return rows


def _measured(run: list[dict], times: dict[str, dict]) -> str:
    """What members that a run has trained took, beside the estimates, and what all would take by that."""
    if not run:
        return ""
    images = _images() * STUDY.training.epochs
    estimates = {
        row["member"]: STARTING + 1e-3 * times[design_of(row["member"])]["training_ms"] * images for row in run
    }
    ratios = [row["seconds"] / estimates[row["member"]] for row in run]
    ratio = sum(row["seconds"] for row in run) / sum(estimates.values())
    hours = ratio * _hours(times)["in all"]
    everyone = len(STUDY.independent_members())
    low, high = min(ratios), max(ratios)
    extent = (WHOLE if len(run) == everyone else PART).format(trained=len(run), all=everyone)
    return MEASURED.format(extent=extent, ratio=ratio, low=low, high=high, hours=hours)


def _accuracies(rows: list[dict]) -> str:
    """How many designs reach `ACCURATE` on the images of the study and on all, and the range of all designs."""
    members = pd.DataFrame(rows)
    if len(members) < len(STUDY.independent_members()):
        return ""
    designs = members.groupby("design")[["clean", "all"]].mean()
    head = ["Test images", f"Designs of {ACCURATE:.0%} or more", "Lowest", "Median", "Highest"]
    cells = [head]
    for name, column in (("those of the study", "clean"), ("all", "all")):
        values = designs[column]
        row = [name, f"{(values >= ACCURATE).sum()} of {len(designs)}"]
        cells.append([*row, *(f"{value:.1%}" for value in (values.min(), values.median(), values.max()))])
    return ACCURACIES.format(all=f"{PUBLISHED['gtsrb'].test:,}", table=table(cells))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--run", type=Path, help="results/traffic_signs of a run, finished or not")
    arguments = parser.parse_args()
    if arguments.run:
        rows = json.loads(sign_pilots.ROWS.read_text()) | {"run": measured(arguments.run)}
        write_rows(sign_pilots.ROWS, rows)
    PAGE.write_text(page(), encoding="utf-8")
    write_rows(SUMMARY, summary())


if __name__ == "__main__":
    main()
