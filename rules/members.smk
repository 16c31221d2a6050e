# Members are made by `train`, `fine_tune`, `load`, `train_jointly` or `search`; what follows takes
# any of them.


rule train:
    input:
        **TRAINING,
    output:
        weights=f"{RESULTS}/members/{{design}}-s{{seed}}/weights.safetensors",
        description=f"{RESULTS}/members/{{design}}-s{{seed}}/member.json",
        history=f"{RESULTS}/members/{{design}}-s{{seed}}/history.csv",
    log:
        f"{RESULTS}/logs/train/{{design}}-s{{seed}}.log",
    wildcard_constraints:
        design=one_of(
            design
            for design in STUDY.trained_designs()
            if design not in STUDY.fine_tuned_designs()
        ),
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        **needing(NETWORK_MEMORY, MINUTES["train"], most=DAY, gpu=1),
    params:
        code=lambda wildcards: code("train", designs=(wildcards.design,)),
        seed=STUDY.seed,
        member=lambda wildcards: described(wildcards.design, wildcards.seed),
        recipe=lambda wildcards: STUDY.recipe(wildcards.design).model_dump(),
    script:
        "../scripts/train.py"


if STUDY.fine_tuned_designs():

    use rule train as fine_tune with:
        input:
            unpack(given),
            **TRAINING,
        log:
            f"{RESULTS}/logs/fine_tune/{{design}}-s{{seed}}.log",
        wildcard_constraints:
            design=one_of(STUDY.fine_tuned_designs()),
        priority: 1  # what is wrong with weights is said before others are trained


if PLAN.joint:
    INDICES = range(len(STUDY.joint.designs))

    rule train_jointly:
        input:
            **TRAINING,
        output:
            weights=[
                f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/weights.safetensors"
                for index in INDICES
            ],
            descriptions=[
                f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/member.json"
                for index in INDICES
            ],
            histories=[
                f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/history.csv"
                for index in INDICES
            ],
        log:
            f"{RESULTS}/logs/train_jointly/{{setting}}-s{{seed}}.log",
        conda:
            "../envs/resiliency.yaml"
        threads: DECODING
        resources:
            **needing(NETWORK_MEMORY, MINUTES["train_jointly"], most=DAY, gpu=1),
        params:
            code=code("train_jointly", designs=tuple(STUDY.joint.designs)),
            seed=STUDY.seed,
            members=described_jointly,
            recipe=STUDY.joint_recipe().model_dump(),
        script:
            "../scripts/train_jointly.py"


rule predict:
    input:
        together_first,
        **TEST,
        **VALIDATION_INPUTS,
        corrupted=CORRUPTED,
        weights=f"{RESULTS}/members/{{member}}/weights.safetensors",
        description=f"{RESULTS}/members/{{member}}/member.json",
    output:
        logits=f"{RESULTS}/predictions/{{member}}/clean.npy",
        validation=f"{RESULTS}/validation/{{member}}.npy" if "validation" in STUDY.splits else [],
        features=f"{RESULTS}/features/{{member}}.npy",
        stages=f"{RESULTS}/features/{{member}}.stages.npy",
    log:
        f"{RESULTS}/logs/predict/{{member}}.log",
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        **needing(NETWORK_MEMORY, MINUTES["predict"], gpu=1),
    params:
        logits=code("predict_together", loads_networks=True),
        corruptions=STUDY.corruptions.names,  # Snakemake records inputs without their order
        code=code("predict", loads_networks=True),
        seed=STUDY.seed,
        n_probe_images=STUDY.probe.n_images,
    script:
        "../scripts/predict.py"


rule predict_test_set:
    input:
        together_first,
        images=lambda wildcards: further(wildcards.test_set)["images"],
        weights=f"{RESULTS}/members/{{member}}/weights.safetensors",
        description=f"{RESULTS}/members/{{member}}/member.json",
    output:
        f"{RESULTS}/predictions/{{member}}/{{test_set}}.npy",
    log:
        f"{RESULTS}/logs/predict_test_set/{{member}}-{{test_set}}.log",
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        **needing(NETWORK_MEMORY, MINUTES["predict_test_set"], gpu=1),
    params:
        logits=code("predict_together", loads_networks=True),
        code=code("predict_test_set", loads_networks=True),
    script:
        "../scripts/predict_test_set.py"


rule attribute:
    input:
        **TEST,
        weights=f"{RESULTS}/members/{{member}}/weights.safetensors",
        description=f"{RESULTS}/members/{{member}}/member.json",
    output:
        maps=[f"{RESULTS}/attributions/{{member}}/{method}.npy" for method in METHODS],
        skipped=f"{RESULTS}/attributions/{{member}}/skipped.json",
    log:
        f"{RESULTS}/logs/attribute/{{member}}.log",
    conda:
        "../envs/resiliency.yaml"
    threads: DECODING
    resources:
        **needing(NETWORK_MEMORY, MINUTES["attribute"], gpu=1),
    params:
        **STUDY.attribution.model_dump(exclude={"similarities"}),
        code=code("attribute", loads_networks=True),
        seed=STUDY.seed,
        n_probe_images=STUDY.probe.n_images,
    script:
        "../scripts/attribute.py"


if PLAN.loaded:

    rule load:
        input:
            unpack(given),
            **VALIDATION_INPUTS,
            card=f"{RESULTS}/data/card.json",
        output:
            weights=f"{RESULTS}/members/{{loaded}}-s{{seed}}/weights.safetensors",
            description=f"{RESULTS}/members/{{loaded}}-s{{seed}}/member.json",
        log:
            f"{RESULTS}/logs/load/{{loaded}}-s{{seed}}.log",
        priority: 1  # what is wrong with a member is said before any is predicted
        conda:
            "../envs/resiliency.yaml"
        threads: DECODING
        resources:
            **needing(NETWORK_MEMORY, 60, gpu=1),
        params:
            code=lambda wildcards: code("load", designs=(wildcards.loaded,)),
            member=lambda wildcards: described(wildcards.loaded, wildcards.seed),
        script:
            "../scripts/load.py"

    if PLAN.together:

        rule predict_together:
            input:
                **TEST,
                corrupted=CORRUPTED,
                further=of_further("images"),
                weights=lambda wildcards: expand(
                    f"{RESULTS}/members/{{member}}/weights.safetensors",
                    member=PLAN.together[int(wildcards.number)],
                ),
                descriptions=lambda wildcards: expand(
                    f"{RESULTS}/members/{{member}}/member.json",
                    member=PLAN.together[int(wildcards.number)],
                ),
            output:
                f"{RESULTS}/predicted_together/{{number}}.done",
            log:
                f"{RESULTS}/logs/predict_together/{{number}}.log",
            conda:
                "../envs/resiliency.yaml"
            threads: DECODING
            resources:
                **needing(NETWORK_MEMORY, MINUTES["predict_together"], most=DAY, gpu=1),
            params:
                logits=code("predict_together", loads_networks=True),
                corruptions=STUDY.corruptions.names,
                code=code("predict_together", loads_networks=True),
                test_sets=PLAN.test_sets,
                predictions=f"{RESULTS}/predictions",
            script:
                "../scripts/predict_together.py"

        localrules:
            predicted_together,

        rule predicted_together:
            input:
                expand(
                    f"{RESULTS}/predicted_together/{{number}}.done",
                    number=range(len(PLAN.together)),
                ),
            output:
                touch(f"{RESULTS}/predicted_together/all.done"),
