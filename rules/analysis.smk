FAILURE_PICTURES = f"{RESULTS}/ensembles/failures.parquet"
KNOWN_CLASSES = STUDY.external.known_classes if STUDY.external else []
CLASS_NAMES = KNOWN_CLASSES if isinstance(KNOWN_CLASSES, list) else []
IMAGES_LEFT_OUT = {"ensembles", "images"} <= HAS
BY_COST = STUDY.deployment.objective == "cost"


rule score_members:
    input:
        **EVALUATION_UNITS,
        descriptions=MEMBER_FILES["descriptions"],
        histories=MEMBER_FILES["histories"],
        external_errors=MEMBER_FILES["errors"],
        logits=LOGITS,
    output:
        members=in_report(TABLES["members"]),
        errors=in_report(TABLES["corruption_errors"]),
        histories=in_report(TABLES["histories"]),
        calibration=in_report(TABLES["calibration"]),
        ranks=in_report(TABLES["member_ranks"]) if "member_ranks" in TABLE_NAMES else [],
    log:
        log_of("score_members"),
    benchmark:
        benchmark_of("score_members")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(4000, 2 * MINUTES["score_members"]),
    params:
        **RESAMPLING,
        code=code("score_members"),
        shifts=STUDY.shifts(),
        baseline=STUDY.members.baseline,
    script:
        "../scripts/score_members.py"


rule correlate:
    input:
        conditions=EVALUATION["conditions"],
        members=TABLES["members"],
        ensembles=TABLES["ensembles"],
        by_corruption=f"{RESULTS}/ensembles/by_corruption.parquet",
        pairs=f"{RESULTS}/diversity/pairs.parquet",
    output:
        correlations=in_report(TABLES["correlations"]),
        differences=in_report(TABLES["correlation_differences"]),
        best=in_report(TABLES["best_ensembles"]),
        origins=in_report(TABLES["origins"]),
        sizes=in_report(TABLES["ensemble_sizes"]),
    log:
        log_of("correlate"),
    benchmark:
        benchmark_of("correlate")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(4000, 60),
    params:
        code=code("correlate"),
        confidence=STUDY.statistics.confidence,
        rule=STUDY.ensembles.main_rule,
    script:
        "../scripts/correlate.py"


rule leave_out_images:
    input:
        **attributed(POOLED_NETWORKS),
        **EVALUATION_UNITS,
        members=TABLES["members"],
        ensembles=TABLES["ensembles"],
        logits=predictions(INDEPENDENT + EXTERNAL_PREDICTED),
        features=predicted(POOLED_NETWORKS)["features"],
    output:
        ensembles=f"{RESULTS}/ensembles/leave_images_out.parquet",
        members=f"{RESULTS}/ensembles/members_leave_images_out.parquet",
    log:
        log_of("leave_out_images"),
    benchmark:
        benchmark_of("leave_out_images")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(4000, MINUTES["pairwise_diversity"]),
    params:
        code=code("leave_out_images"),
        seed=STUDY.seed,
        rule=STUDY.ensembles.main_rule,
        networks=POOLED_NETWORKS,
        methods=METHODS,
        shifts=STUDY.shifts(),
        accuracy_on=STUDY.accuracy_on(),
        probe_images=STUDY.probe.images,
    script:
        "../scripts/leave_out_images.py"


rule observe:
    input:
        conditions=EVALUATION["conditions"],
        members=TABLES["members"],
        ensembles=made("ensembles"),
        pairs=f"{RESULTS}/diversity/pairs.parquet" if made("ensembles") else [],
        image_errors=f"{RESULTS}/ensembles/image_errors.parquet" if made("ensembles") else [],
        without_images=list(rules.leave_out_images.output) if IMAGES_LEFT_OUT else [],
    output:
        observations=in_report(TABLES["observations"]),
        exchange_rates=in_report(TABLES["exchange_rates"]) if made("exchange_rates") else [],
    log:
        log_of("observe"),
    benchmark:
        benchmark_of("observe")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(4000, 60),
    params:
        code=code("observe"),
        confidence=STUDY.statistics.confidence,
        rule=STUDY.ensembles.main_rule,
        reference=as_it_is(STUDY.statistics.reference),
        shifts=STUDY.shifts(),
        target=STUDY.attribution.target,
    script:
        "../scripts/observe.py"


rule swap_members:
    input:
        **EVALUATION_UNITS,
        members=TABLES["members"],
        logits=LOGITS,
    output:
        in_report(TABLES["swaps"]),
    log:
        log_of("swap_members"),
    benchmark:
        benchmark_of("swap_members")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(4000, MINUTES["choose_ensembles"]),
    params:
        code=code("swap_members"),
        confidence=STUDY.statistics.confidence,
        seed=STUDY.seed,
    script:
        "../scripts/swap_members.py"


rule choose_ensembles:
    input:
        **EVALUATION_UNITS,
        members=TABLES["members"],
        ensembles=TABLES["ensembles"],
        logits=LOGITS,
        costs=STUDY.costs if BY_COST else [],
        card=f"{RESULTS}/data/card.json" if BY_COST else [],
    output:
        deployment=in_report(TABLES["deployment"]) if "deployment" in TABLE_NAMES else [],
        candidates=f"{RESULTS}/ensembles/candidates.parquet" if "deployment" in TABLE_NAMES else [],
        failures=in_report(TABLES["coincident_failures"]),
        ceiling=in_report(TABLES["ceiling"]),
    log:
        log_of("choose_ensembles"),
    benchmark:
        benchmark_of("choose_ensembles")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(8000, 2 * MINUTES["choose_ensembles"] + MINUTES["score_members"]),
    params:
        **RESAMPLING,
        deployment=STUDY.deployment.model_dump(),
        code=code("choose_ensembles"),
        ensembles=STUDY.ensembles.model_dump(exclude={"designs"}),
        baseline=STUDY.members.baseline,
        combined=POOLED_MEMBERS,
    script:
        "../scripts/choose_ensembles.py"


rule choose_members:
    input:
        **attributed(POOLED_NETWORKS),
        **EVALUATION_UNITS,
        members=TABLES["members"],
        logits=predictions(POOLED_MEMBERS),
        features=predicted(POOLED_NETWORKS)["features"],
    output:
        in_report(TABLES["choosing"]),
    log:
        log_of("choose_members"),
    benchmark:
        benchmark_of("choose_members")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(4000, MINUTES["pairwise_diversity"]),
    params:
        code=code("choose_members"),
        seed=STUDY.seed,
        confidence=STUDY.statistics.confidence,
        ensembles=STUDY.ensembles.model_dump(exclude={"designs"}),
        networks=POOLED_NETWORKS,
        methods=METHODS,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/choose_members.py"


rule assess_ensembles:
    input:
        **EVALUATION_UNITS,
        members=TABLES["members"],
        deployment=TABLES["deployment"],
        logits=LOGITS,
        validation=predicted(MEMBERS)["validation"],
        validation_labels=VALIDATION["labels"] if MEMBERS and VALIDATED else [],
        card=TRAINING_DATA["card"] if STUDY.dataset else [],
        named=TEST_ITEMS if STUDY.dataset else [],
        images=TEST["images"] if STUDY.dataset else [],
        corrupted=CORRUPTED if STUDY.dataset else [],
        cost_matrix=STUDY.costs if "costs" in TABLE_NAMES else [],
    output:
        selective=in_report(TABLES["selective_prediction"]),
        temperatures=in_report(TABLES["temperatures"]),
        thresholds=in_report(TABLES["thresholds"]),
        curves=f"{RESULTS}/ensembles/risk_coverage.parquet",
        under_corruptions=in_report(TABLES["contenders"]),
        calibration=in_report(TABLES["contender_calibration"]),
        confusions=in_report(TABLES["confusions"]),
        class_errors=in_report(TABLES["class_errors"]),
        failures=in_report(TABLES["failures"]),
        pictures=FAILURE_PICTURES if STUDY.dataset else [],
        costs=in_report(TABLES["costs"]) if "costs" in TABLE_NAMES else [],
        costly_confusions=in_report(TABLES["costly_confusions"]) if "costs" in TABLE_NAMES else [],
    log:
        log_of("assess_ensembles"),
    benchmark:
        benchmark_of("assess_ensembles")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(8000, MINUTES["choose_ensembles"] + 120),
    params:
        **RESAMPLING,
        code=code("assess_ensembles"),
        wrong=STUDY.requirements.wrong,
        classes=as_it_is(CLASS_NAMES),
    script:
        "../scripts/assess_ensembles.py"
