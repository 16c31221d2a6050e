rule train:
    input:
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
    threads: DECODING
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
        gpu=1,
    params:
        code=code("train"),
        seed=STUDY.seed,
        member=lambda wildcards: described(wildcards.design) | {"seed": int(wildcards.seed)},
        recipe=lambda wildcards: STUDY.recipe(wildcards.design).model_dump(),
    script:
        "../scripts/train.py"


rule predict:
    input:
        **TEST,
        corrupted=CORRUPTED,
        weights=[f"{RESULTS}/members/{{design}}-s{seed}/weights.safetensors" for seed in SEEDS],
        descriptions=[f"{RESULTS}/members/{{design}}-s{seed}/member.json" for seed in SEEDS],
    output:
        logits=[f"{RESULTS}/predictions/{{design}}-s{seed}.npy" for seed in SEEDS],
        features=[f"{RESULTS}/features/{{design}}-s{seed}.npy" for seed in SEEDS],
    log:
        f"{RESULTS}/logs/predict/{{design}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{design}}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=1,
    params:
        code=code("predict"),
        seed=STUDY.seed,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/predict.py"


rule attribute:
    input:
        **TEST,
        weights=rules.predict.input.weights,
        descriptions=rules.predict.input.descriptions,
    output:
        [f"{RESULTS}/attributions/{{design}}-s{seed}/{method}.npy" for seed in SEEDS for method in METHODS],
    log:
        f"{RESULTS}/logs/attribute/{{design}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attribute/{{design}}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=1,
    params:
        **STUDY.attribution.model_dump(),
        code=code("attribute"),
        seed=STUDY.seed,
        probe_images=STUDY.probe.images,
    script:
        "../scripts/attribute.py"
