if SEARCHED:

    rule train_supernet:
        input:
            **LEARNED,
            **STARTED,
        output:
            weights=f"{RESULTS}/search/supernet/weights.safetensors",
            description=f"{RESULTS}/search/supernet/member.json",
            history=f"{RESULTS}/search/supernet/history.csv",
        log:
            f"{RESULTS}/logs/train_supernet/all.log",
        benchmark:
            f"{RESULTS}/benchmarks/train_supernet/all.tsv"
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            mem_mb=growing(NETWORK_MEMORY),
            runtime=growing(MINUTES["train_supernet"], most=DAY),
            gpu=1,
        params:
            **STUDY.search.model_dump(include={"elastic", "strategy", "drawn"}),
            code=code("train_supernet"),
            seed=STUDY.seed,
            design=STUDY.designs[STUDY.search.design].described(STUDY.data.side),
            recipe=STUDY.search_recipe().model_dump(),
        script:
            "../scripts/train_supernet.py"

    rule search:
        input:
            **LEARNED,
            weights=rules.train_supernet.output.weights,
            description=rules.train_supernet.output.description,
        output:
            table=shown(EVALUATIONS),
            weights=[f"{RESULTS}/members/{name}/weights.safetensors" for name in SEARCHED],
            descriptions=[f"{RESULTS}/members/{name}/member.json" for name in SEARCHED],
        log:
            f"{RESULTS}/logs/search/all.log",
        benchmark:
            f"{RESULTS}/benchmarks/search/all.tsv"
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            mem_mb=growing(NETWORK_MEMORY),
            runtime=growing(MINUTES["search"], most=DAY),
            gpu=1,
        params:
            code=code("search"),
            seed=STUDY.seed,
            design=STUDY.designs[STUDY.search.design].described(STUDY.data.side),
            search=STUDY.search.model_dump(exclude={"training"}),
            members={
                name: {"origin": "search", "design": name, "family": STUDY.family(STUDY.search.design), "index": index}
                for index, name in enumerate(SEARCHED)
            },
        script:
            "../scripts/search.py"

    use rule predict as predict_searched with:
        input:
            **TEST,
            **HELD_OUT,
            corrupted=CORRUPTED,
            weights=rules.search.output.weights,
            descriptions=rules.search.output.descriptions,
        output:
            **predicted(SEARCHED),
        log:
            f"{RESULTS}/logs/predict_searched/all.log",
        benchmark:
            f"{RESULTS}/benchmarks/predict_searched/all.tsv"

    use rule predict_test_set as predict_test_set_searched with:
        input:
            images=further_images,
            weights=rules.predict_searched.input.weights,
            descriptions=rules.predict_searched.input.descriptions,
        output:
            logits=predictions(SEARCHED, ["{test_set}"]),
        log:
            f"{RESULTS}/logs/predict_test_set_searched/all-{{test_set}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/predict_test_set_searched/all-{{test_set}}.tsv"

    use rule attribute as attribute_searched with:
        input:
            **TEST,
            weights=rules.search.output.weights,
            descriptions=rules.search.output.descriptions,
        output:
            **attributed(SEARCHED),
        log:
            f"{RESULTS}/logs/attribute_searched/all.log",
        benchmark:
            f"{RESULTS}/benchmarks/attribute_searched/all.tsv"
