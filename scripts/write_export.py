"""Export an ensemble of deployment.csv: a program for onnxruntime, scripts that run it, a card and evidence."""

from pathlib import Path

from resiliency.data.pictures import read_conditions
from resiliency.designs.members import named_factories
from resiliency.export.evidence import Evaluated
from resiliency.export.exporting import Provenance, export, read_choice
from resiliency.export.loading import read_networks
from resiliency.prediction.reading import read_predictions
from resiliency.report.overview import unit_names
from resiliency.report.provenance import commit
from resiliency.statistics.resampling import Resampling
from resiliency.storage.files import read_array, read_json, replacing, write_json
from resiliency.storage.tables import read_table
from resiliency.study.stage import stage

with stage(snakemake.log[0], snakemake.params.code):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    tables = {
        name: read_table(inputs.get(name))
        for name in ("deployment", "members", "temperatures", "selective", "thresholds")
    }
    choice = read_choice(tables, params.row)
    print(f"number {choice.row.number} of deployment.csv: {choice.row.members}, combined by {choice.row['rule']}")
    folders = {Path(path).parent.name: Path(path).parent for path in inputs.weights}
    deployment, source = tables["deployment"], commit(Path(params.folder).parent)
    known = {*choice.names, *deployment.members[deployment["size"] == 1]}
    tested = Evaluated(
        read_conditions(inputs.images, inputs.corrupted),
        read_array(inputs.labels),
        read_predictions(read_table(inputs.conditions), inputs.all_labels, inputs.logits, known, inputs.units),
        deployment,
        unit_names(read_json(inputs.described) if inputs.described else None),
        Resampling(params.resamples, params.confidence, params.seed),
    )
    with replacing(outputs.onnx) as program:
        exported = export(
            choice,
            read_networks((folders[name] for name in choice.names), named_factories(snakemake.config)),
            tested,
            params.requirements,
            read_json(inputs.card),
            program,
            Provenance(params.study, source, params.seed, params.command),
            params.margin,
            snakemake.threads,
        )
    for path in outputs.programs:
        with replacing(path) as temporary:
            temporary.write_bytes(Path(params.folder, Path(path).name).read_bytes())
    for path, text in ((outputs.readme, exported.card), (outputs.page, exported.page)):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_json(outputs.about, exported.about)
    write_json(outputs.evidence, exported.evidence)
