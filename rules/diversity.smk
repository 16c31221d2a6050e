rule pairwise_diversity:
    input:
        **EVALUATION,
        maps=expand(
            f"{RESULTS}/attributions/{{member}}/{{method}}.npy",
            member=PLAN.networks_in_ensembles,
            method=METHODS,
        ),
        logits=predictions(PLAN.in_ensembles),
        features=expand(f"{RESULTS}/features/{{member}}.npy", member=PLAN.networks_in_ensembles),
        stages=expand(
            f"{RESULTS}/features/{{member}}.stages.npy", member=PLAN.networks_in_ensembles
        ),
    output:
        f"{RESULTS}/diversity/pairs.parquet",
    log:
        f"{RESULTS}/logs/pairwise_diversity/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: 2
    resources:
        **needing(4000, MINUTES["pairwise_diversity"]),
    params:
        code=code("pairwise_diversity"),
        methods=METHODS,
        attribution_metrics=STUDY.attribution.metrics(),
        groups=[PLAN.pooled, *STUDY.joint_ensembles(), *([PLAN.searched] if PLAN.searched else [])],
        networks=PLAN.networks_in_ensembles,
    script:
        "../scripts/pairwise_diversity.py"


rule score_ensembles:
    input:
        **EVALUATION_UNITS,
        members=f"{RESULTS}/tables/members.csv",
        errors=f"{RESULTS}/tables/corruption_errors.csv",
        pairs=f"{RESULTS}/diversity/pairs.parquet",
        logits=predictions(PLAN.in_ensembles),
    output:
        ensembles=f"{RESULTS}/tables/ensembles.parquet",
        by_corruption=f"{RESULTS}/ensembles/by_corruption.parquet",
        image_errors=f"{RESULTS}/ensembles/image_errors.parquet",
    log:
        f"{RESULTS}/logs/score_ensembles/all.log",
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
        members=f"{RESULTS}/tables/members.csv",
        skipped=expand(
            f"{RESULTS}/attributions/{{member}}/skipped.json", member=PLAN.networks_in_ensembles
        ),
        stages=expand(
            f"{RESULTS}/features/{{member}}.stages.npy", member=PLAN.networks_in_ensembles
        ),
    output:
        skipped=in_report(f"{RESULTS}/tables/skipped.csv"),
        robustness=in_report(made(f"{RESULTS}/tables/effective_robustness.csv")),
    log:
        f"{RESULTS}/logs/compare_members/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(2000, 10),
    params:
        code=code("compare_members"),
        reference=as_it_is(STUDY.statistics.reference),
        networks=PLAN.networks_in_ensembles,
        kinds=PLAN.elsewhere.kinds,
        left_out=PLAN.elsewhere.left_out,
        lacking=[name for name in tables.TABLES if name not in PLAN.tables],
        for_few=[name for name in tables.made(PLAN.has | {"images"}) if name not in PLAN.tables],
        min_clean_accuracy=STUDY.ensembles.min_clean_accuracy,
    script:
        "../scripts/compare_members.py"
