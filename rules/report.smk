from resiliency.report.settings import CHART_SUFFIXES, PAGE_FILES, ROW

# What charts are drawn from, by the names in their registry; those that are drawn, and their files.
CHART_TABLES = {Path(path).stem: path for path in all_tables()} | {
    "gallery": of_dataset(f"{RESULTS}/data/gallery.parquet"),
    "attribution_gallery": f"{RESULTS}/data/attribution_gallery.parquet" if PLAN.networks else [],
    "candidates": made(f"{RESULTS}/ensembles/candidates.parquet", "deployment"),
    "failure_pictures": of_dataset(made(f"{RESULTS}/ensembles/failures.parquet", "failures")),
    "risk_coverage": made(f"{RESULTS}/ensembles/risk_coverage.parquet", "deployment"),
}
CHART_TABLES = {name: path for name, path in CHART_TABLES.items() if path}
CHARTS_DRAWN = {
    name: chart for name, chart in CHARTS.items() if chart.needs <= CHART_TABLES.keys() | PLAN.has
}
CHARTED = {name for chart in CHARTS_DRAWN.values() for name in chart.needs}
CHART_FILES = [
    f"{RESULTS}/charts/{chart}{suffix}" for chart in CHARTS_DRAWN for suffix in CHART_SUFFIXES
]


rule gallery:
    input:
        **TEST,
        classes=f"{RESULTS}/data/test/items.csv",
        corrupted=CORRUPTED[0],
        published=[] if GENERATED else CORRUPTED,
        weights=expand(
            f"{RESULTS}/members/{{member}}/weights.safetensors", member=STUDY.pictured_members()
        ),
        descriptions=expand(
            f"{RESULTS}/members/{{member}}/member.json", member=STUDY.pictured_members()
        ),
        maps=[
            f"{RESULTS}/attributions/{member}/{METHODS[0]}.npy"
            for member in STUDY.pictured_members()
        ],
    output:
        corruptions=f"{RESULTS}/data/gallery.parquet",
        attributions=f"{RESULTS}/data/attribution_gallery.parquet",
        distances=in_report(f"{RESULTS}/tables/attribution_distances.csv"),
    log:
        f"{RESULTS}/logs/gallery/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        **needing(NETWORK_MEMORY, MINUTES["gallery"], gpu=1),
    params:
        **ENGINE,
        **STUDY.corruptions.pictured(),
        **STUDY.corruptions.severest(),
        **STUDY.attribution.model_dump(include={"target", "steps"}),
        code=code("gallery"),
        table_label=STUDY.corruptions.table_label(STUDY.data.side),
        n_probe_images=STUDY.probe.n_images,
        method=METHODS[0],
        members=STUDY.pictured_members(),
    script:
        "../scripts/gallery.py"


rule charts:
    input:
        **{name: path for name, path in CHART_TABLES.items() if name in CHARTED},
    output:
        [in_report(path) if path.endswith(".svg") else path for path in CHART_FILES],
    log:
        f"{RESULTS}/logs/charts/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(2000, 15),
    params:
        code=code("charts"),
        charts=STUDY.charts.model_dump(),
    script:
        "../scripts/charts.py"


rule report:
    input:
        tables=all_tables(),
        charts=CHART_FILES,
        descriptions=DESCRIPTIONS,
        card=of_dataset(f"{RESULTS}/data/card.json"),
        test_sets=of_further("card"),
        units=beside_labels("units.json"),
    output:
        page=report(
            f"{RESULTS}/report.html", category="Report", labels={"file": "Report of the study"}
        ),
        provenance=report(
            f"{RESULTS}/provenance.json", category="Report", labels={"file": "Provenance"}
        ),
    log:
        f"{RESULTS}/logs/report/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(2000, 5),
    params:
        code=code("report", *(f"report/{name}" for name in PAGE_FILES), "tables.yaml"),
        study=STUDY.resolved(),
        made=PLAN.tables,
        added=PLAN.elsewhere.added,
        resampled=PLAN.test_sets if EVALUATION["labels"] else [],
        # Not recorded: another folder of the code changes nothing.
        export=lambda wildcards, output: command_for(ROW),
    script:
        "../scripts/report.py"
