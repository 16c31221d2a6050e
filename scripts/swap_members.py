"""Compare pairs of members with pairs in which an equally accurate stranger replaces one of them."""

import pandas as pd

from resiliency.analysis.pair_counts import pair_counts
from resiliency.analysis.swaps import swap_table
from resiliency.analysis.votes_of_four import vote_table
from resiliency.prediction.reading import condition_groups, read_predictions
from resiliency.storage.tables import read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake.log[0], snakemake.params.code):
    inputs, params = snakemake.input, snakemake.params
    conditions, members = read_table(inputs.conditions), read_table(inputs.members)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    known = members[members["member"].isin(predictions)].reset_index(drop=True)
    of_members = [predictions[name] for name in known["member"]]
    of_images, settings = condition_groups(conditions), (params.confidence, params.seed)
    counts = {images: pair_counts(of_members, rows, params.seed) for images, rows in of_images.items()}
    tables = [swap_table(known, counts, *settings)]
    if not all(of.has_probabilities for of in of_members):
        votes = {
            images: vote_table(known, of_members, rows, counts[images], *settings) for images, rows in of_images.items()
        }
        tables += [table.assign(images=images, confidence=params.confidence) for images, table in votes.items()]
    write_table(snakemake.output[0], pd.concat([table for table in tables if len(table)] or tables[:1]))
