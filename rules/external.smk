if PLAN.elsewhere.kinds:

    rule describe_external:
        input:
            STUDY.external.members,
        output:
            expand(f"{RESULTS}/members/{{member}}/member.json", member=list(PLAN.elsewhere.kinds)),
        log:
            f"{RESULTS}/logs/describe_external/all.log",
        conda:
            "../envs/resiliency.yaml"
        resources:
            **needing(2000, 10),
        params:
            code=code("describe_external"),
            kinds=PLAN.elsewhere.kinds,
            image_size=STUDY.data.side if STUDY.dataset else None,
        script:
            "../scripts/describe_external.py"


for source in PLAN.elsewhere.sources:

    rule:
        name:
            f"import_{source.name}"
        input:
            external_files(source),
            **(
                {}
                if source.kind == "scores"
                else EVALUATION | {"images": beside_labels("items.csv")}
            ),
        output:
            f"{RESULTS}/external/{source.name}/errors.csv"
            if source.kind == "scores"
            else predictions(source.members),
        log:
            f"{RESULTS}/logs/import/{source.name}.log",
        conda:
            "../envs/resiliency.yaml"
        resources:
            **needing(4000, 60),
        params:
            **reading(source),
            code=code("import_source"),
        script:
            "../scripts/import_source.py"


if not STUDY.dataset:

    rule external_conditions:
        input:
            external_files(PLAN.elsewhere.sources[0], labels_alone=True),
        output:
            conditions=f"{RESULTS}/conditions.csv",
            labels=EVALUATION["labels"],
            units=EVALUATION_UNITS["units"],
            described=beside_labels("units.json"),
            images=beside_labels("items.csv"),
        log:
            f"{RESULTS}/logs/external_conditions/all.log",
        conda:
            "../envs/resiliency.yaml"
        resources:
            **needing(2000, 10),
        params:
            **reading(PLAN.elsewhere.sources[0]),
            code=code("external_conditions"),
            corruptions=PLAN.corruptions,
            severities=PLAN.elsewhere.severities,
        script:
            "../scripts/external_conditions.py"
