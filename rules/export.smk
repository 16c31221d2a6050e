# A job of its own: only it knows the row, which names the folder.
checkpoint choose_export:
    input:
        # Says what is lacking before any job.
        deployment=lambda wildcards: exportable(wildcards)["deployment"],
        descriptions=expand(f"{RESULTS}/members/{{member}}/member.json", member=PLAN.networks),
    output:
        f"{RESULTS}/ensembles/exported.json",
    log:
        f"{RESULTS}/logs/choose_export/all.log",
    conda:
        "../envs/resiliency.yaml"
    resources:
        **needing(1000, 5),
    params:
        code=code("choose_export"),
        ensemble=STUDY.ensemble,
        of_files=STUDY.data.on_the_fly,
    script:
        "../scripts/choose_export.py"


rule write_export:
    input:
        unpack(exportable),
        **EVALUATION_UNITS,
        images=TEST["images"],
        described=of_dataset(f"{RESULTS}/data/test/units.json"),
        corrupted=CORRUPTED,
        members=f"{RESULTS}/tables/members.csv",
        card=f"{RESULTS}/data/card.json",
        logits=LOGITS,
        weights=expand(f"{RESULTS}/members/{{member}}/weights.safetensors", member=PLAN.networks),
    output:
        onnx=f"{RESULTS}/export/{{row}}/ensemble.onnx",
        about=f"{RESULTS}/export/{{row}}/ensemble.json",
        programs=expand(f"{RESULTS}/export/{{{{row}}}}/{{name}}.py", name=["model", "watching"]),
        readme=f"{RESULTS}/export/{{row}}/card.md",
        evidence=f"{RESULTS}/export/{{row}}/evidence.json",
        page=f"{RESULTS}/export/{{row}}/evidence.html",
    log:
        f"{RESULTS}/logs/write_export/{{row}}.log",
    wildcard_constraints:
        row=r"\d+",
    conda:
        "../envs/resiliency.yaml"
    threads: 8
    resources:
        **needing(8000, 60),
    params:
        **RESAMPLING,
        row=lambda wildcards: int(wildcards.row),
        code=code(
            "write_export",
            "export/card.md.j2",
            "export/evidence.html.j2",
            "export/folder/model.py",
            loads_networks=True,
        ),
        requirements=STUDY.requirements.model_dump(),
        study=STUDY.study,
        margin=STUDY.data.margin,
        folder=lambda wildcards: str(LIBRARY / "export/folder"),
        command=lambda wildcards: command_for(int(wildcards.row)),
    script:
        "../scripts/write_export.py"


rule export:
    input:
        export_of_row,
