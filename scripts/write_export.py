"""Export an ensemble of deployment.csv: a program for onnxruntime, scripts that run it, a card and
evidence."""

from pathlib import Path

from resiliency.data.pictures import read_conditions
from resiliency.designs.members import named_factories
from resiliency.export.evidence import Evaluated
from resiliency.export.exporting import export
from resiliency.export.loading import chosen_row, read_networks
from resiliency.prediction.reading import read_predictions
from resiliency.report.overview import unit_names
from resiliency.report.provenance import commit
from resiliency.statistics.resampling import Resampling
from resiliency.storage import read_json, read_table, replacing, write_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    tables = {name: read_table(inputs[name]) for name in ("members", "temperatures", "thresholds")}
    deployment = read_table(inputs.deployment)
    row = chosen_row(deployment, params.row)
    print(f"number {row['number']} of deployment.csv: {row['members']}, combined by {row['rule']}")
    folders = {Path(path).parent.name: Path(path).parent for path in inputs.weights}
    names = row["members"].split("+")
    known = {*names, *deployment.members[deployment["size"] == 1]}
    tested = Evaluated(
        read_conditions(inputs.images, inputs.corrupted),
        read_predictions(
            read_table(inputs.conditions), inputs.labels, inputs.logits, known, inputs.units
        ),
        deployment,
        unit_names(read_json(inputs.described) if inputs.described else None),
        Resampling(params.resamples, params.confidence, params.seed),
        read_json(inputs.card),
    )
    with replacing(outputs.onnx) as program:
        exported = export(
            tables,
            row,
            read_networks((folders[name] for name in names), named_factories(snakemake.config)),
            tested,
            params.requirements,
            program,
            {
                "study": params.study,
                "commit": commit(Path(params.folder).parent),
                "seed": params.seed,
            }
            | {"command": params.command},
            params.margin,
            snakemake.threads,
        )
    for path in outputs.programs:
        with replacing(path) as temporary:
            temporary.write_bytes(Path(params.folder, Path(path).name).read_bytes())
    for name in ("readme", "page"):
        with replacing(outputs[name]) as temporary:
            temporary.write_text(exported[name], encoding="utf-8")
    for name in ("about", "evidence"):
        write_json(outputs[name], exported[name])
