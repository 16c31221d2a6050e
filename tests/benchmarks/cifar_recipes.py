"""Compares optimizers on CIFAR-10: at equal CPU time, and in two published runs of cifar10_cpu.

Run by hand after a run was published with another recipe: python tests/benchmarks/cifar_recipes.py --add
It adds what published/results/cifar10_cpu holds to cifar_recipe_rows.json, and writes docs/results/cifar_recipes.md
from all rows and from those of equal_time.py; without --add it is only written. CPU time is that of the jobs that
trained the members.
"""

import json
from pathlib import Path

import equal_time
import pandas as pd
from digit_recipes import before_and_after
from equal_time import ALL, EPOCHS, IMAGES, RATES, SCORES, SEEDS
from recipes import TESTED
from shared import KEPT as PUBLISHED
from shared import RESULTS, beside, options, replaced, write_rows
from shared import table as markdown_table

from resiliency.base.names import INDEPENDENT
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table
from resiliency.training.settings import Recipe

PAGE, KEPT = RESULTS / "cifar_recipes.md", PUBLISHED / "cifar10_cpu"
ROWS, TEMPLATE = (beside(__file__, name) for name in ("cifar_recipe_rows.json", "cifar_recipes.md.template"))


def run_of(kept: Path) -> dict:
    """A row: commit, recipe, mean CPU seconds of a member, and member -> its family and accuracies."""
    provenance, members = read_json(kept / "provenance.json"), read_table(kept / "members.csv")
    train = next(rule for rule in provenance["rules"] if rule["rule"] == "train")
    independent = members[members["origin"] == INDEPENDENT]
    return {
        "commit": provenance["git_commit"][:7],
        "recipe": named(provenance["study"]),
        "seconds": round(train["cpu_seconds"] / train["jobs"], 1),
        "members": {
            row.member: [row.family, row.clean_accuracy, round(1 - row.corrupted_error, 8)]
            for row in independent.itertuples()
        },
    }


def named(study: dict) -> str:
    """The recipe of a study, and in brackets the rates of designs that have one of their own."""
    recipe = Recipe(**study["training"])
    own = {name: design["training"].get("learning_rate") for name, design in study["designs"].items()}
    rates = ", ".join(f"{name} {rate:g}" for name, rate in own.items() if rate)
    brackets = f" ({rates})" if rates else ""
    return f"{recipe.optimizer}, rate {recipe.learning_rate:g}{brackets}, {recipe.epochs} epochs"


def table(runs: list[dict]) -> list[list[str]]:
    """Header and a row per family, and one of all members: accuracies of the first and the last run, and points."""
    first, last = (
        pd.DataFrame.from_dict(run["members"], orient="index", columns=["family", *SCORES])
        for run in (runs[0], runs[-1])
    )
    lines = [["family", "members"] + [cell for score in SCORES for cell in (f"{score}, first", "last", "points")]]
    for family in [*sorted(first["family"].unique()), ALL]:
        of = first.index if family == ALL else first.index[first["family"] == family]
        cells = [family, str(len(of))]
        for score in SCORES:
            before, after = 100 * first.loc[of, score], 100 * last.loc[of, score]
            cells += before_and_after(before, after, comparisons=int(family == ALL))
        lines.append(cells)
    return lines


def page(runs: list[dict], trained: list[dict]) -> str:
    """The page, from the published runs and from the rows of `equal_time`."""
    recipes = [["run", "recipe", "commit", "CPU s of a member"]]
    for name, run in {"first": runs[0], "last": runs[-1]}.items():
        recipes.append([name, run["recipe"], run["commit"], f"{run['seconds']:.0f}"])
    rates = {name: " ".join(f"{rate:g}" for rate in tried) for name, tried in RATES.items()}
    return TEMPLATE.read_text(encoding="utf-8").format(
        recipes=markdown_table(recipes),
        table=markdown_table(table(runs)),
        images=IMAGES,
        tested=TESTED // 2,
        adamw_rates=rates["adamw"],
        muon_rates=rates["muon"],
        epochs=EPOCHS,
        seeds=SEEDS,
        comparisons=equal_time.COMPARISONS,
        equal_time="\n\n".join(_at_the_time_of(epochs, trained) for epochs in EPOCHS[1:]),
    )


def _at_the_time_of(epochs: int, trained: list[dict]) -> str:
    frame = equal_time.compared(trained, epochs)
    return f"{equal_time.finding(frame, epochs)}\n\n{equal_time.table(frame)}"


def main() -> None:
    add = options(__doc__, "add").parse_args().add
    runs = json.loads(ROWS.read_text()) if ROWS.exists() else []
    if add:
        runs = replaced(runs, run_of(KEPT), ("recipe",))
        write_rows(ROWS, runs)
    PAGE.write_text(page(runs, json.loads(equal_time.ROWS.read_text())))


if __name__ == "__main__":
    main()
