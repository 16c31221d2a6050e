rule score_members:
    input:
        **JUDGED,
        descriptions=MEMBER_FILES["descriptions"],
        histories=MEMBER_FILES["histories"],
        external_errors=MEMBER_FILES["errors"],
        logits=LOGITS,
    output:
        members=shown(TABLES["members"]),
        errors=shown(TABLES["errors"]),
        histories=shown(TABLES["histories"]),
        calibration=shown(TABLES["calibration"]),
    log:
        f"{RESULTS}/logs/score_members/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_members/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(MINUTES["score_members"]),
    params:
        **STATISTICS,
        code=code("score_members"),
        seed=STUDY.seed,
        baseline=STUDY.members.baseline,
    script:
        "../scripts/score_members.py"


rule correlate:
    input:
        ensembles=TABLES["ensembles"],
        by_corruption=f"{RESULTS}/ensembles/by_corruption.parquet",
        pairs=f"{RESULTS}/diversity/pairs.parquet",
    output:
        correlations=shown(TABLES["correlations"]),
        differences=shown(TABLES["differences"]),
    log:
        f"{RESULTS}/logs/correlate/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/correlate/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("correlate"),
        confidence=STUDY.statistics.confidence,
    script:
        "../scripts/correlate.py"


rule leave_out_images:
    input:
        **attributed(INDEPENDENT),
        **JUDGED,
        members=TABLES["members"],
        ensembles=TABLES["ensembles"],
        logits=predictions(COMBINED),
        features=predicted(INDEPENDENT)["features"],
    output:
        f"{RESULTS}/ensembles/without_images.parquet",
    log:
        f"{RESULTS}/logs/leave_out_images/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/leave_out_images/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(MINUTES["pairwise_diversity"]),
    params:
        code=code("leave_out_images"),
        seed=STUDY.seed,
        rule=STUDY.ensembles.main_rule,
        networks=INDEPENDENT,
        methods=METHODS,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/leave_out_images.py"


rule observe:
    input:
        conditions=JUDGED["conditions"],
        members=TABLES["members"],
        ensembles=made("ensembles"),
        pairs=f"{RESULTS}/diversity/pairs.parquet" if made("ensembles") else [],
        image_errors=f"{RESULTS}/ensembles/image_errors.parquet" if made("ensembles") else [],
        without_images=rules.leave_out_images.output[0] if made("ensembles") else [],
    output:
        shown(TABLES["observations"]),
    log:
        f"{RESULTS}/logs/observe/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/observe/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("observe"),
        confidence=STUDY.statistics.confidence,
        margin=STUDY.statistics.error_margin,
        rule=STUDY.ensembles.main_rule,
        reference=STUDY.statistics.reference,
    script:
        "../scripts/observe.py"


rule compare_origins:
    input:
        ensembles=TABLES["ensembles"],
        members=TABLES["members"],
    output:
        shown(TABLES["origins"]),
    log:
        f"{RESULTS}/logs/compare_origins/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_origins/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        code=code("compare_origins"),
        confidence=STUDY.statistics.confidence,
    script:
        "../scripts/compare_origins.py"


rule compare_sizes:
    input:
        ensembles=TABLES["ensembles"],
        members=TABLES["members"],
    output:
        shown(TABLES["ensemble_sizes"]),
    log:
        f"{RESULTS}/logs/compare_sizes/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_sizes/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        code=code("compare_sizes"),
        confidence=STUDY.statistics.confidence,
    script:
        "../scripts/compare_sizes.py"


rule choose_ensembles:
    input:
        **JUDGED,
        members=TABLES["members"],
        ensembles=TABLES["ensembles"],
        logits=LOGITS,
    output:
        deployment=shown(TABLES["deployment"]),
        candidates=f"{RESULTS}/ensembles/candidates.parquet",
    log:
        f"{RESULTS}/logs/choose_ensembles/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/choose_ensembles/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(MINUTES["choose_ensembles"]),
    params:
        **STATISTICS,
        **STUDY.deployment.model_dump(),
        code=code("choose_ensembles"),
        seed=STUDY.seed,
        rule=STUDY.ensembles.main_rule,
        baseline=STUDY.members.baseline,
    script:
        "../scripts/choose_ensembles.py"


rule assess_ensembles:
    input:
        **JUDGED,
        members=TABLES["members"],
        deployment=TABLES["deployment"],
        logits=LOGITS,
        validation=predicted(MEMBERS)["validation"],
        validation_labels=VALIDATION["labels"] if MEMBERS and VALIDATED else [],
    output:
        selective=shown(TABLES["selective_prediction"]),
        temperatures=shown(TABLES["temperatures"]),
        early_exit=shown(TABLES["early_exit"]),
        curves=f"{RESULTS}/ensembles/risk_coverage.parquet",
    log:
        f"{RESULTS}/logs/assess_ensembles/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/assess_ensembles/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(MINUTES["choose_ensembles"]),
    params:
        **STATISTICS,
        code=code("assess_ensembles"),
        seed=STUDY.seed,
    script:
        "../scripts/assess_ensembles.py"


rule compare_contenders:
    input:
        **JUDGED,
        members=TABLES["members"],
        deployment=TABLES["deployment"],
        logits=LOGITS,
    output:
        under_corruptions=shown(TABLES["contenders"]),
        calibration=shown(TABLES["contender_calibration"]),
    log:
        f"{RESULTS}/logs/compare_contenders/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_contenders/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        **STATISTICS,
        code=code("compare_contenders"),
        seed=STUDY.seed,
    script:
        "../scripts/compare_contenders.py"


rule charts:
    input:
        **CHART_TABLES,
    output:
        [shown(path) if path.endswith(".svg") else path for path in CHART_FILES],
    log:
        f"{RESULTS}/logs/charts/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/charts/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        code=code("charts"),
        charts=STUDY.charts.model_dump(),
    script:
        "../scripts/charts.py"


rule provenance:
    input:
        [TABLES[name] for name in MADE],
        CHART_FILES,
        descriptions=MEMBER_FILES["descriptions"],
    output:
        report(
            f"{RESULTS}/provenance.json",
            caption="captions/provenance.rst",
            category="Report",
            labels={"file": "Provenance"},
        ),
    log:
        f"{RESULTS}/logs/provenance/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        code=code("provenance"),
        study=STUDY.model_dump(mode="json", exclude={"ensemble"}),
    script:
        "../scripts/provenance.py"


rule report:
    input:
        members=TABLES["members"],
        corruption_errors=TABLES["errors"],
        ensembles=made("ensembles"),
        deployment=made("deployment"),
        selective_prediction=made("selective_prediction"),
        temperatures=made("temperatures"),
        best_ensembles=made("best_ensembles"),
        skipped=TABLES["skipped"],
        observations=TABLES["observations"],
        provenance=rules.provenance.output[0],
        card=f"{RESULTS}/data/card.json" if STUDY.dataset else [],
        test_sets=[files["card"] for files in FURTHER.values()],
        specs=[path for path in CHART_FILES if path.endswith(".vl.json")],
        svgs=[path for path in CHART_FILES if path.endswith(".svg")],
    output:
        report(
            f"{RESULTS}/report.html",
            caption="captions/report.rst",
            category="Report",
            labels={"file": "Report of the study"},
        ),
    log:
        f"{RESULTS}/logs/report/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        code=code("report", *(f"report/{name}" for name in PAGE_FILES)),
        study=STUDY.model_dump(mode="json", exclude={"ensemble"}),
        written=[
            path.removeprefix(f"{RESULTS}/") for path in (*map(TABLES.get, MADE), *([EVALUATIONS] if SEARCHED else []))
        ],
    script:
        "../scripts/report.py"
