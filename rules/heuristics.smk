if SETTINGS:
    # Members of one ensemble, and of all ensembles of a setting.
    TRAINED_JOINTLY = [f"{{setting}}-s{{seed}}-m{index}" for index in range(len(STUDY.joint.designs))]
    JOINT = [f"{{setting}}-s{s}-m{m}" for s in range(STUDY.joint.seeds) for m in range(len(STUDY.joint.designs))]

    rule train_jointly:
        input:
            **LEARNED,
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

    use rule predict as predict_jointly with:
        input:
            **TEST,
            **HELD_OUT,
            corrupted=CORRUPTED,
            weights=member_files("weights.safetensors", JOINT),
            descriptions=member_files("member.json", JOINT),
        output:
            **predicted(JOINT),
        log:
            log_of("predict_jointly", "{setting}"),
        benchmark:
            benchmark_of("predict_jointly", "{setting}")

    use rule predict_test_set as predict_test_set_jointly with:
        input:
            images=further_images,
            weights=rules.predict_jointly.input.weights,
            descriptions=rules.predict_jointly.input.descriptions,
        output:
            logits=predictions(JOINT, ["{test_set}"]),
        log:
            log_of("predict_test_set_jointly", "{setting}-{test_set}"),
        benchmark:
            benchmark_of("predict_test_set_jointly", "{setting}-{test_set}")

    use rule attribute as attribute_jointly with:
        input:
            **TEST,
            weights=rules.predict_jointly.input.weights,
            descriptions=rules.predict_jointly.input.descriptions,
        output:
            **attributed(JOINT),
        log:
            log_of("attribute_jointly", "{setting}"),
        benchmark:
            benchmark_of("attribute_jointly", "{setting}")
