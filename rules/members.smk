# Members are made by `train`, `fine_tune`, `load`, `train_jointly` or `search`; what follows takes any of them.
WEIGHTS = f"{RESULTS}/members/{{member}}/weights.safetensors"
DESCRIPTION = f"{RESULTS}/members/{{member}}/member.json"
# One job decodes the images for several loaded members and predicts them; then a job of each member completes what is
# kept of it. These jobs depend on one file for all, whose time does not count: a new member makes no other stale.
MEMBERS_PER_JOB = STUDY.prediction.members_per_job
LOADED_JOBS = [
    LOADED_MEMBERS[start : start + MEMBERS_PER_JOB] for start in range(0, len(LOADED_MEMBERS), MEMBERS_PER_JOB)
]
PREDICTED_TOGETHER = f"{RESULTS}/predicted_together/all.done"
TOGETHER_FIRST = ancient(PREDICTED_TOGETHER) if len(LOADED_JOBS) < len(LOADED_MEMBERS) else []


rule train:
    input:
        **TRAINING_DATA,
    output:
        weights=f"{RESULTS}/members/{{design}}-s{{seed}}/weights.safetensors",
        description=f"{RESULTS}/members/{{design}}-s{{seed}}/member.json",
        history=f"{RESULTS}/members/{{design}}-s{{seed}}/history.csv",
    log:
        log_of("train", "{design}-s{seed}"),
    benchmark:
        benchmark_of("train", "{design}-s{seed}")
    wildcard_constraints:
        design=one_of(design for design in TRAINED if design not in FINE_TUNED),
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["train"], most=DAY, gpu=1),
    params:
        code=lambda wildcards: code("train", designs=[wildcards.design]),
        seed=STUDY.seed,
        member=lambda wildcards: described(wildcards.design, wildcards.seed),
        recipe=lambda wildcards: STUDY.recipe(wildcards.design).model_dump(),
    script:
        "../scripts/train.py"


if FINE_TUNED:

    use rule train as fine_tune with:
        input:
            unpack(given),
            **TRAINING_DATA,
        output:
            **rules.train.output,
        log:
            log_of("fine_tune", "{design}-s{seed}"),
        benchmark:
            benchmark_of("fine_tune", "{design}-s{seed}")
        wildcard_constraints:
            design=one_of(FINE_TUNED),
        priority: 1  # what is wrong with weights is said before others are trained


rule predict:
    input:
        lambda wildcards: TOGETHER_FIRST if wildcards.member in LOADED_MEMBERS else [],
        **TEST,
        **VALIDATION_INPUTS,
        corrupted=CORRUPTED,
        weights=WEIGHTS,
        description=DESCRIPTION,
    output:
        logits=f"{RESULTS}/predictions/{{member}}/{CLEAN}.npy",
        validation=f"{RESULTS}/validation/{{member}}.npy" if VALIDATED else [],
        features=f"{RESULTS}/features/{{member}}.npy",
        stages=f"{RESULTS}/features/{{member}}.stages.npy",
    log:
        log_of("predict", "{member}"),
    benchmark:
        benchmark_of("predict", "{member}")
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["predict"], gpu=1),
    params:
        logits=code("predict_together"),
        corruptions=STUDY.corruptions.names,  # Snakemake records inputs without their order
        code=code("predict"),
        seed=STUDY.seed,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/predict.py"


rule predict_test_set:
    input:
        lambda wildcards: TOGETHER_FIRST if wildcards.member in LOADED_MEMBERS else [],
        images=further_images,
        weights=WEIGHTS,
        description=DESCRIPTION,
    output:
        f"{RESULTS}/predictions/{{member}}/{{test_set}}.npy",
    log:
        log_of("predict_test_set", "{member}-{test_set}"),
    benchmark:
        benchmark_of("predict_test_set", "{member}-{test_set}")
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["predict_test_set"], gpu=1),
    params:
        logits=code("predict_together"),
        code=code("predict_test_set"),
    script:
        "../scripts/predict_test_set.py"


rule attribute:
    input:
        **TEST,
        weights=WEIGHTS,
        description=DESCRIPTION,
    output:
        maps=[f"{RESULTS}/attributions/{{member}}/{method}.npy" for method in METHODS],
        skipped=f"{RESULTS}/attributions/{{member}}/skipped.json",
    log:
        log_of("attribute", "{member}"),
    benchmark:
        benchmark_of("attribute", "{member}")
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["attribute"], gpu=1),
    params:
        **STUDY.attribution.model_dump(exclude={"similarities"}),
        code=code("attribute"),
        seed=STUDY.seed,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/attribute.py"


if LOADED:

    rule load:
        input:
            unpack(given),
            **VALIDATION_INPUTS,
            card=TRAINING_DATA["card"],
        output:
            weights=f"{RESULTS}/members/{{loaded}}-s{{seed}}/weights.safetensors",
            description=f"{RESULTS}/members/{{loaded}}-s{{seed}}/member.json",
        log:
            log_of("load", "{loaded}-s{seed}"),
        benchmark:
            benchmark_of("load", "{loaded}-s{seed}")
        priority: 1  # what is wrong with a member is said before any is predicted
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            **needing(NETWORK_MEMORY, 60, gpu=1),
        params:
            code=lambda wildcards: code("load", designs=[wildcards.loaded]),
            member=lambda wildcards: described(wildcards.loaded, wildcards.seed),
        script:
            "../scripts/load.py"

    if len(LOADED_JOBS) < len(LOADED_MEMBERS):

        rule predict_together:
            input:
                **TEST,
                corrupted=CORRUPTED,
                further=[files["images"] for files in TEST_SET_FILES.values()],
                weights=lambda wildcards: member_files("weights.safetensors", LOADED_JOBS[int(wildcards.number)]),
                descriptions=lambda wildcards: member_files("member.json", LOADED_JOBS[int(wildcards.number)]),
            output:
                f"{RESULTS}/predicted_together/{{number}}.done",
            log:
                log_of("predict_together", "{number}"),
            benchmark:
                benchmark_of("predict_together", "{number}")
            conda:
                "../envs/resiliency.yaml"
            threads: decoding
            resources:
                **needing(NETWORK_MEMORY, MINUTES["predict_together"], most=DAY, gpu=1),
            params:
                logits=code("predict_together"),
                corruptions=STUDY.corruptions.names,
                code=code("predict_together"),
                test_sets=TEST_SETS,
                predictions=f"{RESULTS}/predictions",
            script:
                "../scripts/predict_together.py"

        localrules:
            predicted_together,

        rule predicted_together:
            input:
                expand(f"{RESULTS}/predicted_together/{{number}}.done", number=range(len(LOADED_JOBS))),
            output:
                touch(PREDICTED_TOGETHER),
