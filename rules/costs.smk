# What answers cost, by a table of the user, and how long networks take for one image.
if "costs" in MADE:

    rule cost_answers:
        input:
            **RESAMPLED,
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
            **RESAMPLING,
            code=code("cost_answers"),
            content=content(INPUTS.files, STUDY.costs),
        script:
            "../scripts/cost_answers.py"


if "latencies" in MADE:

    rule measure_latency:
        input:
            images=TEST["images"],
            weights=MEMBER_FILES["weights"],
            descriptions=member_files("member.json", MEMBERS),
        output:
            in_report(TABLES["latencies"]),
        log:
            log_of("measure_latency"),
        benchmark:
            benchmark_of("measure_latency")
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(8000, 60),
        params:
            code=code("measure_latency"),
        script:
            "../scripts/measure_latency.py"
