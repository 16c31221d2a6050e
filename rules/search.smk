if SEARCHED:
    START = STUDY.search.start
    STARTED = {} if START == "random" else {"start": f"{RESULTS}/members/{START}/weights.safetensors"}
    STARTED |= {"start_description": f"{RESULTS}/members/{START}/member.json"} if STARTED else {}

    rule train_supernet:
        input:
            **TRAINING_DATA,
            **STARTED,
        output:
            weights=f"{RESULTS}/search/supernet/weights.safetensors",
            description=f"{RESULTS}/search/supernet/member.json",
            history=f"{RESULTS}/search/supernet/history.csv",
        log:
            log_of("train_supernet"),
        benchmark:
            benchmark_of("train_supernet")
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            **needing(NETWORK_MEMORY, MINUTES["train_supernet"], most=DAY, gpu=1),
        params:
            **STUDY.search.model_dump(include={"elastic", "strategy", "random_subnetworks"}),
            code=code("train_supernet"),
            seed=STUDY.seed,
            design=STUDY.designs[STUDY.search.design].description(STUDY.data.side),
            recipe=STUDY.search_recipe().model_dump(),
        script:
            "../scripts/train_supernet.py"

    rule search:
        input:
            **TRAINING_DATA,
            weights=rules.train_supernet.output.weights,
            description=rules.train_supernet.output.description,
        output:
            table=in_report(TABLES["evaluations"]),
            weights=member_files("weights.safetensors", SEARCHED),
            descriptions=member_files("member.json", SEARCHED),
        log:
            log_of("search"),
        benchmark:
            benchmark_of("search")
        conda:
            "../envs/resiliency.yaml"
        threads: decoding
        resources:
            **needing(NETWORK_MEMORY, MINUTES["search"], most=DAY, gpu=1),
        params:
            code=code("search"),
            seed=STUDY.seed,
            design=STUDY.designs[STUDY.search.design].description(STUDY.data.side),
            search=STUDY.search.model_dump(exclude={"training"}),
            members={
                name: {
                    "origin": names.SEARCH,
                    "design": name,
                    "family": STUDY.family(STUDY.search.design),
                    "index": index,
                }
                for index, name in enumerate(SEARCHED)
            },
        script:
            "../scripts/search.py"
