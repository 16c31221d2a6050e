rule train:
    input:
        unpack(lambda wildcards: STUDY.designs[wildcards.design].inputs(0)),
        **LEARNED,
    output:
        weights=f"{RESULTS}/members/{{design}}-s{{seed}}/weights.safetensors",
        description=f"{RESULTS}/members/{{design}}-s{{seed}}/member.json",
        history=f"{RESULTS}/members/{{design}}-s{{seed}}/history.csv",
    log:
        f"{RESULTS}/logs/train/{{design}}-s{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{design}}-s{{seed}}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        mem_mb=growing(NETWORK_MEMORY),
        runtime=growing(MINUTES["train"], most=DAY),
        gpu=1,
    params:
        code=code("train"),
        seed=STUDY.seed,
        member=lambda wildcards: described(wildcards.design, wildcards.seed),
        recipe=lambda wildcards: STUDY.recipe(wildcards.design).model_dump(),
    script:
        "../scripts/train.py"


rule predict:
    input:
        **TEST,
        **HELD_OUT,
        corrupted=CORRUPTED,
        weights=[f"{RESULTS}/members/{member}/weights.safetensors" for member in TOGETHER],
        descriptions=[f"{RESULTS}/members/{member}/member.json" for member in TOGETHER],
    output:
        **predicted(TOGETHER),
    log:
        f"{RESULTS}/logs/predict/{JOB}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{JOB}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        mem_mb=growing(NETWORK_MEMORY),
        runtime=growing(MINUTES["predict"]),
        gpu=1,
    params:
        **PREDICTING,
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
        logits=predictions(TOGETHER, ["{test_set}"]),
    log:
        f"{RESULTS}/logs/predict_test_set/{JOB}-{{test_set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict_test_set/{JOB}-{{test_set}}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        mem_mb=growing(NETWORK_MEMORY),
        runtime=growing(MINUTES["predict_test_set"]),
        gpu=1,
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
        **attributed(TOGETHER),
    log:
        f"{RESULTS}/logs/attribute/{JOB}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attribute/{JOB}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: decoding
    resources:
        mem_mb=growing(NETWORK_MEMORY),
        runtime=growing(60),
        gpu=1,
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
            unpack(lambda wildcards: STUDY.designs[wildcards.loaded].inputs(int(wildcards.seed))),
            **HELD_OUT,
            card=LEARNED["card"],
        output:
            weights=f"{RESULTS}/members/{{loaded}}-s{{seed}}/weights.safetensors",
            description=f"{RESULTS}/members/{{loaded}}-s{{seed}}/member.json",
        log:
            f"{RESULTS}/logs/load/{{loaded}}-s{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/load/{{loaded}}-s{{seed}}.tsv"
        priority: 1  # what is wrong with a member is said before any is predicted
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            mem_mb=growing(NETWORK_MEMORY),
            runtime=growing(60),
            gpu=1,
        params:
            code=code("load"),
            member=lambda wildcards: described(wildcards.loaded, wildcards.seed),
        script:
            "../scripts/load.py"

    if len(LOADED_JOBS) < len(LOADED_MEMBERS):

        rule predict_together:
            input:
                **TEST,
                corrupted=CORRUPTED,
                further=[files["images"] for files in FURTHER.values()],
                weights=lambda wildcards: [
                    f"{RESULTS}/members/{member}/weights.safetensors" for member in LOADED_JOBS[int(wildcards.number)]
                ],
                descriptions=lambda wildcards: [
                    f"{RESULTS}/members/{member}/member.json" for member in LOADED_JOBS[int(wildcards.number)]
                ],
            output:
                f"{RESULTS}/predicted_together/{{number}}.done",
            log:
                f"{RESULTS}/logs/predict_together/{{number}}.log",
            benchmark:
                f"{RESULTS}/benchmarks/predict_together/{{number}}.tsv"
            conda:
                "../envs/resiliency.yaml"
            threads: decoding
            resources:
                mem_mb=growing(NETWORK_MEMORY),
                runtime=growing(MINUTES["predict_together"], most=DAY),
                gpu=1,
            params:
                **PREDICTING,
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
                f"{RESULTS}/logs/predicted_together/all.log",
            conda:
                "../envs/resiliency.yaml"
            threads: 1
            resources:
                mem_mb=growing(1000),
                runtime=growing(5),
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
            weights=[f"{RESULTS}/members/{{loaded}}-s{{seed}}/weights.safetensors"],
            descriptions=[f"{RESULTS}/members/{{loaded}}-s{{seed}}/member.json"],
        output:
            **predicted(["{loaded}-s{seed}"]),
        log:
            f"{RESULTS}/logs/predict_loaded/{{loaded}}-s{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/predict_loaded/{{loaded}}-s{{seed}}.tsv"

    use rule predict_test_set as predict_test_set_loaded with:
        input:
            TOGETHER_FIRST,
            images=further_images,
            weights=rules.predict_loaded.input.weights,
            descriptions=rules.predict_loaded.input.descriptions,
        output:
            logits=predictions(["{loaded}-s{seed}"], ["{test_set}"]),
        log:
            f"{RESULTS}/logs/predict_test_set_loaded/{{loaded}}-s{{seed}}-{{test_set}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/predict_test_set_loaded/{{loaded}}-s{{seed}}-{{test_set}}.tsv"

    use rule attribute as attribute_loaded with:
        input:
            **TEST,
            weights=rules.predict_loaded.input.weights,
            descriptions=rules.predict_loaded.input.descriptions,
        output:
            **attributed(["{loaded}-s{seed}"]),
        log:
            f"{RESULTS}/logs/attribute_loaded/{{loaded}}-s{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/attribute_loaded/{{loaded}}-s{{seed}}.tsv"
