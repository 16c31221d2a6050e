if SETTINGS:
    TRAINED_JOINTLY = [f"{{setting}}-s{{seed}}-m{index}" for index in range(len(STUDY.joint.designs))]

    rule train_jointly:
        input:
            **TRAINING_DATA,
        output:
            weights=member_files("weights.safetensors", TRAINED_JOINTLY),
            descriptions=member_files("member.json", TRAINED_JOINTLY),
            histories=member_files("history.csv", TRAINED_JOINTLY),
        log:
            log_of("train_jointly", "{setting}-s{seed}"),
        benchmark:
            benchmark_of("train_jointly", "{setting}-s{seed}")
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            **needing(NETWORK_MEMORY, MINUTES["train_jointly"], most=DAY, gpu=1),
        params:
            code=code("train_jointly", designs=STUDY.joint.designs),
            seed=STUDY.seed,
            members=lambda wildcards: [
                described(
                    design,
                    wildcards.seed,
                    origin=names.JOINT,
                    index=index,
                    setting=wildcards.setting,
                    **dict(zip(("objective", "loss_weight"), SETTINGS[wildcards.setting])),
                )
                for index, design in enumerate(STUDY.joint.designs)
            ],
            recipe=STUDY.joint_recipe().model_dump(),
        script:
            "../scripts/train_jointly.py"
