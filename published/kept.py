"""What pages of results are made from: the tables and charts that `page` keeps of each study, and
their templates."""

import gzip
import json
from pathlib import Path

import pandas as pd
from jinja2 import Template
from scipy.special import stdtr, stdtrit

from published.several_verdicts import with_verdicts
from resiliency.analysis.member_tables import SHIFTED_ERROR
from resiliency.base.names import CORRUPTED, INDEPENDENT
from resiliency.report.templates import markdown_environment
from resiliency.statistics.intervals import FISHER, holm
from resiliency.statistics.mixed_model import logits
from resiliency.storage import read_json, read_table

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs/results"
RESULTS = ROOT / "published/results"  # a folder per study
EXPERIMENTS = ROOT / "published/experiments"  # rows of what decided a setting
FROM_PAGES = "../../published/results"
SPECS = "specs.json.gz"  # of charts of the report
# Table -> name of the present one.
PRESENT = {"observations": "present", "exchange_rates": "exchange_rates_present"}
# And the folder of what is kept of a study that was run with several study seeds.
SEEDS_PAGE = "seeds"


def present_file(study: str, table: str, folder: Path = RESULTS) -> Path:
    """The file of a table of a registered study by the present library."""
    return folder / f"{study}_{PRESENT[table]}.csv"


def kept_studies(folder: Path = RESULTS) -> list[tuple[Path, dict]]:
    """The folder of each study that is kept, in the order of their names, and its provenance."""
    return [(file.parent, read_json(file)) for file in sorted(folder.glob("*/provenance.json"))]


def kept_tables(kept: Path) -> dict[str, pd.DataFrame]:
    """The tables of a study that `publish` kept in a folder, by name.

    Beside them, `choices` has the verdicts by other choices of the study, `on_halves` the
    observations with clean accuracy from the test images of the corruptions, `present` and
    `exchange_rates_present` observation 1 and exchange rates of members of a registered study by
    the present library, and `seeds`, of a study that was run with several study seeds, a row per
    seed and part of an observation. `swaps` and `choosing` of a registered study are those of
    `published.swaps` and `published.choosing`.
    """
    tables = as_now({path.stem: read_table(path) for path in table_files(kept)})
    beside = {
        "choices": EXPERIMENTS / f"{kept.name}_choices.csv",
        **{
            key: kept.with_name(f"{kept.name}_{key}.csv")
            for key in ("on_halves", "swaps", "choosing")
        },
        **{key: present_file(kept.name, table, kept.parent) for table, key in PRESENT.items()},
    }
    tables |= {name: read_table(path) for name, path in beside.items() if path.is_file()}
    if "choices" in tables:
        tables["choices"] = with_verdicts(tables["choices"])
    runs, verdicts = (kept.parent / SEEDS_PAGE / f"{name}.csv" for name in ("runs", "verdicts"))
    if runs.is_file() and read_table(runs)["study"].iloc[0] == kept.name:
        tables["seeds"] = read_table(verdicts)
    return tables


def as_now(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables by name with the columns of this library, of registered studies too, whose library is
    an earlier one.

    Intervals and p-values of correlations leave out designs: those of the ensembles of observation
    2.
    """
    if "log_odds" not in tables.get("exchange_rates", ["log_odds"]):
        tables = tables | {
            "exchange_rates": _with_log_odds(tables["exchange_rates"], tables["members"])
        }
    former = tables.get("correlations", pd.DataFrame())
    if "design_low" not in former:
        return tables
    observed = tables["observations"]
    freedom = int(observed.loc[observed["observation"].astype(str) == "2", "designs"].iloc[0]) - 1
    value, low, high = (
        FISHER.to(former[name].to_numpy()) for name in ("correlation", "design_low", "design_high")
    )
    error = (high - low) / 2 / stdtrit(freedom, (1 + former["confidence"].to_numpy()) / 2)
    now = {"low": former["design_low"], "high": former["design_high"], "units": freedom + 1}
    table = former.assign(**now, p_value=2 * stdtr(freedom, -abs(value) / error))
    table["p_holm"] = table.groupby(["rule", "size", "images", "measure"])["p_value"].transform(
        lambda of: holm(of.to_numpy())
    )
    return tables | {"correlations": table.drop(columns=["design_low", "design_high"])}


def _with_log_odds(rates: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """exchange_rates.csv of a former library with the median error of independent designs, and log
    odds around it."""
    response = "corrupted_error" if (rates["images"] == CORRUPTED).all() else SHIFTED_ERROR
    median = members[members["origin"] == INDEPENDENT].groupby("design")[response].mean().median()
    return rates.assign(median_error=median, log_odds=logits(rates["points"].to_numpy(), median))


def kept_specs(kept: Path) -> dict[str, dict]:
    """The specifications, by name, of charts that the kept tables do not suffice for."""
    file = kept / SPECS
    return json.loads(gzip.decompress(file.read_bytes())) if file.is_file() else {}


def table_files(kept: Path) -> list[Path]:
    return sorted(path for path in kept.iterdir() if path.suffix in (".csv", ".parquet"))


def template_of(template: str) -> Template:
    """A template of Markdown in this folder."""
    return markdown_environment(Path(__file__).parent).get_template(template)
