"""Compare pairs of members with pairs in which an equally accurate stranger replaces one of
them."""

from resiliency.analysis.swaps import whole_table
from resiliency.prediction.reading import read_predictions
from resiliency.storage import read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    conditions, members = read_table(inputs.conditions), read_table(inputs.members)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    known = members[members["member"].isin(predictions)].reset_index(drop=True)
    of_members = [predictions[name] for name in known["member"]]
    table = whole_table(known, of_members, conditions, params.confidence, params.seed)
    write_table(outputs[0], table)
