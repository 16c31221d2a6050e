rule pairwise_diversity:
    input:
        labels=TEST["labels"],
        logits=LOGITS,
        features=[f"{RESULTS}/features/{member}.npy" for member in MEMBERS],
        maps=[f"{RESULTS}/attributions/{member}/{method}.npy" for member in MEMBERS for method in METHODS],
    output:
        f"{RESULTS}/diversity/pairs.parquet",
    log:
        f"{RESULTS}/logs/pairwise_diversity/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/pairwise_diversity/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        code=code("pairwise_diversity"),
        methods=METHODS,
        groups=[INDEPENDENT, *STUDY.joint_ensembles(), *([SEARCHED] if SEARCHED else [])],
    script:
        "../scripts/pairwise_diversity.py"


rule score_ensembles:
    input:
        labels=TEST["labels"],
        conditions=rules.conditions.output[0],
        members=TABLES["members"],
        errors=TABLES["errors"],
        pairs=rules.pairwise_diversity.output[0],
        logits=LOGITS,
    output:
        ensembles=TABLES["ensembles"],
        image_errors=f"{RESULTS}/ensembles/image_errors.parquet",
    log:
        f"{RESULTS}/logs/score_ensembles/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/score_ensembles/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        **STUDY.ensembles.model_dump(),
        code=code("score_ensembles"),
        baseline=STUDY.members.baseline,
    script:
        "../scripts/score_ensembles.py"
