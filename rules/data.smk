rule dataset:
    output:
        card=f"{RESULTS}/data/card.json",
        arrays=expand(
            f"{RESULTS}/data/{{split}}/{{array}}.npy",
            split=["train", "validation", "test"],
            array=["images", "labels"],
        ),
    log:
        f"{RESULTS}/logs/dataset/all.log",
    benchmark:
        f"{RESULTS}/benchmarks/dataset/all.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        code=code("dataset"),
        seed=STUDY.seed,
        dataset=STUDY.dataset.model_dump()
        | {"validation_images": STUDY.dataset.validation_images, "test_images": STUDY.dataset.test_images},
    script:
        "../scripts/dataset.py"


rule conditions:
    output:
        f"{RESULTS}/conditions.csv",
    log:
        f"{RESULTS}/logs/conditions/all.log",
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        code=code("conditions"),
        corruptions=STUDY.corruptions.names,
        severities=STUDY.corruptions.severities,
    script:
        "../scripts/conditions.py"


rule corrupt:
    input:
        images=TEST["images"],
    output:
        f"{RESULTS}/corrupted/{{corruption}}.npy",
    log:
        f"{RESULTS}/logs/corrupt/{{corruption}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/corrupt/{{corruption}}.tsv"
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        code=code("corrupt"),
        seed=STUDY.seed,
        severities=STUDY.corruptions.severities,
        engine=STUDY.corruptions.engine,
        table=STUDY.corruptions.table_at(STUDY.dataset.image_size),
    script:
        "../scripts/corrupt.py"
