rule pairwise_diversity:
    input:
        **attributed(ENSEMBLE_NETWORKS),
        **EVALUATION,
        logits=predictions(ENSEMBLE_MEMBERS),
        features=predicted(ENSEMBLE_NETWORKS)["features"],
        stages=predicted(ENSEMBLE_NETWORKS)["stages"],
    output:
        f"{RESULTS}/diversity/pairs.parquet",
    log:
        log_of("pairwise_diversity"),
    benchmark:
        benchmark_of("pairwise_diversity")
    conda:
        "../envs/resiliency.yaml"
    threads: 2
    resources:
        **needing(4000, MINUTES["pairwise_diversity"]),
    params:
        code=code("pairwise_diversity"),
        methods=METHODS,
        attribution_metrics=STUDY.attribution.metrics(),
        groups=[POOLED_MEMBERS, *STUDY.joint_ensembles(), *([SEARCHED] if SEARCHED else [])],
        networks=ENSEMBLE_NETWORKS,
    script:
        "../scripts/pairwise_diversity.py"


rule score_ensembles:
    input:
        **EVALUATION_UNITS,
        members=TABLES["members"],
        errors=TABLES["corruption_errors"],
        pairs=rules.pairwise_diversity.output[0],
        logits=predictions(ENSEMBLE_MEMBERS),
    output:
        ensembles=TABLES["ensembles"],
        by_corruption=f"{RESULTS}/ensembles/by_corruption.parquet",
        image_errors=f"{RESULTS}/ensembles/image_errors.parquet",
    log:
        log_of("score_ensembles"),
    benchmark:
        benchmark_of("score_ensembles")
    conda:
        "../envs/resiliency.yaml"
    threads: 2
    resources:
        **needing(8000, MINUTES["score_ensembles"]),
    params:
        code=code("score_ensembles"),
        baseline=STUDY.members.baseline,
        settings=STUDY.ensembles.model_dump(exclude={"designs"}),
        confidence=STUDY.statistics.confidence,
        seed=STUDY.seed,
    script:
        "../scripts/score_ensembles.py"


rule compare_members:
    input:
        conditions=EVALUATION["conditions"],
        members=TABLES["members"],
        skipped=attributed(ENSEMBLE_NETWORKS)["skipped"],
        stages=predicted(ENSEMBLE_NETWORKS)["stages"],
    output:
        skipped=in_report(TABLES["skipped"]),
        robustness=in_report(TABLES["effective_robustness"]) if made("effective_robustness") else [],
    log:
        log_of("compare_members"),
    benchmark:
        benchmark_of("compare_members")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(2000, 10),
    params:
        code=code("compare_members"),
        reference=as_it_is(STUDY.statistics.reference),
        networks=ENSEMBLE_NETWORKS,
        kinds=EXTERNAL.kinds if EXTERNAL else {},
        left_out=EXTERNAL.left_out if EXTERNAL else {},
        lacking=[name for name in TABLES if name not in TABLE_NAMES],
        for_few=[name for name in tables.made(HAS | {"images"}) if name not in TABLE_NAMES],
        min_clean_accuracy=STUDY.ensembles.min_clean_accuracy,
    script:
        "../scripts/compare_members.py"
