ENGINE = {
    "seed": STUDY.seed,
    "engine": STUDY.corruptions.engine,
    "table": STUDY.corruptions.table_at(STUDY.data.side),
}
GENERATED = STUDY.corruptions.source == "generated"


rule dataset:
    input:
        STUDY.data.files,
    output:
        expand(f"{RESULTS}/data/{{split}}/items.csv", split=STUDY.splits),
        expand(
            f"{RESULTS}/data/{{split}}/{{file}}",
            split=STUDY.splits,
            file=[f"images{IMAGES}", "labels.npy"],
        ),
        digests=f"{RESULTS}/data/digests.npy",
        card=f"{RESULTS}/data/card.json",
    log:
        f"{RESULTS}/logs/dataset/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(2000, 60),
    params:
        code=code("dataset"),
        seed=STUDY.seed,
        dataset=STUDY.data.resolved().model_dump(),
        splits=STUDY.splits,
        classes=STUDY.data.classes,
        content=images_of_data_set if STUDY.data.folder else "",
    script:
        "../scripts/dataset.py"


for name, test_set in STUDY.test_sets.items():

    rule:
        name:
            f"test_set_{name}"
        input:
            **test_set.inputs(),
            card=f"{RESULTS}/data/card.json",
            digests=f"{RESULTS}/data/digests.npy",
        output:
            f"{RESULTS}/data/test_sets/{name}/items.csv",
            **further(name),
        log:
            f"{RESULTS}/logs/test_set/{name}.log",
        conda:
            "../envs/resiliency.yaml"
        resources:
            **needing(2000, 60),
        params:
            code=code("test_set"),
            folder=test_set.folder,
            content=images_in(test_set.folder),
            side=STUDY.data.side,
            margin=STUDY.data.margin,
            on_the_fly=test_set.on_the_fly(STUDY.data.side),
            allow_duplicates=STUDY.data.allow_duplicates,
        script:
            "../scripts/test_set.py"


if STUDY.dataset:

    rule units:
        input:
            unpack(grouped_files),
        output:
            units=f"{RESULTS}/data/{{grouped}}/units.npy",
            described=f"{RESULTS}/data/{{grouped}}/units.json",
        log:
            f"{RESULTS}/logs/units/{{grouped}}.log",
        wildcard_constraints:
            grouped=one_of(["test", *(f"test_sets/{name}" for name in STUDY.test_sets)]),
        conda:
            "../envs/resiliency.yaml"
        resources:
            **needing(2000, 60),
        params:
            code=code("units"),
            grouping=grouping,
        script:
            "../scripts/units.py"

    rule conditions:
        input:
            labels=EVALUATION["labels"],
            card=f"{RESULTS}/data/card.json",
        output:
            f"{RESULTS}/conditions.csv",
        log:
            f"{RESULTS}/logs/conditions/all.log",
        conda:
            "../envs/resiliency.yaml"
        resources:
            **needing(1000, 5),
        params:
            code=code("conditions"),
            test_sets=PLAN.test_sets,
            masked=[name for name, of in STUDY.test_sets.items() if of.classes == "present"],
            corruptions=STUDY.corruptions.names,
            severities=STUDY.corruptions.severities,
        script:
            "../scripts/conditions.py"


rule corrupt:
    input:
        **TEST,
        classes=f"{RESULTS}/data/test/items.csv",
    output:
        f"{RESULTS}/corrupted/{{corruption}}{IMAGES}",
        [directory(f"{RESULTS}/corrupted/{{corruption}}")]
        if GENERATED and STUDY.data.on_the_fly
        else [],
    log:
        f"{RESULTS}/logs/corrupt/{{corruption}}.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(2000, MINUTES["corrupt"]),
    params:
        **(ENGINE if GENERATED else published_set()),
        code=code("corrupt") if GENERATED else code("precomputed"),
        severities=STUDY.corruptions.severities,
        side=STUDY.data.side,
        on_the_fly=STUDY.data.on_the_fly,
    script:
        "../scripts/corrupt.py" if GENERATED else "../scripts/precomputed.py"
