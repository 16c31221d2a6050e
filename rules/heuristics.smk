if SETTINGS:

    rule train_jointly:
        input:
            [path for design in STUDY.joint.designs for path in STUDY.designs[design].inputs(0).values()],
            **LEARNED,
        output:
            weights=[
                f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/weights.safetensors"
                for index in range(len(STUDY.joint.designs))
            ],
            descriptions=[
                f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/member.json"
                for index in range(len(STUDY.joint.designs))
            ],
            histories=[
                f"{RESULTS}/members/{{setting}}-s{{seed}}-m{index}/history.csv"
                for index in range(len(STUDY.joint.designs))
            ],
        log:
            f"{RESULTS}/logs/train_jointly/{{setting}}-s{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/train_jointly/{{setting}}-s{{seed}}.tsv"
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            mem_mb=growing(NETWORK_MEMORY),
            runtime=growing(MINUTES["train_jointly"], most=DAY),
            gpu=1,
        params:
            code=code("train_jointly"),
            seed=STUDY.seed,
            members=lambda wildcards: [
                described(
                    design,
                    wildcards.seed,
                    origin="joint",
                    index=index,
                    setting=wildcards.setting,
                    **dict(zip(("objective", "strength"), SETTINGS[wildcards.setting])),
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
            weights=[f"{RESULTS}/members/{{setting}}-{name}/weights.safetensors" for name in JOINT_NAMES],
            descriptions=[f"{RESULTS}/members/{{setting}}-{name}/member.json" for name in JOINT_NAMES],
        output:
            **predicted([f"{{setting}}-{name}" for name in JOINT_NAMES]),
        log:
            f"{RESULTS}/logs/predict_jointly/{{setting}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/predict_jointly/{{setting}}.tsv"

    use rule predict_test_set as predict_test_set_jointly with:
        input:
            images=further_images,
            weights=rules.predict_jointly.input.weights,
            descriptions=rules.predict_jointly.input.descriptions,
        output:
            logits=predictions([f"{{setting}}-{name}" for name in JOINT_NAMES], ["{test_set}"]),
        log:
            f"{RESULTS}/logs/predict_test_set_jointly/{{setting}}-{{test_set}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/predict_test_set_jointly/{{setting}}-{{test_set}}.tsv"

    use rule attribute as attribute_jointly with:
        input:
            **TEST,
            weights=rules.predict_jointly.input.weights,
            descriptions=rules.predict_jointly.input.descriptions,
        output:
            **attributed([f"{{setting}}-{name}" for name in JOINT_NAMES]),
        log:
            f"{RESULTS}/logs/attribute_jointly/{{setting}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/attribute_jointly/{{setting}}.tsv"
