"""Score and compare members and ensembles without each group of the test images in turn."""

from resiliency.analysis.without_images import scores_without_images
from resiliency.diversity.metrics import reader
from resiliency.prediction.reading import read_predictions
from resiliency.storage import read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    tables = scores_without_images(
        read_table(inputs.ensembles),
        read_table(inputs.members),
        read_predictions(
            read_table(inputs.conditions), inputs.labels, inputs.logits, units=inputs.units
        ),
        params.networks,
        reader(params.networks, params.methods, inputs.features, inputs.maps, stages=[]),
        params.rule,
        params.methods,
        params.n_probe_images,
        params.seed,
        params.shifts,
        params.accuracy_on,
    )
    for name, table in tables.items():
        write_table(outputs.get(name), table)
