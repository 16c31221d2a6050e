GALLERY = f"{RESULTS}/data/gallery.parquet"
ENGINE = {
    "seed": STUDY.seed,
    "engine": STUDY.corruptions.engine,
    "table": STUDY.corruptions.table_at(STUDY.data.side),
}
FROM_FILES = STUDY.data.files
LISTED = {"listed": content(INPUTS.files, *FROM_FILES)} if FROM_FILES else {}


rule dataset:
    input:
        ancient(FROM_FILES),
    output:
        expand(f"{RESULTS}/data/{{split}}/items.csv", split=STUDY.splits),
        TRAIN.values() if "train" in STUDY.splits else [],
        VALIDATION.values() if "validation" in STUDY.splits else [],
        TEST.values(),
        digests=DIGESTS,
        card=f"{RESULTS}/data/card.json",
    log:
        log_of("dataset"),
    benchmark:
        benchmark_of("dataset")
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(2000, 60),
    params:
        **LISTED,
        code=code("dataset"),
        seed=STUDY.seed,
        dataset=STUDY.data.resolved(),
        splits=STUDY.splits,
        classes=STUDY.data.classes,
        content=content_of_data_set if STUDY.data.folder else "",
    script:
        "../scripts/dataset.py"


for name, test_set in STUDY.test_sets.items():

    rule:
        name:
            f"test_set_{name}"
        input:
            **{key: ancient(path) for key, path in test_set.inputs().items()},
            card=TRAINING_DATA["card"],
            digests=DIGESTS,
        output:
            f"{RESULTS}/data/test_sets/{name}/items.csv",
            **TEST_SET_FILES[name],
        log:
            log_of("test_set", name),
        benchmark:
            benchmark_of("test_set", name)
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, 60),
        params:
            code=code("test_set"),
            folder=test_set.folder,
            content=content_of_test_set(test_set),
            side=STUDY.data.side,
            margin=STUDY.data.margin,
            on_the_fly=test_set.on_the_fly(STUDY.data.side),
            allow_duplicates=STUDY.data.allow_duplicates,
        script:
            "../scripts/test_set.py"


if STUDY.dataset:

    rule units:
        input:
            ancient(FROM_FILES),
            ancient(TABLE_OF_UNITS[CLEAN]),
            **TEST,
        output:
            **UNITS[CLEAN],
        log:
            log_of("units"),
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, 60),
        params:
            code=code("units"),
            name=CLEAN,
            seed=STUDY.seed,
            dataset=STUDY.data.resolved(),
            splits=STUDY.splits,
            groups=STUDY.data.test_groups,
            named=STUDY.data.named_groups,
            looked_at=STUDY.data.looked_at,
            content=content(INPUTS.files, *TABLE_OF_UNITS[CLEAN]) if TABLE_OF_UNITS[CLEAN] else "",
        script:
            "../scripts/units.py"


for name, test_set in STUDY.test_sets.items():

    rule:
        name:
            f"units_{name}"
        input:
            ancient(TABLE_OF_UNITS[name]),
            **TEST_SET_FILES[name],
            **{word: ancient(path) for word, path in zip(("pixels", "numbers"), test_set.inputs().values())},
            classes=TRAINING_DATA["card"],
        output:
            **UNITS[name],
        log:
            log_of("units", name),
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, 60),
        params:
            code=code("units"),
            name=name,
            folder=test_set.folder,
            side=STUDY.data.side,
            margin=STUDY.data.margin,
            groups=test_set.groups,
            named=test_set.named_groups,
            looked_at=True,
            content=content(INPUTS.files, *TABLE_OF_UNITS[name]) if TABLE_OF_UNITS[name] else "",
        script:
            "../scripts/units.py"


if STUDY.dataset:

    rule conditions:
        input:
            labels=EVALUATION["labels"],
            card=TRAINING_DATA["card"],
        output:
            TABLES["conditions"],
        log:
            log_of("conditions"),
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(1000, 5),
        params:
            code=code("conditions"),
            test_sets=TEST_SETS,
            masked=[name for name, of in STUDY.test_sets.items() if of.classes == "present"],
            corruptions=STUDY.corruptions.names,
            severities=STUDY.corruptions.severities,
        script:
            "../scripts/conditions.py"


if STUDY.corruptions.source == "generated":

    rule corrupt:
        input:
            images=TEST["images"],
            classes=TEST_ITEMS,
        output:
            f"{RESULTS}/corrupted/{{corruption}}{IMAGES}",
            [directory(f"{RESULTS}/corrupted/{{corruption}}")] if STUDY.data.on_the_fly else [],
        log:
            log_of("corrupt", "{corruption}"),
        benchmark:
            benchmark_of("corrupt", "{corruption}")
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, MINUTES["corrupt"]),
        params:
            **ENGINE,
            code=code("corrupt"),
            severities=STUDY.corruptions.severities,
            side=STUDY.data.side,
            on_the_fly=STUDY.data.on_the_fly,
        script:
            "../scripts/corrupt.py"

else:

    rule precomputed:
        input:
            classes=TEST_ITEMS,
            labels=TEST["labels"],
        output:
            f"{RESULTS}/corrupted/{{corruption}}{IMAGES}",
        log:
            log_of("precomputed", "{corruption}"),
        benchmark:
            benchmark_of("precomputed", "{corruption}")
        conda:
            "../envs/resiliency.yaml"
        threads: 1
        resources:
            **needing(2000, MINUTES["corrupt"]),
        params:
            code=code("precomputed"),
            dataset=STUDY.data.name,
            folder=STUDY.corruptions.folder,
            content=content_of_corruption,
            severities=STUDY.corruptions.severities,
            side=STUDY.data.side,
            on_the_fly=STUDY.data.on_the_fly,
        script:
            "../scripts/precomputed.py"


rule gallery:
    input:
        images=TEST["images"],
        classes=TEST_ITEMS,
        corrupted=CORRUPTED if STUDY.corruptions.source == "precomputed" else [],
    output:
        GALLERY,
    log:
        log_of("gallery"),
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(2000, 10),
    params:
        **ENGINE,
        **STUDY.corruptions.pictured(),
        code=code("gallery"),
        table_label=STUDY.corruptions.table_label(STUDY.data.side),
    script:
        "../scripts/gallery.py"
