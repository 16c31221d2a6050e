"""Export an ensemble of deployment.csv: a program for onnxruntime, a script that runs it and a card."""

from pathlib import Path

from resiliency.data.pictures import read_images
from resiliency.designs.members import named_factories
from resiliency.export.exporting import Provenance, export, read_choice
from resiliency.export.loading import read_networks
from resiliency.prediction.reading import read_predictions
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
    choice = read_choice(tables, read_json(inputs.choice)["number"])
    print(f"number {choice.row.number} of deployment.csv: {choice.row.members}, combined by {choice.row['rule']}")
    folders = {Path(path).parent.name: Path(path).parent for path in inputs.weights}
    source = commit(Path(params.model).parent)
    with replacing(outputs.onnx) as program:
        exported = export(
            choice,
            read_networks((folders[name] for name in choice.names), named_factories(snakemake.config)),
            read_images(inputs.images),
            read_array(inputs.labels),
            read_predictions(
                read_table(inputs.conditions), inputs.all_labels, inputs.logits, choice.names, inputs.units
            ),
            read_json(inputs.card),
            program,
            Provenance(params.study, params.ensemble, params.corruptions, source, params.seed, params.command),
            Resampling(params.resamples, params.confidence, params.seed),
            params.margin,
            snakemake.threads,
        )
    with replacing(outputs.model) as temporary:
        temporary.write_bytes(Path(params.model).read_bytes())
    with replacing(outputs.readme) as temporary:
        temporary.write_text(exported.card, encoding="utf-8")
    write_json(outputs.about, exported.about)
