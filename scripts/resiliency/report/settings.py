"""Settings of charts."""

from typing import Annotated

from pydantic import Field

from resiliency.base.settings import Settings

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"]

TEMPLATES = ("report", "navigation", "overview", "figures", "macros", "details")
TEMPLATES += ("section-deploy", "section-best", "section-designs")
PAGE_FILES = (*(f"{name}.html.j2" for name in TEMPLATES), "deployment.txt.j2", "overview.txt.j2", "verdict.txt.j2")
PAGE_FILES += ("report.css", "narrow.js", "report.js", "glossary.yaml")
# Those that the page is made from, as far as a study has them.
PAGE_TABLES = ("members", "corruption_errors", "observations", "skipped", "ensembles", "deployment", "best_ensembles")
PAGE_TABLES += ("selective_prediction", "temperatures", "thresholds", "contenders", "member_ranks")
PAGE_TABLES += ("added_members", "partners", "effective_robustness", "exchange_rates")
CHART_SUFFIXES = (".html", ".svg", ".png", ".vl.json")


class Charts(Settings):
    colours: list[Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]] = Field(
        OKABE_ITO,
        min_length=1,
        description="colours of families and settings; the default, by Okabe and Ito, is colour-blind safe",
    )
    pixels_per_point: float = Field(2, gt=0, le=10, description="scale of the PNG files")
