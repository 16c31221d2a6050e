if PLAN.searched:

    rule train_supernet:
        input:
            **TRAINING,
            start=(
                []
                if STUDY.search.start == "random"
                else f"{RESULTS}/members/{STUDY.search.start}/weights.safetensors"
            ),
            described=(
                []
                if STUDY.search.start == "random"
                else f"{RESULTS}/members/{STUDY.search.start}/member.json"
            ),
        output:
            weights=f"{RESULTS}/search/supernet/weights.safetensors",
            description=f"{RESULTS}/search/supernet/member.json",
            history=f"{RESULTS}/search/supernet/history.csv",
        log:
            f"{RESULTS}/logs/train_supernet/all.log",
        conda:
            "../envs/resiliency.yaml"
        threads: DECODING
        resources:
            **needing(NETWORK_MEMORY, MINUTES["train_supernet"], most=DAY, gpu=1),
        params:
            code=code("train_supernet"),
            seed=STUDY.seed,
            design=STUDY.designs[STUDY.search.design].description(STUDY.data.side),
            search=STUDY.search.model_dump(
                include={"design", "start", "elastic", "strategy", "random_subnetworks"}
            ),
            recipe=STUDY.search_recipe().model_dump(),
        script:
            "../scripts/train_supernet.py"

    rule search:
        input:
            **TRAINING,
            weights=f"{RESULTS}/search/supernet/weights.safetensors",
            description=f"{RESULTS}/search/supernet/member.json",
        output:
            table=in_report(f"{RESULTS}/search/evaluations.csv"),
            weights=expand(
                f"{RESULTS}/members/{{member}}/weights.safetensors", member=PLAN.searched
            ),
            descriptions=expand(f"{RESULTS}/members/{{member}}/member.json", member=PLAN.searched),
        log:
            f"{RESULTS}/logs/search/all.log",
        conda:
            "../envs/resiliency.yaml"
        threads: DECODING
        resources:
            **needing(NETWORK_MEMORY, MINUTES["search"], most=DAY, gpu=1),
        params:
            code=code("search"),
            seed=STUDY.seed,
            design=STUDY.designs[STUDY.search.design].description(STUDY.data.side),
            search=STUDY.search.model_dump(exclude={"training"}),
            family=STUDY.designs[STUDY.search.design].family_name,
        script:
            "../scripts/search.py"
