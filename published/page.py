"""A study's results as a page of Markdown, with the tables and charts that it is made from.

`python -m published.page results/<study>` keeps these in `published/results/<study>/`, and writes
`docs/results/<study>.md`.
"""

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterable
from io import BytesIO
from operator import itemgetter
from pathlib import Path

import pandas as pd
import vl_convert
from PIL import Image

from published.bought import latest_rates, worth
from published.kept import (
    EXPERIMENTS,
    FROM_PAGES,
    PAGES,
    RESULTS,
    SEEDS_PAGE,
    SPECS,
    as_now,
    kept_tables,
    template_of,
)
from published.several_verdicts import agreement, counted_verdicts
from published.site import draw_all, drawn
from published.study_changes import command_settings, current_study, outdated_keys
from published.swaps import answers, rows_of, second_run
from resiliency.analysis.contenders import clean_accuracy
from resiliency.analysis.member_tables import LITTLE, late_gain
from resiliency.base.faults import Fault, one_line_faults, parser
from resiliency.base.names import CLEAN, INDEPENDENT
from resiliency.report.advice import ADVICE, facts
from resiliency.report.cautions import WARNED
from resiliency.report.charts.ensembles import NAMES, images_of
from resiliency.report.choosing import choosing
from resiliency.report.drawing import finding_of, svg
from resiliency.report.overview import contenders, design_count, leaders
from resiliency.report.rules import Evidence, said
from resiliency.report.settings import APPENDIX, CHARTS, SECTIONS
from resiliency.report.verdicts import by_observation, part_label
from resiliency.storage import PROVENANCE, Run, read_json, read_table, replacing
from resiliency.tables import TABLES

NEEDED = ("members", "corruption_errors", "observations")
LEAD = "exchange_rates"  # the chart that a page begins with
SHOWN = (
    *(LEAD, "size_accuracy_robustness", "correlations", "architecture_diversity", "loss_weight"),
    "effective_robustness",
)
# Tables that are kept as Parquet, which is a tenth of their size.
LONG = ("corruption_errors", "correlations", "thresholds", "selective_prediction")
# Bytes, above which others are too, and charts are kept as PNG.
LONG_TABLE, LARGE_PICTURE = 100_000, 1_000_000
COLOURS, SCALE = 64, 2  # of a PNG, and its pixels per point
QUESTIONS = {section.anchor: section.question for section in SECTIONS + APPENDIX}
CHARTS_FILE, LONGEST = "charts.json", "longest.json"
OF_ALL = ("found", "runtimes", SEEDS_PAGE)  # pages that are made from the results of several runs
# Study -> the study whose runs it replaces, and whose results had been seen when the rule of
# observation 1 was divided.
FORMER = {"traffic_signs": "traffic_signs", "cifar10_lengths": "cifar10_cpu"}
# Behind the number of an observation of a registered study that is told a second time.
AGAIN = " again"
CARD = "export_card.md"  # of the exported ensemble
ORPHAN = "---\norphan: true\n---\n"  # how Sphinx knows pages that are in no navigation
PICTURES = {"gallery", "attribution_gallery", "failure_gallery"}
LONG_FINDING = 60  # words
LARGEST = 4_000_000  # bytes of all tables that are kept


def publish(results: Path, folder: Path = RESULTS, pages: Path = PAGES) -> Path:
    """Keep what the page of a finished study is made from, and write the page.

    Args:
        results: `results/<study>`, with its report; the card of an ensemble that was exported from
            it is kept too.
        folder, pages: folders of what is kept, `<study>/`, and of the page, `<study>.md`, which
            have the name of the folder `results`.

    Returns:
        The page.

    Raises:
        Fault: if the study has not been run to its end, it has the name of another page, or its
            tables are larger than `LARGEST`.
    """
    run = finished_run(results, NEEDED)
    if (name := page_name(results)) in OF_ALL:
        raise Fault(f"{results}: {name}.md is a page about several runs; rename the folder")
    tables = [
        run.file(table.path) for name, table in TABLES.items() if table.published and name in run
    ]
    specs = specifications(run)
    with replacing(folder / name) as kept:
        kept.mkdir()
        for path in tables:
            if path.stem in LONG or path.stat().st_size > LONG_TABLE:
                read_table(path).to_parquet(kept / f"{path.stem}.parquet", index=False)
            else:
                shutil.copyfile(path, kept / path.name)
        suffice = kept_tables(kept)
        drawable = drawn(suffice, run.provenance["study"])
        others = {name: spec for name, spec in specs.items() if name not in drawable}
        if others:
            (kept / SPECS).write_bytes(gzip.compress(json.dumps(others).encode(), mtime=0))
        if (size := sum(path.stat().st_size for path in kept.iterdir())) > LARGEST:
            raise Fault(
                f"{results}/tables: {size:,} bytes; a page keeps at most {LARGEST:,} bytes of "
                "tables"
            )
        _write_json(kept / PROVENANCE, run.provenance)
        shown = {name: specs[name] for name in shown_charts(suffice) if name in specs}
        texts = {
            name: _texts(spec) | {"picture": _keep_picture(spec, kept / name)}
            for name, spec in shown.items()
        }
        _write_json(kept / CHARTS_FILE, texts)
        if "histories" in run:
            _write_json(
                kept / LONGEST,
                longest_training(*(_table(run, name) for name in ("members", "histories"))),
            )
    rows = contenders(_table(run, "deployment")) if "deployment" in run else []
    card = results / f"export/{rows[0]['number'] if rows else 0}/card.md"
    if card.is_file() and _is_newer(card, run.file(TABLES["deployment"].path)):
        (pages / name).mkdir(exist_ok=True)
        (pages / name / CARD).write_text(
            f"{ORPHAN}{card.read_text(encoding='utf-8')}", encoding="utf-8"
        )
    written = pages / f"{name}.md"
    written.write_text(page(folder / name, pages), encoding="utf-8")
    return written


def _is_newer(file: Path, other: Path) -> bool:
    return file.stat().st_mtime >= other.stat().st_mtime


def page_name(results: Path) -> str:
    """The name of a folder of results, also of `.`, which its page and the folder beside it have
    too."""
    return Path(os.path.abspath(results)).name


def finished_run(results: Path, tables: Iterable[str]) -> Run:
    """The run that made a folder of results last; a Fault if it lacks one of these tables."""
    run = Run(results)
    for table in tables:
        run.file(TABLES[table].path)
    return run


def _table(run: Run, name: str) -> pd.DataFrame:
    return read_table(run.file(TABLES[name].path))


def _write_json(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def longest_training(members: pd.DataFrame, histories: pd.DataFrame) -> dict:
    """Which independent designs of the longest training still gained a point or more in its last
    fifth.

    Args:
        members: members.csv.
        histories: histories.csv.

    Returns:
        Its `epochs`, the number of designs that were `trained` for so long, and the `late` ones by
        name.
    """
    independent = members[members["origin"] == INDEPENDENT]
    epochs = independent["training_epochs"].max()
    longest = independent.loc[independent["training_epochs"] == epochs, "member"]
    curves = histories[histories["member"].isin(longest)].groupby("design", sort=False)
    gains = {design: late_gain(of, fewest=2) for design, of in curves}
    late = [design for design, gain in gains.items() if (gain or 0) >= LITTLE]
    return {"epochs": int(epochs) if gains else 0, "trained": len(gains), "late": late}


def shown_charts(tables: dict[str, pd.DataFrame]) -> list[str]:
    """The charts of a page, from the kept tables of its study.

    Where training lengths differ, the first allows for clean accuracy, better than a line through
    all members.
    """
    lengths_differ = LEAD in tables and facts(tables[LEAD]).get("doubling_of_training")
    return [name for name in SHOWN if not (lengths_differ and name == "effective_robustness")]


def _keep_picture(spec: dict, file: Path) -> str:
    """Write a chart as SVG, or, if that has too many marks, as PNG with as few colours as it needs;
    its file's name."""
    picture = svg(spec)
    if len(picture) > LARGE_PICTURE:
        image = Image.open(BytesIO(vl_convert.svg_to_png(picture, scale=SCALE)))
        image.convert("RGB").quantize(COLOURS).save(file := file.with_suffix(".png"), optimize=True)
    else:
        (file := file.with_suffix(".svg")).write_text(picture, encoding="utf-8")
    return file.name


def _texts(chart: dict) -> dict:
    """The title of a chart, and what it shows, from its specification."""
    title = chart["title"]["text"] if isinstance(chart["title"], dict) else chart["title"]
    return {"title": title, "finding": chart["usermeta"]["finding"]}


def specifications(run: Run) -> dict[str, dict]:
    """The specifications of the charts of a run, by name, but for those of test images: others may
    have rights to them.

    They are drawn anew, as the sentences beside them are of this library too, unless a chart needs
    more than tables.
    """
    tables = as_now({name: _table(run, name) for name in TABLES if name in run})
    charts = {name: CHARTS[name] for name in run.provenance["charts"] if name not in PICTURES}
    new = [
        name
        for name, chart in charts.items()
        if set(chart.tables) - set(chart.optional) <= tables.keys()
    ]
    return {name: read_json(run.file(f"charts/{name}.vl.json")) for name in charts} | draw_all(
        new, tables
    )


def page(kept: Path, pages: Path = PAGES) -> str:
    """The page, from the files that `publish` kept, and those beside them of other study seeds, and
    nothing else.

    Args:
        kept: folder of the tables (`members.csv`, ...), charts, `charts.json` and `provenance.json`
            of a study.
        pages: folder of the page, of the card of an exported model and of the page on the study's
            design.
    """
    tables = kept_tables(kept)

    def told(table: str, of: Callable, *more: object) -> object:
        return of(tables[table], *more) if table in tables else []

    provenance = read_json(kept / "provenance.json")
    written = current_study(provenance["study"]["study"])
    observed = by_observation(tables["observations"])
    present = [of | {"number": f"{of['number']}{AGAIN}"} for of in told("present", by_observation)]
    rates = facts(tables[LEAD]) if LEAD in tables else {}
    latest = tables | ({LEAD: latest_rates(tables)} if rates else {})
    errors = tables["corruption_errors"]
    further = [name for name in errors["test_set"].unique() if name != CLEAN]
    return template_of("page.md.j2").render(
        study=kept.name,
        folder=f"{FROM_PAGES}/{kept.name}",
        configured=provenance["study"]["study"],
        changed=command_settings(provenance["study"], written),
        outdated=outdated_keys(provenance["study"], written),
        provenance=provenance,
        members=tables["members"],
        design_count=design_count(tables["members"]),
        ensembles=told("best_ensembles", _scored),
        n_images=int(
            errors.loc[
                (errors["test_set"] == CLEAN) & (errors["corruption"] == CLEAN), "n_images"
            ].max()
        ),
        corruptions=errors.loc[errors["corruption"] != CLEAN, "corruption"].nunique(),
        further=further,
        cautions=said(WARNED, Evidence(tables, {}, {})),
        on_halves=[of for of in told("on_halves", by_observation) if of["number"] == "1b"],
        AGAIN=AGAIN,
        observations=(observations := sorted(observed + present, key=itemgetter("number"))),
        controlled=[of for of in observations if of["placebo"]],
        former=former_runs(kept.name),
        rates=rates,
        present_rates=told("exchange_rates_present", facts),
        advice=said(ADVICE, Evidence(latest, {}, {})),
        NAMES=NAMES,
        worth=worth(rates),
        on=images_of(tables[LEAD]["images"].iloc[0]) if rates else "",
        LEAD=LEAD,
        swapped=(swapped := next(iter(answers({kept.name: tables})), None)),
        choosing=choosing(tables["choosing"]) if "choosing" in tables else None,
        swap_rows=rows_of(tables["swaps"]) if swapped else [],
        second_run=second_run(kept.name),
        diversity=finding_of("swaps", tables["swaps"], tables["members"]) if swapped else "",
        longest=read_json(kept / LONGEST) if (kept / LONGEST).is_file() else {},
        registration=name if (pages / (name := f"{kept.name}_registration.md")).is_file() else "",
        by_seed=told("seeds", agreement),
        contenders=told("deployment", contenders),
        clean_accuracy=clean_accuracy,
        leaders=leaders(tables, further),
        charts=_charts(kept, tables),
        exported=(pages / kept.name / CARD).is_file(),
        choices=told("choices", counted_verdicts),
    )


def former_runs(study: str) -> list[dict]:
    """Verdict and estimates of observation 1 in each run that a study replaces, as they were before
    it was divided."""
    runs = read_table(EXPERIMENTS / "former_runs.csv")
    runs = runs[(runs["study"] == FORMER.get(study)) & (runs["observation"] == 1)]
    return [
        {
            "verdict": of["verdict"].iloc[0],
            "estimates": of.set_index(of["part"].map(part_label))["estimate"].to_dict(),
        }
        for _, of in runs.groupby("run")
    ]


def _charts(kept: Path, tables: dict[str, pd.DataFrame]) -> dict[str, dict]:
    """Title, question, finding and picture of each chart by name; findings that the kept tables
    suffice for are new."""
    charts = read_json(kept / CHARTS_FILE)
    for name, chart in charts.items():
        if tables.keys() >= set(needed := CHARTS[name].tables):
            chart["finding"] = finding_of(name, *map(tables.get, needed))
        chart["finding"] = _shortened(chart["finding"])
        chart["question"] = (
            title if (title := chart["title"]).endswith("?") else QUESTIONS[CHARTS[name].section]
        )
    return charts


def _shortened(finding: str) -> str:
    """A finding, or the first sentence of a long one; the report has the others."""
    first, end, _ = finding.partition(". ")
    return f"{first}." if end and len(finding.split()) > LONG_FINDING else finding


def _scored(best_ensembles: pd.DataFrame) -> int:
    """The number of ensembles of two members and more."""
    best = best_ensembles[(best_ensembles["rank"] == 1) & (best_ensembles["size"] > 1)]
    return int(best["ensembles"].sum())


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, help="folder of a finished study, results/<study>")
    given = arguments.parse_args()
    with one_line_faults():
        print(publish(given.results))


if __name__ == "__main__":
    main()
