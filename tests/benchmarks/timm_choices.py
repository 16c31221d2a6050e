"""How the verdict on observation 1 in timm_published depends on choices that the study makes.

Run by hand: python tests/benchmarks/timm_choices.py [--write]. It takes four minutes of CPU time. Rows are kept in
timm_choice_rows.json as they come; those that are there are not computed again. --write makes
docs/results/timm_published_choices.md and, for other pages, the .csv of its verdicts.
"""

import re
from functools import partial

import pandas as pd
from scipy.special import logit
from shared import KEPT, RESULTS, ROOT, beside, options, resumed, table_row

from resiliency.analysis.observations import architecture_matters_more
from resiliency.analysis.shifts import SHIFTED_ERROR, with_shifted_error
from resiliency.analysis.verdicts import observation_table
from resiliency.base.names import INDEPENDENT, accuracy_of
from resiliency.external.members import read_members
from resiliency.external.scores import read_scores
from resiliency.report import words

PUBLISHED, PAGE = ROOT / "studies/published", RESULTS / "timm_published_choices.md"
VERDICTS = KEPT / "timm_published_choices.csv"
ROWS, TEMPLATE = (beside(__file__, name) for name in ("timm_choice_rows.json", "timm_choices.md.template"))
SETS = ["imagenetv2", "imagenet_a", "imagenet_r", "imagenet_sketch"]
LOGITS = ["logits of the errors on all four"]
CONFIDENCE = 0.95


def models() -> pd.DataFrame:
    """The models that were trained on ImageNet-1k only, as rows of members.csv; `best` marks those of the study."""
    errors = read_scores(str(PUBLISHED / "timm_top1.csv"), kind="error")
    about = read_members(str(PUBLISHED / "timm_models.csv")).loc[errors.index]
    table = about.assign(**{accuracy_of(name): 1 - errors[name] for name in ("clean", *SETS)}, origin=INDEPENDENT)
    table = table[table["recipe"] != "more_data"].rename_axis("member").reset_index()
    return table.assign(design=table["member"], architecture=table["member"].str.partition(".")[0])


def of_name(table: pd.DataFrame) -> pd.Series:
    """Families by the letters with which an architecture's name begins, such as resnext or vit."""
    return table["architecture"].str.extract(r"^([a-z]+)")[0]


def of_module(table: pd.DataFrame) -> pd.Series:
    """Families by the letters with which timm's module begins, so that variants such as resnetv2 are one family."""
    return table["family"].map(lambda name: re.match(r"[a-z]+?(?=v?\d|_|$)", name)[0])


def choices(table: pd.DataFrame) -> dict[tuple[str, str], tuple[pd.DataFrame, list[str]]]:
    """What is chosen, and how -> the models and the test sets of it."""
    best = table[table["recipe"] == "best_in1k"]
    ordered = table.sort_values(["clean_accuracy", "member"], kind="stable")
    first = ordered.drop_duplicates("architecture")
    of_architecture = ordered.groupby("architecture")["member"]
    middle = ordered[of_architecture.cumcount() == (of_architecture.transform("size") - 1) // 2]
    large = best[best.groupby("family")["member"].transform("size") >= 5]
    made = {("as the study", "most accurate recipe, timm's module, four test sets"): (best, SETS)}
    recipes = {
        "least accurate recipe of each architecture": first,
        "recipe of median accuracy": middle,
        "mean over the recipes of an architecture": table.assign(design=table["architecture"]),
        "every recipe as a design": table,
    }
    families = {
        "first letters of the architecture's name": best.assign(family=of_name(best)),
        "first letters of timm's module": best.assign(family=of_module(best)),
        "modules with five architectures or more": large,
    }
    made |= {("recipe", name): (of, SETS) for name, of in recipes.items()}
    made |= {("family", name): (of, SETS) for name, of in families.items()}
    made |= {("test set", words.label(name)): (best, [name]) for name in SETS}
    made |= {("test set", "all but imagenet a"): (best, [name for name in SETS if name != "imagenet_a"])}
    made |= {("models", "without timm's own test models"): (best[~best["member"].str.startswith("test_")], SETS)}
    return made | {("scale", "logits of accuracy and of error, which straight lines fit better"): (best, LOGITS)}


def row_of(choice: str, how: str, members: pd.DataFrame, test_sets: list[str]) -> dict:
    """Estimates, bounds and verdict of observation 1 by a choice."""
    measured = with_shifted_error(members, SETS if test_sets is LOGITS else test_sets)
    if test_sets is LOGITS:
        measured = measured.assign(**{name: logit(measured[name]) for name in ("clean_accuracy", SHIFTED_ERROR)})
    observation = architecture_matters_more(measured, 0, test_sets)
    table = observation_table([observation], CONFIDENCE)
    row = {"choice": choice, "how": how, "verdict": table["verdict"].iloc[0], "models": len(members)}
    row |= {"designs": observation.designs, "families": observation.parts[0].units}
    for name, part in zip(("size", "accuracy"), table.itertuples(), strict=False):
        row |= {name: part.estimate, f"{name}_low": part.low, f"{name}_high": part.high}
        row |= {f"{name}_influential": part.influential, f"{name}_without_it": part.without_it}
    within = [part.estimate for part in observation.beside if part.name.startswith("share within families")]
    return row | dict(zip(("size_within", "accuracy_within"), within, strict=True))


def page(rows: list[dict]) -> str:
    """The whole page, as Markdown."""
    return TEMPLATE.read_text(encoding="utf-8") + "".join(map(_line, rows))


def _line(row: dict) -> str:
    cells = [row["choice"], row["how"], f"{row['designs']:,}", row["families"]]
    for name in ("size", "accuracy"):
        cells.append(f"{words.estimate(row[name])} {words.bounds(row[f'{name}_low'], row[f'{name}_high'])}")
    return table_row([*cells, row["verdict"]])


def main() -> None:
    write = options(__doc__, "write").parse_args().write
    jobs = {case: partial(row_of, *case, *chosen) for case, chosen in choices(models()).items()}
    rows = resumed(ROWS, jobs, ("choice", "how"))
    if write:
        PAGE.write_text(page(rows), encoding="utf-8")
        VERDICTS.write_text(pd.DataFrame(rows)[["choice", "how", "verdict"]].to_csv(index=False), encoding="utf-8")


if __name__ == "__main__":
    main()
