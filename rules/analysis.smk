rule score_members:
    input:
        **EVALUATION_UNITS,
        descriptions=DESCRIPTIONS,
        histories=expand(f"{RESULTS}/members/{{member}}/history.csv", member=PLAN.trained),
        external_errors=[
            f"{RESULTS}/external/{of.name}/errors.csv"
            for of in PLAN.elsewhere.sources
            if of.kind == "scores"
        ],
        logits=LOGITS,
    output:
        members=in_report(f"{RESULTS}/tables/members.csv"),
        errors=in_report(f"{RESULTS}/tables/corruption_errors.csv"),
        histories=in_report(f"{RESULTS}/tables/histories.csv"),
        ranks=in_report(made(f"{RESULTS}/tables/member_ranks.csv")),
    log:
        f"{RESULTS}/logs/score_members/all.log",
    conda:
        "../envs/resiliency.yaml"
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
        members=f"{RESULTS}/tables/members.csv",
        ensembles=f"{RESULTS}/tables/ensembles.parquet",
        by_corruption=f"{RESULTS}/ensembles/by_corruption.parquet",
        pairs=f"{RESULTS}/diversity/pairs.parquet",
    output:
        correlations=in_report(f"{RESULTS}/tables/correlations.csv"),
        best=in_report(f"{RESULTS}/tables/best_ensembles.csv"),
        sizes=in_report(f"{RESULTS}/tables/ensemble_sizes.csv"),
    log:
        f"{RESULTS}/logs/correlate/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: 2
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
        **EVALUATION_UNITS,
        maps=expand(
            f"{RESULTS}/attributions/{{member}}/{{method}}.npy",
            member=PLAN.pooled_networks,
            method=METHODS,
        ),
        members=f"{RESULTS}/tables/members.csv",
        ensembles=f"{RESULTS}/tables/ensembles.parquet",
        logits=predictions(PLAN.independent + PLAN.elsewhere.predicted),
        features=expand(f"{RESULTS}/features/{{member}}.npy", member=PLAN.pooled_networks),
    output:
        ensembles=f"{RESULTS}/ensembles/leave_images_out.parquet",
        members=f"{RESULTS}/ensembles/members_leave_images_out.parquet",
    log:
        f"{RESULTS}/logs/leave_out_images/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(4000, MINUTES["pairwise_diversity"]),
    params:
        code=code("leave_out_images"),
        seed=STUDY.seed,
        rule=STUDY.ensembles.main_rule,
        networks=PLAN.pooled_networks,
        methods=METHODS,
        shifts=STUDY.shifts(),
        accuracy_on=STUDY.accuracy_on(),
        n_probe_images=STUDY.probe.n_images,
    script:
        "../scripts/leave_out_images.py"


rule observe:
    input:
        conditions=EVALUATION["conditions"],
        members=f"{RESULTS}/tables/members.csv",
        ensembles=made(f"{RESULTS}/tables/ensembles.parquet"),
        pairs=made(f"{RESULTS}/diversity/pairs.parquet", "ensembles"),
        image_errors=made(f"{RESULTS}/ensembles/image_errors.parquet", "ensembles"),
        without_images=(
            list(rules.leave_out_images.output) if {"ensembles", "images"} <= PLAN.has else []
        ),
    output:
        observations=in_report(f"{RESULTS}/tables/observations.csv"),
        exchange_rates=in_report(made(f"{RESULTS}/tables/exchange_rates.csv")),
    log:
        f"{RESULTS}/logs/observe/all.log",
    conda:
        "../envs/resiliency.yaml"
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
        members=f"{RESULTS}/tables/members.csv",
        logits=LOGITS,
    output:
        in_report(f"{RESULTS}/tables/swaps.csv"),
    log:
        f"{RESULTS}/logs/swap_members/all.log",
    conda:
        "../envs/resiliency.yaml"
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
        members=f"{RESULTS}/tables/members.csv",
        ensembles=f"{RESULTS}/tables/ensembles.parquet",
        logits=LOGITS,
        costs=STUDY.costs if STUDY.deployment.objective == "cost" else [],
        card=f"{RESULTS}/data/card.json" if STUDY.deployment.objective == "cost" else [],
    output:
        deployment=in_report(made(f"{RESULTS}/tables/deployment.csv")),
        candidates=made(f"{RESULTS}/ensembles/candidates.parquet", "deployment"),
        failures=in_report(f"{RESULTS}/tables/coincident_failures.csv"),
        ceiling=in_report(f"{RESULTS}/tables/ceiling.csv"),
    log:
        f"{RESULTS}/logs/choose_ensembles/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(8000, 2 * MINUTES["choose_ensembles"] + MINUTES["score_members"]),
    params:
        **RESAMPLING,
        deployment=STUDY.deployment.model_dump(),
        code=code("choose_ensembles"),
        ensembles=STUDY.ensembles.model_dump(exclude={"designs"}),
        baseline=STUDY.members.baseline,
        combined=PLAN.pooled,
    script:
        "../scripts/choose_ensembles.py"


rule choose_members:
    input:
        **EVALUATION_UNITS,
        maps=expand(
            f"{RESULTS}/attributions/{{member}}/{{method}}.npy",
            member=PLAN.pooled_networks,
            method=METHODS,
        ),
        members=f"{RESULTS}/tables/members.csv",
        logits=predictions(PLAN.pooled),
        features=expand(f"{RESULTS}/features/{{member}}.npy", member=PLAN.pooled_networks),
    output:
        in_report(f"{RESULTS}/tables/choosing.csv"),
    log:
        f"{RESULTS}/logs/choose_members/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(4000, MINUTES["pairwise_diversity"]),
    params:
        code=code("choose_members"),
        seed=STUDY.seed,
        confidence=STUDY.statistics.confidence,
        ensembles=STUDY.ensembles.model_dump(exclude={"designs"}),
        networks=PLAN.pooled_networks,
        methods=METHODS,
        n_probe_images=STUDY.probe.n_images,
    script:
        "../scripts/choose_members.py"


rule assess_ensembles:
    input:
        **EVALUATION_UNITS,
        members=f"{RESULTS}/tables/members.csv",
        deployment=f"{RESULTS}/tables/deployment.csv",
        logits=LOGITS,
        validation=expand(
            f"{RESULTS}/validation/{{member}}.npy",
            member=PLAN.networks if VALIDATION_INPUTS else [],
        ),
        validation_labels=(
            VALIDATION_INPUTS["validation_labels"] if PLAN.networks and VALIDATION_INPUTS else []
        ),
        card=of_dataset(f"{RESULTS}/data/card.json"),
        named=of_dataset(f"{RESULTS}/data/test/items.csv"),
        images=of_dataset(TEST["images"]),
        corrupted=of_dataset(CORRUPTED),
        cost_matrix=made(STUDY.costs, "costs"),
    output:
        selective=in_report(f"{RESULTS}/tables/selective_prediction.csv"),
        temperatures=in_report(f"{RESULTS}/tables/temperatures.csv"),
        thresholds=in_report(f"{RESULTS}/tables/thresholds.csv"),
        curves=f"{RESULTS}/ensembles/risk_coverage.parquet",
        under_corruptions=in_report(f"{RESULTS}/tables/contenders.csv"),
        calibration=in_report(f"{RESULTS}/tables/contender_calibration.csv"),
        confusions=in_report(f"{RESULTS}/tables/confusions.csv"),
        class_errors=in_report(f"{RESULTS}/tables/class_errors.csv"),
        failures=in_report(f"{RESULTS}/tables/failures.csv"),
        pictures=of_dataset(f"{RESULTS}/ensembles/failures.parquet"),
        costs=in_report(made(f"{RESULTS}/tables/costs.csv")),
        costly_confusions=in_report(made(f"{RESULTS}/tables/costly_confusions.csv")),
    log:
        f"{RESULTS}/logs/assess_ensembles/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: 2
    resources:
        **needing(8000, MINUTES["choose_ensembles"] + 120),
    params:
        **RESAMPLING,
        code=code("assess_ensembles"),
        wrong=STUDY.requirements.wrong,
        classes=as_it_is(STUDY.class_names_elsewhere()),
    script:
        "../scripts/assess_ensembles.py"
