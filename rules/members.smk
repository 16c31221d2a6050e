MEMBER = "{design}-s{seed}"
# One job decodes the images for several loaded members and predicts them; then a job of each member completes what is
# kept of it. These jobs depend on one file for all, whose time does not count: a new member makes no other stale.
EACH = STUDY.prediction.members_per_job
LOADED_JOBS = [LOADED_MEMBERS[start : start + EACH] for start in range(0, len(LOADED_MEMBERS), EACH)]
PREDICTED_TOGETHER = f"{RESULTS}/predicted_together/all.json"
TOGETHER_FIRST = ancient(PREDICTED_TOGETHER) if len(LOADED_JOBS) < len(LOADED_MEMBERS) else []


rule train:
    input:
        **LEARNED,
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

    rule fine_tune:
        input:
            unpack(lambda wildcards: {key: ancient(path) for key, path in given_files(*wildcards).items()}),
            **LEARNED,
        output:
            **rules.train.output,
        log:
            log_of("fine_tune", MEMBER),
        benchmark:
            benchmark_of("fine_tune", MEMBER)
        wildcard_constraints:
            design=one_of(FINE_TUNED),
        priority: 1  # what is wrong with weights is said before others are trained
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            **needing(NETWORK_MEMORY, MINUTES["train"], most=DAY, gpu=1),
        params:
            code=lambda wildcards: code("fine_tune", designs=[wildcards.design]),
            content=lambda wildcards: content(INPUTS.files, *given_files(*wildcards).values())(wildcards),
            seed=STUDY.seed,
            member=lambda wildcards: described(wildcards.design, wildcards.seed),
            recipe=lambda wildcards: STUDY.recipe(wildcards.design).model_dump(),
        script:
            "../scripts/fine_tune.py"


rule predict:
    input:
        **TEST,
        **HELD_OUT,
        corrupted=CORRUPTED,
        weights=member_files("weights.safetensors", [MEMBER]),
        descriptions=member_files("member.json", [MEMBER]),
    output:
        **predicted([MEMBER]),
    log:
        log_of("predict", MEMBER),
    benchmark:
        benchmark_of("predict", MEMBER)
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["predict"], gpu=1),
    params:
        **PREDICTING,
        corruptions=STUDY.corruptions.names,  # Snakemake records inputs without their order
        code=code("predict"),
        seed=STUDY.seed,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/predict.py"


rule predict_test_set:
    input:
        images=further_images,
        weights=rules.predict.input.weights,
        descriptions=rules.predict.input.descriptions,
    output:
        logits=predictions([MEMBER], ["{test_set}"]),
    log:
        log_of("predict_test_set", f"{MEMBER}-{{test_set}}"),
    benchmark:
        benchmark_of("predict_test_set", f"{MEMBER}-{{test_set}}")
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        **needing(NETWORK_MEMORY, MINUTES["predict_test_set"], gpu=1),
    params:
        **PREDICTING,
        code=code("predict_test_set"),
    script:
        "../scripts/predict_test_set.py"


rule attribute:
    input:
        **TEST,
        weights=rules.predict.input.weights,
        descriptions=rules.predict.input.descriptions,
    output:
        **attributed([MEMBER]),
    log:
        log_of("attribute", MEMBER),
    benchmark:
        benchmark_of("attribute", MEMBER)
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
            unpack(lambda wildcards: {key: ancient(path) for key, path in given_files(*wildcards).items()}),
            **HELD_OUT,
            card=LEARNED["card"],
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
            content=lambda wildcards: content(INPUTS.files, *given_files(*wildcards).values())(wildcards),
            member=lambda wildcards: described(wildcards.loaded, wildcards.seed),
        script:
            "../scripts/load.py"

    if len(LOADED_JOBS) < len(LOADED_MEMBERS):

        rule predict_together:
            input:
                **TEST,
                corrupted=CORRUPTED,
                further=[files["images"] for files in FURTHER.values()],
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
                **PREDICTING,
                corruptions=STUDY.corruptions.names,
                code=code("predict_together"),
                test_sets=TEST_SETS,
                predictions=f"{RESULTS}/predictions",
            script:
                "../scripts/predict_together.py"

        rule predicted_together:
            input:
                expand(f"{RESULTS}/predicted_together/{{number}}.done", number=range(len(LOADED_JOBS))),
            output:
                PREDICTED_TOGETHER,
            log:
                log_of("predicted_together"),
            conda:
                "../envs/resiliency.yaml"
            threads: 1
            resources:
                **needing(1000, 5),
            params:
                code=code("predicted_together"),
            script:
                "../scripts/predicted_together.py"

    use rule predict as predict_loaded with:
        input:
            TOGETHER_FIRST,
            **TEST,
            **HELD_OUT,
            corrupted=CORRUPTED,
            weights=member_files("weights.safetensors", ["{loaded}-s{seed}"]),
            descriptions=member_files("member.json", ["{loaded}-s{seed}"]),
        output:
            **predicted(["{loaded}-s{seed}"]),
        log:
            log_of("predict_loaded", "{loaded}-s{seed}"),
        benchmark:
            benchmark_of("predict_loaded", "{loaded}-s{seed}")

    use rule predict_test_set as predict_test_set_loaded with:
        input:
            TOGETHER_FIRST,
            images=further_images,
            weights=rules.predict_loaded.input.weights,
            descriptions=rules.predict_loaded.input.descriptions,
        output:
            logits=predictions(["{loaded}-s{seed}"], ["{test_set}"]),
        log:
            log_of("predict_test_set_loaded", "{loaded}-s{seed}-{test_set}"),
        benchmark:
            benchmark_of("predict_test_set_loaded", "{loaded}-s{seed}-{test_set}")

    use rule attribute as attribute_loaded with:
        input:
            **TEST,
            weights=rules.predict_loaded.input.weights,
            descriptions=rules.predict_loaded.input.descriptions,
        output:
            **attributed(["{loaded}-s{seed}"]),
        log:
            log_of("attribute_loaded", "{loaded}-s{seed}"),
        benchmark:
            benchmark_of("attribute_loaded", "{loaded}-s{seed}")
