from resiliency.report.settings import CHART_SUFFIXES, PAGE_FILES

GALLERY, ATTRIBUTION_GALLERY = f"{RESULTS}/data/gallery.parquet", f"{RESULTS}/data/attribution_gallery.parquet"
CHART_TABLES = {name: TABLES[name] for name in TABLE_NAMES}
CHART_TABLES |= {"gallery": GALLERY} if STUDY.dataset else {}
CHART_TABLES |= {"attribution_gallery": ATTRIBUTION_GALLERY} if MEMBERS else {}
CHART_TABLES |= {"candidates": f"{RESULTS}/ensembles/candidates.parquet"} if "deployment" in TABLE_NAMES else {}
CHART_TABLES |= {"failure_pictures": FAILURE_PICTURES} if STUDY.dataset and "failures" in TABLE_NAMES else {}
CHART_TABLES |= {"risk_coverage": f"{RESULTS}/ensembles/risk_coverage.parquet"} if "deployment" in TABLE_NAMES else {}
CHARTS_DRAWN = {name: chart for name, chart in CHARTS.items() if chart.needs <= CHART_TABLES.keys() | HAS}
CHART_TABLES = {
    name: path for name, path in CHART_TABLES.items() if any(name in of.needs for of in CHARTS_DRAWN.values())
}
CHART_FILES = [f"{RESULTS}/charts/{chart}{suffix}" for chart in CHARTS_DRAWN for suffix in CHART_SUFFIXES]


rule gallery:
    input:
        **TEST,
        classes=TEST_ITEMS,
        corrupted=CORRUPTED[0],
        published=[] if GENERATED else CORRUPTED,
        weights=member_files("weights.safetensors", STUDY.pictured_members()),
        descriptions=member_files("member.json", STUDY.pictured_members()),
        maps=[f"{RESULTS}/attributions/{member}/{METHODS[0]}.npy" for member in STUDY.pictured_members()],
    output:
        corruptions=GALLERY,
        attributions=ATTRIBUTION_GALLERY,
        distances=in_report(TABLES["attribution_distances"]),
    log:
        log_of("gallery"),
    benchmark:
        benchmark_of("gallery")
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["gallery"], gpu=1),
    params:
        **ENGINE,
        **STUDY.corruptions.pictured(),
        **STUDY.corruptions.severest(),
        **STUDY.attribution.model_dump(include={"target", "steps"}),
        code=code("gallery"),
        table_label=STUDY.corruptions.table_label(STUDY.data.side),
        probe_images=STUDY.probe.images,
        method=METHODS[0],
        members=STUDY.pictured_members(),
    script:
        "../scripts/gallery.py"


rule charts:
    input:
        **CHART_TABLES,
    output:
        [in_report(path) if path.endswith(".svg") else path for path in CHART_FILES],
    log:
        log_of("charts"),
    benchmark:
        benchmark_of("charts")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(2000, 15),
    params:
        code=code("charts"),
        charts=STUDY.charts.model_dump(),
    script:
        "../scripts/charts.py"


rule report:
    input:
        tables=[TABLES[name] for name in TABLE_NAMES],
        charts=CHART_FILES,
        descriptions=MEMBER_FILES["descriptions"],
        card=f"{RESULTS}/data/card.json" if STUDY.dataset else [],
        test_sets=[files["card"] for files in TEST_SET_FILES.values()],
        units=[files["described"] for files in UNITS.values()],
    output:
        page=report(f"{RESULTS}/report.html", category="Report", labels={"file": "Report of the study"}),
        provenance=report(f"{RESULTS}/provenance.json", category="Report", labels={"file": "Provenance"}),
    log:
        log_of("report"),
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(2000, 5),
    params:
        code=code("report", *(f"report/{name}" for name in PAGE_FILES), "tables.yaml"),
        study=RESOLVED,
        made=TABLE_NAMES,
        added=EXTERNAL.added if EXTERNAL else [],
        resampled=list(UNITS),
        export=lambda wildcards: export_command(0),
    script:
        "../scripts/report.py"
