if PLAN.joint:
    INDICES = range(len(STUDY.joint.designs))

    rule train_jointly:
        input:
            **TRAINING,
        output:
            weights=[f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/weights.safetensors" for index in INDICES],
            descriptions=[f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/member.json" for index in INDICES],
            histories=[f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/history.csv" for index in INDICES],
        log:
            f"{RESULTS}/logs/train_jointly/{{setting}}-s{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/train_jointly/{{setting}}-s{{seed}}.tsv"
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            **needing(NETWORK_MEMORY, MINUTES["train_jointly"], most=DAY, gpu=1),
        params:
            code=code("train_jointly", designs=tuple(STUDY.joint.designs)),
            seed=STUDY.seed,
            members=lambda wildcards: [
                described(
                    design,
                    wildcards.seed,
                    origin=names.JOINT,
                    index=index,
                    setting=wildcards.setting,
                    **dict(zip(("objective", "loss_weight"), STUDY.joint_settings()[wildcards.setting])),
                )
                for index, design in enumerate(STUDY.joint.designs)
            ],
            recipe=STUDY.joint_recipe().model_dump(),
        script:
            "../scripts/train_jointly.py"
