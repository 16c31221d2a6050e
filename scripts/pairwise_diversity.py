"""Measure the diversity of every pair of members that occur together in an ensemble."""

from resiliency.diversity.metrics import pairs_of_groups, reader
from resiliency.prediction.reading import read_predictions
from resiliency.storage import appending_table, read_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)
    representation = reader(
        params.networks, params.methods, inputs.features, inputs.maps, inputs.stages
    )
    with appending_table(outputs[0]) as append:
        groups = params.groups, predictions, representation, params.attribution_metrics
        for table in pairs_of_groups(*groups, snakemake.threads):
            append(table)
