from resiliency.base.names import averaged
from resiliency.study.files import command


# A rule of its own: before a job, Snakemake removes what it writes, and a refused export would remove an earlier one.
rule choose_export:
    input:
        deployment=TABLES["deployment"],
        descriptions=member_files("member.json", MEMBERS),
    output:
        f"{RESULTS}/ensembles/exported.json",
    log:
        log_of("choose_export"),
    conda:
        "../envs/resiliency.yaml"
    threads: 1
    resources:
        **needing(1000, 5),
    params:
        code=code("choose_export"),
        ensemble=STUDY.ensemble,
        of_files=STUDY.data.on_the_fly,
    script:
        "../scripts/choose_export.py"


rule export:
    input:
        unpack(exportable),
        **TEST,
        choice=rules.choose_export.output[0],
        conditions=EVALUATION["conditions"],
        all_labels=EVALUATION["labels"],
        units=EVALUATION_UNITS["units"],
        members=TABLES["members"],
        card=TRAINING_DATA["card"],
        logits=LOGITS,
        weights=MEMBER_FILES["weights"],
    output:
        onnx=f"{RESULTS}/export/ensemble.onnx",
        about=f"{RESULTS}/export/ensemble.json",
        model=f"{RESULTS}/export/model.py",
        readme=f"{RESULTS}/export/card.md",
    log:
        log_of("export"),
    conda:
        "../envs/resiliency.yaml"
    threads: 8
    resources:
        **needing(8000, 60),
    params:
        **RESAMPLING,
        code=code("export", "export/card.md.j2", "export/folder/model.py"),
        study=STUDY.study,
        ensemble=STUDY.ensemble,
        margin=STUDY.data.margin,
        corruptions=len(averaged(STUDY.corruptions.names)),
        model=lambda wildcards: str(LIBRARY / "export/folder/model.py"),
        command=(
            f"snakemake --cores all {RESULTS}/export/model.py"
            if IMPORTED
            else command(
                "export",
                workflow.overwrite_configfiles,
                {**workflow.config_settings.config, "ensemble": STUDY.ensemble},
                SCRIPTS.parent,
                Path.cwd(),
            )
        ),
    script:
        "../scripts/export.py"
