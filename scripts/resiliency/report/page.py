"""The report: one page that says what the study found, and opens without a network."""

import json
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd
from jinja2 import Template

from resiliency.base.names import CLEAN, CORRUPTED, accuracy_of
from resiliency.base.settings import Keys
from resiliency.designs.members import LOADED, WeightsKind
from resiliency.metrics.classification import LARGEST_RELATIVE_ERROR
from resiliency.report import words
from resiliency.report.advice import ADVICE, architecture_answer
from resiliency.report.cautions import CAUTIONS
from resiliency.report.choosing import choosing
from resiliency.report.deployment import EXPORT, Answer, deployment_answers
from resiliency.report.overview import (
    added_table,
    basis,
    best_answer,
    first_answer,
    leaders,
    models,
    ranks_sentence,
    resampled_sentence,
    skipped_reasons,
    unit_names,
)
from resiliency.report.rows import Row, measured_on, with_ends
from resiliency.report.rules import Evidence, said
from resiliency.report.settings import APPENDIX, CHARTS, SECTIONS, Section
from resiliency.report.templates import FORMS, coded, environment
from resiliency.report.verdicts import ICONS, by_observation
from resiliency.tables import TABLES

FOLDER = Path(__file__).parent
OPENING = "size_accuracy_robustness"  # the chart whose finding opens the page
LOSSES = {"nll": "NLL", "brier": "Brier", "ece": "ECE"}
RATIOS = {"mce": ("mCE", "error"), "relative_mce": ("Relative mCE", "loss")}  # to the baseline's
SIZE = re.compile(r'height="([\d.]+)" viewBox="0 0 ([\d.]+) ([\d.]+)"')
UNQUOTED = " !$()*+,-./:;=?@[]^_`{|}~"  # in a data URL
# Px, height of a chart's title with the gap below it, and of a line of its subtitle.
TITLE, LINE = 37, 17


class Figure(NamedTuple):
    """Text and picture of a chart; the picture is an image, so that ids of several do not clash."""

    name: str
    title: str
    subtitle: list[str]
    alt: str
    caption: str
    tables: list[str]
    picture: str


def render(
    study: Keys,
    card: Keys | None,
    test_sets: dict[str, Keys],
    provenance: Keys,
    tables: dict[str, pd.DataFrame],
    specs: dict[str, Keys],
    svgs: dict[str, str],
    made: Collection[str] = TABLES,
    added: Collection[str] = (),
    units: Mapping[str, Keys] = {},
    export: str = EXPORT,
    docs: str = "../../docs/{}.md",
) -> str:
    """The page as HTML.

    Args:
        study: all keys of the study.
        card: card of the dataset; None if there is none.
        test_sets: card of each additional test set, by name.
        provenance: versions, device, commit and the cost of every rule.
        tables: tables of `report.settings.PAGE_TABLES` that the study has.
        specs, svgs: name of a chart -> its Vega-Lite specification, and its picture.
        made: names of the tables that the study has.
        added: added members.
        units: test set -> its `units.json`; empty if nothing is known about its images.
        export: command that exports a row, with `ROW` for its number.
        docs: address of a page of the documentation, from the folder of this page, with {} for its
            name.
    """
    further = [name for name in tables["corruption_errors"]["test_set"].unique() if name != CLEAN]
    unit, classes = unit_names(units.get(CLEAN))[1], (card or {}).get("classes", ())
    evidence = Evidence(tables, card or {}, units)
    answers = deployment_answers(tables, study["study"], classes, unit, export)
    sections = _sections(SECTIONS, specs, svgs, made, _openings(tables, answers))
    appendix = _sections(APPENDIX, specs, svgs, made, {})
    shown = {section.anchor: section.name for section, _, _ in sections + appendix}
    return _template().render(
        study=study,
        study_text=json.dumps(study, indent=2),
        card=card,
        test_sets=test_sets,
        provenance=provenance,
        further=further,
        sections=sections,
        appendix=appendix,
        shown=shown | {"members": "All members"},
        answers=answers[1:],
        advice=said(ADVICE, evidence),
        cautions=said(CAUTIONS, evidence),
        files={TABLES[name].path: TABLES[name].holds for name in made},
        docs=docs,
        css=(FOLDER / "report.css").read_text(encoding="utf-8"),
        script=(FOLDER / "report.js").read_text(encoding="utf-8"),
        **_first_screen(study["study"], card, tables, specs, added, units, further),
        **_of_members(tables["members"], further),
        costs=_costs(provenance["rules"]),
    )


def _first_screen(
    study: str,
    card: Keys | None,
    tables: dict[str, pd.DataFrame],
    specs: dict[str, Keys],
    added: Collection[str],
    units: Mapping[str, Keys],
    further: list[str],
) -> Keys:
    """Variables of the template for the part above the sections."""
    members = tables["members"]
    best = models(tables["deployment"], tables.get("contenders")) if "deployment" in tables else []
    corrupted = (tables["corruption_errors"]["corruption"] != CLEAN).any()
    opening = specs[OPENING]["usermeta"]["finding"] if OPENING in specs else ""
    several = any((of["size"] > 1).any() for of in tables.values() if "size" in of)
    robustness = tables.get("effective_robustness")
    return {
        "subject": "ensembles" if several else "networks",
        "images": CORRUPTED if corrupted else "shifted" if further else "",
        "answer": first_answer(tables, further, opening),
        "basis": basis(card, tables, study),
        "level": words.percent(members["confidence"].max(), 0),
        "resampled": resampled_sentence(units),
        "models": best,
        "leaders": [] if best else leaders(tables, further),
        "best": _best(tables["best_ensembles"], further) if "best_ensembles" in tables else [],
        "added": {member: added_table(member, members, robustness) for member in added},
        "observations": by_observation(tables["observations"]),
        "choosing": choosing(tables["choosing"]) if "choosing" in tables else None,
        "ranks": ranks_sentence(tables["member_ranks"]) if "member_ranks" in tables else "",
        "skipped": skipped_reasons(tables["skipped"]) if "skipped" in tables else [],
    }


def _of_members(members: pd.DataFrame, further: list[str]) -> Keys:
    """Variables of the template for the table of all members, the most robust first."""
    error = measured_on(members)[0]["corrupted_error"]
    order = error if error.notna().any() else -members["clean_accuracy"]
    rows = members.loc[order.sort_values(kind="stable").index]
    undefined = {}
    for name, (title, measure) in RATIOS.items():
        if len(corruptions := members[f"{name}_undefined_under"].dropna()):
            under = ", ".join(map(words.label, corruptions.max().split()))
            why = (
                "is at most 0, or has a relative standard error above "
                f"{words.percent(LARGEST_RELATIVE_ERROR, 0)}"
            )
            undefined[name] = (
                f"{title} has no meaning here: the {measure} of the baseline {why}, under {under}."
            )
    shares = _accuracies(further) | {"corrupted_error": "Corrupted error"}
    shares |= {name: title for name, (title, _) in RATIOS.items()}
    losses = {
        f"{images}_{loss}": f"{LOSSES[loss]} {images}"
        for loss in LOSSES
        for images in (CLEAN, CORRUPTED)
    }
    losses = {column: title for column, title in losses.items() if column in members}
    cells = [
        [
            "Member",
            "Family",
            "Training",
            "Parameters",
            "MACs",
            *shares.values(),
            *losses.values(),
            "Warnings",
        ]
    ]
    for row in rows.astype(object).where(rows.notna(), None).to_dict("records"):
        own = [
            row["member"],
            row["family"],
            ", ".join(filter(None, (row["origin"], row["objective"]))),
        ]
        sizes = [words.quantity(row[name]) for name in ("parameters", "macs")]
        of = ["no meaning" if name in undefined else with_ends(row, name) for name in shares]
        cells.append(
            [
                *own,
                *sizes,
                *of,
                *(words.number(row[name]) for name in losses),
                row["warnings"] or "",
            ]
        )
    return {
        "members": cells,
        "order": "Most robust" if error.notna().any() else "Most accurate on clean images",
        "undefined": undefined.values(),
        "given": rows[rows["weights_kind"].isin([*LOADED, WeightsKind.FINE_TUNED])].to_dict(
            "records"
        ),
    }


def _accuracies(further: list[str]) -> dict[str, str]:
    """Column of each accuracy -> its title."""
    return {accuracy_of(CLEAN): "Clean accuracy"} | {
        accuracy_of(of): f"Accuracy on {words.label(of)}" for of in further
    }


def _best(best: pd.DataFrame, further: list[str]) -> list[list[str]]:
    """The most accurate ensembles of each size with their accuracies, as cells."""
    accuracies = _accuracies(further)
    cells = [["Members", "Size", "Rank", *accuracies.values()]]
    for row in best.to_dict("records"):
        own = [
            row["members"].replace("+", " + "),
            str(row["size"]),
            f"{row['rank']} of {row['ensembles']:,}",
        ]
        cells.append([*own, *(with_ends(row, name) for name in accuracies)])
    return cells


def _costs(rules: list[Row]) -> list[list[str]]:
    """Time and memory of each rule, as cells."""
    units = {
        "wall_seconds": "Time, s",
        "cpu_seconds": "CPU time, s",
        "startup_cpu_seconds": "Start-up CPU time, s",
    }
    units |= {"max_rss_mib": "Peak memory, MiB"}
    rows = [
        [of["rule"], f"{of['jobs']:,}", *(words.one_digit(of[name]) for name in units)]
        for of in rules
    ]
    return [["Rule", "Jobs", *units.values()], *rows]


def _openings(tables: dict[str, pd.DataFrame], answers: list[Answer]) -> dict[str, str]:
    """Answers of sections, by anchor, that replace the finding of the first chart."""
    openings = {"deploy": answers[0].said} if answers else {}
    if "exchange_rates" in tables:
        openings["exchange"] = architecture_answer(tables["exchange_rates"])
    if "best_ensembles" in tables and "deployment" not in tables:
        openings["best"] = best_answer(leaders(tables, []))
    return openings


@cache
def _template() -> Template:
    """The template of the page, compiled once per process."""
    templates = environment(FOLDER, FORMS | {"coded": coded}, autoescape=True)
    templates.globals["ICONS"] = ICONS
    return templates.get_template("report.html.j2")


def _sections(
    sections: tuple[Section, ...],
    specs: dict[str, Keys],
    svgs: dict[str, str],
    made: Collection[str],
    openings: Mapping[str, str],
) -> list[tuple[Section, str, list[Figure]]]:
    """The sections with content, each with its answer, in `openings` or the finding of its first
    chart, and figures."""
    content = []
    for section in sections:
        of_section = [
            name
            for name, chart in CHARTS.items()
            if chart.section == section.anchor and name in specs
        ]
        drawn = [name for name in of_section if "nothing" not in specs[name]["usermeta"]]
        figures = [_figure(name, specs[name], svgs[name], made) for name in drawn]
        answer = openings.get(section.anchor) or (
            specs[drawn[0]]["usermeta"]["finding"] if drawn else ""
        )
        if figures or (section.anchor == "best" and answer):
            content.append((section, answer, figures))
    return content


def _figure(name: str, spec: Keys, svg: str, made: Collection[str]) -> Figure:
    title = spec["title"]
    return Figure(
        name=name,
        title=title["text"],
        subtitle=title["subtitle"],
        alt=". ".join([title["text"], *title["subtitle"], spec["description"]]),
        caption=spec["usermeta"]["caption"],
        tables=[TABLES[table].path for table in made if table in spec["usermeta"]["tables"]],
        picture=f"data:image/svg+xml,{quote(untitled(svg, len(title['subtitle'])), safe=UNQUOTED)}",
    )


def untitled(svg: str, lines: int) -> str:
    """A picture of a chart without its title and the lines below it, which the page has as text."""
    above = TITLE + LINE * lines
    cut = 'height="{0:g}" viewBox="0 {1} {2} {0:g}"'
    return SIZE.sub(lambda of: cut.format(float(of[3]) - above, above, of[2]), svg, count=1)
