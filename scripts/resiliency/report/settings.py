"""Settings of charts."""

from typing import Annotated

from pydantic import Field

from resiliency.settings import Settings

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"]

# What a study may lack -> the tables that it then does without.
NEEDED = {
    "ensembles": {"ensembles", "correlations", "correlation_differences", "coincident_failures", "origins"}
    | {"best_ensembles", "selective_prediction", "temperatures", "early_exit", "ensemble_sizes", "deployment"}
    | {"contenders", "contender_calibration"},
    "networks": {"histories", "correlation_differences", "attribution_distances"},
    "probabilities": {"calibration"},
    "corruptions": {"deployment", "selective_prediction", "temperatures", "early_exit", "contenders"}
    | {"contender_calibration"},
    "shifts": {"effective_robustness"},
}
PAGE_FILES = ("report.html.j2", "macros.html.j2", "overview.html.j2", "details.html.j2")
PAGE_FILES += ("report.css", "narrow.js", "report.js")
CHART_SUFFIXES = (".html", ".svg", ".png", ".vl.json")


class Charts(Settings):
    colours: list[Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]] = Field(
        OKABE_ITO, min_length=1, description="colours of families and settings; Okabe and Ito's are colour-blind safe"
    )
    pixels_per_point: float = Field(2, gt=0, le=10, description="scale of the PNG pictures")


def without(**allowed: bool) -> set[str]:
    """Names of the tables that a study does without, by what of `NEEDED` it has."""
    return {table for need, has in allowed.items() if not has for table in NEEDED[need]}
