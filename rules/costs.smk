# What answers cost, by a table of the user.
if "costs" in MADE:

    rule cost_answers:
        input:
            **JUDGED,
            costs=ancient(STUDY.costs),
            card=f"{RESULTS}/data/card.json",
            members=TABLES["members"],
            deployment=TABLES["deployment"],
            logits=LOGITS,
        output:
            costs=in_report(TABLES["costs"]),
            confusions=in_report(TABLES["costly_confusions"]),
        log:
            log_of("cost_answers"),
        benchmark:
            benchmark_of("cost_answers")
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(8000, 60),
        params:
            **STATISTICS,
            code=code("cost_answers"),
            content=content(INPUTS.files, STUDY.costs),
            seed=STUDY.seed,
        script:
            "../scripts/cost_answers.py"
