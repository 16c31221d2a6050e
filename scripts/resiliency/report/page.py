"""The report: one page that says what the study found, and opens without a network."""

import base64
import json
from pathlib import Path

import pandas as pd
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from resiliency.report import words

FOLDER = Path(__file__).parent
FORMS = (words.percent, words.number, words.estimate, words.duration)
ICONS = {"supported": "✓", "contradicted": "✗", "undecided": "?"}
SECTIONS = {
    "How resilient is each design?": ("error_by_severity", "size_accuracy_resiliency", "error_heatmap"),
    "What do the corruptions look like?": ("gallery",),
    "Does diversity go with accuracy?": ("correlations", "diversity_accuracy"),
    "What does joint training do?": ("strength",),
    "Does architecture bring diversity?": ("architecture_diversity",),
    "What does the search find?": ("search_front",),
    "Where should members come from?": ("origins",),
    "Which ensemble should I deploy?": ("deployment",),
    "Did training converge?": ("learning_curves",),
}
TABLES = {
    "members.csv": "every member: size, accuracy, resiliency, calibration",
    "histories.csv": "training loss and validation accuracy of every trained member, epoch by epoch",
    "corruption_errors.csv": "top-1 error of every member under every corruption and severity",
    "ensembles.parquet": "every ensemble: its members, accuracy, resiliency and diversities under each rule",
    "correlations.csv": "correlations of every diversity with accuracy, with intervals",
    "correlation_differences.csv": "correlations of attribution diversity less those of prediction diversity",
    "coincident_failures.csv": "how often members of one design, and of two, fail on the same images",
    "skipped.csv": "members that an attribution method or a comparison of stages does not apply to, and why",
    "origins.csv": "ensembles by where their members come from, at equal size and at equal MACs",
    "deployment.csv": "the most resilient ensembles for their cost, and single members, judged on unseen images",
    "observations.csv": "the four observations: statistics, intervals, rules and verdicts",
}


def render(
    study: dict,
    card: dict,
    provenance: dict,
    tables: dict[str, pd.DataFrame],
    specs: dict[str, dict],
    svgs: dict[str, str],
) -> str:
    """The page as HTML.

    Args:
        study: the whole study.
        card: the card of the data set.
        provenance: versions, device, commit and the cost of every rule.
        tables: `members`, `corruption_errors`, `ensembles` and `observations`.
        specs, svgs: name of a chart -> its Vega-Lite specification, and its picture where scripts do not run.
    """
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {form.__name__: form for form in FORMS}
    environment.globals |= {form.__name__: form for form in FORMS} | {"interval": words.interval}
    observations = observed(tables["observations"])
    members = tables["members"].sort_values("mean_corruption_error", kind="stable").fillna({"objective": ""})
    return environment.get_template("report.html.j2").render(
        study=study,
        study_text=json.dumps(study, indent=2),
        card=card,
        provenance=provenance,
        summary=summary(study, card, tables, observations),
        observations=observations,
        contenders=contenders(study["members"]["baseline"], tables["members"], tables["ensembles"]),
        sections={question: [_figure(name, specs, svgs) for name in names] for question, names in SECTIONS.items()},
        members=members.to_dict("records"),
        tables=TABLES,
        css=(FOLDER / "report.css").read_text(),
        bundle=vl_convert.javascript_bundle(vl_version=_vega_lite(specs)) if specs else "",
    )


def observed(table: pd.DataFrame) -> list[dict]:
    """The observations: each with its verdict, its parts, and as key the first part that has the verdict itself."""
    found = []
    for number, rows in table.groupby("observation"):
        parts = rows.assign(part=rows["part"].fillna("")).to_dict("records")
        verdict = parts[0]["verdict"]
        votes = {name: sum(part["part_verdict"] == name for part in parts) for name in ICONS}
        found.append(
            {
                "number": number,
                "statement": parts[0]["statement"],
                "verdict": verdict,
                "icon": ICONS[verdict],
                "key": next((part for part in parts if part["part_verdict"] == verdict), parts[0]),
                "parts": [part | {"icon": ICONS[part["part_verdict"]]} for part in parts],
                "lacking": "" if pd.isna(parts[0]["lacking"]) else parts[0]["lacking"],
                "has_differences": bool(rows["difference_of_means"].notna().any()),
                "votes": ", ".join(f"{count} {name}" for name, count in votes.items() if count),
            }
        )
    return found


def summary(study: dict, card: dict, tables: dict[str, pd.DataFrame], observations: list[dict]) -> str:
    """The study and its outcome in two sentences."""
    members, errors = tables["members"], tables["corruption_errors"]
    joint = int((members["origin"] == "joint").sum())
    images = words.plural(card["splits"]["test"]["images"], "image")
    corruptions = errors.loc[errors["corruption"] != "clean", "corruption"].nunique()
    verdicts = [found["verdict"] for found in observations]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in ICONS if name in verdicts)
    independent = int((members["origin"] == "independent").sum())
    trained = words.plural(independent, "independently trained member")
    trained += f" and {joint:,} jointly trained" if joint else ""
    searched = members["origin"] == "search"
    trained += f", {words.plural(int(searched.sum()), 'sub-network')} of a search" if searched.any() else ""
    return (
        f"{trained}, of {words.plural(members.loc[~searched, 'design'].nunique(), 'design')}, "
        f"and {words.plural(tables['ensembles']['ensemble'].nunique(), 'ensemble')} of them, tested on "
        f"{images} of {card['name']}, clean and under {words.plural(corruptions, 'corruption')}. "
        f"Verdicts on the paper's observations: {counts}."
    )


def contenders(baseline: str, members: pd.DataFrame, ensembles: pd.DataFrame) -> list[dict]:
    """The baseline, if it is a member, the best member and the best ensemble, by mean corruption error."""
    rows = members[members["member"] == baseline].to_dict("records")
    rows = [row | {"role": "Baseline", "name": row["member"], "note": ""} for row in rows]
    if members["mean_corruption_error"].notna().any():
        best = members.loc[members["mean_corruption_error"].idxmin()].to_dict()
        rows.append(best | {"role": "Best member", "name": best["member"], "note": ""})
    if len(ensembles) and ensembles["mean_corruption_error"].notna().any():
        main = ensembles[ensembles["rule"] == ensembles["rule"].iloc[0]]
        best = main.loc[main["mean_corruption_error"].idxmin()].to_dict()
        note = f"{best['size']} members, combined by {words.label(best['rule'])}"
        rows.append(best | {"role": "Best ensemble", "name": best["members"].replace("+", " + "), "note": note})
    return rows


def _figure(name: str, specs: dict[str, dict], svgs: dict[str, str]) -> dict:
    """What the page shows of one chart. The picture is an image, so that ids of several do not clash."""
    spec = specs[name]
    title = spec["title"]
    return {
        "name": name,
        "title": title["text"],
        "told": ". ".join([title["text"], *title["subtitle"], spec["description"]]),
        "caption": spec["description"],
        "spec": spec,
        "picture": "data:image/svg+xml;base64," + base64.b64encode(svgs[name].encode()).decode(),
    }


def _vega_lite(specs: dict[str, dict]) -> str:
    """The version of Vega-Lite, such as v6.4, that the specifications are written for."""
    schema = next(iter(specs.values()))["$schema"]
    return schema.rpartition("/")[2].removesuffix(".json").rpartition(".")[0]
