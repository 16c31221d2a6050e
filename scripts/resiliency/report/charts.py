"""The registry of the charts, and how one is drawn and written."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import altair as alt
import pandas as pd
import vl_convert

from resiliency.files import replacing
from resiliency.report import ensemble_findings, member_findings, robustness_charts
from resiliency.report.attribution_gallery import attribution_gallery
from resiliency.report.calibration_chart import calibration
from resiliency.report.contender_charts import (
    contender_calibration,
    contender_calibration_finding,
    under_corruptions,
    under_corruptions_finding,
)
from resiliency.report.correlation_charts import correlation_heatmap, correlations
from resiliency.report.deployment_charts import deployment
from resiliency.report.diversity_charts import diversity_accuracy
from resiliency.report.ensemble_charts import architecture_diversity
from resiliency.report.exit_chart import early_exit
from resiliency.report.exit_chart import finding as exit_finding
from resiliency.report.failure_chart import coincident_failures
from resiliency.report.gallery import gallery
from resiliency.report.joint_charts import strength
from resiliency.report.member_charts import error_by_severity, error_heatmap, size_accuracy_resiliency
from resiliency.report.risk_chart import finding as risk_finding
from resiliency.report.risk_chart import risk_coverage
from resiliency.report.robustness_charts import effective_robustness
from resiliency.report.search_charts import origins, search_front
from resiliency.report.size_chart import ensemble_size
from resiliency.report.size_chart import finding as size_finding
from resiliency.report.style import spoken
from resiliency.report.training_charts import learning_curves

VEGA_LITE = alt.SCHEMA_VERSION.rpartition(".")[0]


class Entry(NamedTuple):
    """A chart: how to read it, the tables that it draws, and the functions that draw them and say the finding."""

    caption: str
    tables: tuple[str, ...]
    function: Callable[..., alt.TopLevelMixin]
    finding: Callable[..., str]


CHARTS = {
    "learning_curves": Entry(
        "Where the lines are flat at the end, longer training would change little; lines that stay low have not "
        "learnt. Lines of one panel that end apart are seeds, or "
        "strengths of a joint loss, that learnt differently.",
        ("histories",),
        learning_curves,
        member_findings.learning_curves,
    ),
    "error_by_severity": Entry(
        "A line that stays low is a resilient design. Lines of one family share a colour.",
        ("members", "corruption_errors"),
        error_by_severity,
        member_findings.error_by_severity,
    ),
    "error_heatmap": Entry(
        "Dark cells are large errors.",
        ("members", "corruption_errors"),
        error_heatmap,
        member_findings.error_heatmap,
    ),
    "size_accuracy_resiliency": Entry(
        "If size or clean accuracy decided resiliency, the points would fall along one line whatever their family.",
        ("members",),
        size_accuracy_resiliency,
        member_findings.size_accuracy_resiliency,
    ),
    "effective_robustness": Entry(
        "Above the line, members withstand the shift better than their clean accuracy predicts; a member that is only "
        "more accurate moves along it.",
        ("effective_robustness",),
        effective_robustness,
        robustness_charts.finding,
    ),
    "gallery": Entry(
        "The clean image is at the top left.",
        ("gallery",),
        gallery,
        member_findings.gallery,
    ),
    "correlations": Entry(
        "Left of the zero line, more diverse ensembles are less accurate. A correlation whose interval includes 0 is "
        "not significant.",
        ("correlations",),
        correlations,
        ensemble_findings.correlations,
    ),
    "correlation_heatmap": Entry(
        "Metrics that use the labels, such as double fault, correlate with accuracy by construction.",
        ("correlations",),
        correlation_heatmap,
        ensemble_findings.correlation_heatmap,
    ),
    "diversity_accuracy": Entry(
        "Each panel shows all ensembles of one size; where the line rises, more diverse ensembles are more accurate.",
        ("ensembles", "correlations"),
        diversity_accuracy,
        ensemble_findings.diversity_accuracy,
    ),
    "strength": Entry(
        "Above a dashed line, the joint loss brings more than independent training. Observation 3 has it that the "
        "resiliency of the objective balanced peaks between λ = 0 and λ = 1.",
        ("ensembles",),
        strength,
        ensemble_findings.strength,
    ),
    "architecture_diversity": Entry(
        "Boxes further right mean more diverse ensembles.",
        ("ensembles",),
        architecture_diversity,
        ensemble_findings.architecture_diversity,
    ),
    "coincident_failures": Entry(
        "Design diversity pays where the points of two designs lie below those of one design.",
        ("coincident_failures",),
        coincident_failures,
        member_findings.coincident_failures,
    ),
    "attribution_gallery": Entry(
        "A row for each image, clean and corrupted; a column for each member. The same map would be at distance 0.",
        ("attribution_gallery", "attribution_distances"),
        attribution_gallery,
        member_findings.attribution_gallery,
    ),
    "calibration": Entry(
        "Points below the diagonal are overconfident predictions.",
        ("members", "calibration"),
        calibration,
        member_findings.calibration,
    ),
    "search_front": Entry(
        "Sub-networks share the weights of one super-network. Those on the front have no rival that makes fewer errors "
        "on the validation images at a lower cost; on test images they can be compared with designs trained alone.",
        ("evaluations", "members"),
        search_front,
        ensemble_findings.search_front,
    ),
    "origins": Entry(
        "Origins are only compared where ensembles have as many members, or cost about as much.",
        ("origins",),
        origins,
        ensemble_findings.origins,
    ),
    "deployment": Entry(
        "Further down is more resilient, further left is cheaper. Points of the front whose bars "
        "overlap may be equally resilient.",
        ("deployment", "candidates"),
        deployment,
        ensemble_findings.deployment,
    ),
    "risk_coverage": Entry(
        "The further a line falls towards the left, the better its confidence score identifies incorrect answers. "
        "Lines may cross: compare them at the coverage that you need.",
        ("deployment", "risk_coverage"),
        risk_coverage,
        risk_finding,
    ),
    "early_exit": Entry(
        "Points to the left of the line cost less at the same error. MACs are means: some images need all members.",
        ("deployment", "early_exit"),
        early_exit,
        exit_finding,
    ),
    "under_corruptions": Entry(
        "Chosen on one half of the test images, judged on the other. A difference is called significant where its "
        "interval, widened for the number of corruptions, excludes 0.",
        ("contenders",),
        under_corruptions,
        under_corruptions_finding,
    ),
    "contender_calibration": Entry(
        "Of the ensemble to deploy, the best member and the baseline: points below the diagonal are overconfident.",
        ("contender_calibration",),
        contender_calibration,
        contender_calibration_finding,
    ),
    "ensemble_size": Entry(
        "Where the line flattens, further members cost as much as the first ones and bring little.",
        ("ensemble_sizes", "candidates"),
        ensemble_size,
        size_finding,
    ),
}
TABLES = sorted({table for entry in CHARTS.values() for table in entry.tables})


def draw(name: str, tables: Mapping[str, pd.DataFrame], colours: list[str]) -> dict:
    """The Vega-Lite specification of the chart `name`; `usermeta` holds its finding, caption and tables.

    And, as `nothing`, why there is nothing to draw, if so.
    """
    entry = CHARTS[name]
    drawn = [tables[table] for table in entry.tables]
    chart = entry.function(*drawn, colours)
    metadata = {"finding": entry.finding(*drawn), "caption": entry.caption, "tables": list(entry.tables)}
    metadata |= chart.usermeta if isinstance(chart.usermeta, dict) else {}
    chart = chart.properties(description=f"{metadata['finding']} {metadata['caption']}".strip(), usermeta=metadata)
    return spoken(chart.to_dict())


def write_chart(path: str | Path, spec: dict, pixels_per_point: float) -> None:
    """Write the chart `spec` to `path` as its suffix says: .vl.json, .svg, .png or a .html that needs nothing else."""
    path = Path(path)
    with replacing(path) as temporary:
        if path.suffix == ".png":
            temporary.write_bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=pixels_per_point))
        elif path.suffix == ".svg":
            temporary.write_text(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE), encoding="utf-8")
        elif path.suffix == ".html":
            temporary.write_text(_page(spec), encoding="utf-8")
        else:
            temporary.write_text(json.dumps(spec) + "\n", encoding="utf-8")


def _page(spec: dict) -> str:
    """`spec` as a page of HTML that needs nothing else. No text of it ends the script that it stands in."""
    html = vl_convert.vegalite_to_html(spec, vl_version=VEGA_LITE, bundle=True)
    head, start, rest = html.rpartition("\n    const spec = ")
    json_text, end, tail = rest.partition("\n")
    if not start:
        raise ValueError("vl-convert writes pages of another form, in which names would have to be escaped anew")
    return head + start + json_text.replace("<", "\\u003c") + end + tail
