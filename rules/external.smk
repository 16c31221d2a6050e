if EXTERNAL:

    rule describe_external:
        input:
            STUDY.external.members,
        output:
            member_files("member.json", EXTERNAL_MEMBERS),
        log:
            log_of("describe_external"),
        benchmark:
            benchmark_of("describe_external")
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, 10),
        params:
            code=code("describe_external"),
            kinds=EXTERNAL.kinds,
            image_size=STUDY.data.side if STUDY.dataset else None,
        script:
            "../scripts/describe_external.py"


for source in SOURCES:

    rule:
        name:
            f"import_{source.name}"
        input:
            external_files(source),
            **({} if source.kind == "scores" else EVALUATION | {"images": IMAGE_NAMES}),
        output:
            imported(source),
        log:
            log_of("import", source.name),
        benchmark:
            benchmark_of("import", source.name)
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(4000, 60),
        params:
            **reading(source),
            code=code("import_source"),
            kind=source.kind,
            file=source.file,
            layout=EXTERNAL.layout(source),
        script:
            "../scripts/import_source.py"


if not STUDY.dataset:

    rule external_conditions:
        input:
            external_files(SOURCES[0], labels_alone=True),
        output:
            conditions=TABLES["conditions"],
            labels=EVALUATION["labels"],
            units=EVALUATION_UNITS["units"],
            described=[files["described"] for files in UNITS.values()],
            images=IMAGE_NAMES,
        log:
            log_of("external_conditions"),
        benchmark:
            benchmark_of("external_conditions")
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, 10),
        params:
            classes=as_it_is(STUDY.external.known_classes),
            images=STUDY.external.images,
            code=code("external_conditions"),
            kind=SOURCES[0].kind,
            file=SOURCES[0].file,
            members=SOURCES[0].members,
            layout=EXTERNAL.layout(SOURCES[0]),
            corruptions=CORRUPTIONS,
            severities=EXTERNAL.severities,
        script:
            "../scripts/external_conditions.py"
