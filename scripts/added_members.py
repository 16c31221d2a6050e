"""Rank members that were added to the study, find their best partners, and the images on which they stand alone."""

from resiliency.analysis.added_members import added_table, alone_table, partner_table
from resiliency.analysis.choices import pool_of
from resiliency.data.pictures import read_items
from resiliency.devices.stage import stage
from resiliency.ensembles.settings import Ensembles
from resiliency.prediction.reading import read_predictions
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params, outputs = snakemake.input, snakemake.params, snakemake.output
    conditions = read_table(inputs.conditions)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    items = dict(zip(conditions["test_set"].unique(), map(read_items, inputs.images), strict=True))
    pool = pool_of(read_table(inputs.members), predictions, Ensembles(**params.ensembles))
    of_pool = pool.ensembles(read_table(inputs.ensembles))
    alone = alone_table(predictions, items, params.added)
    write_table(outputs.alone, alone)
    write_table(outputs.added, added_table(read_table(inputs.ranks), alone, params.added))
    write_table(
        outputs.partners, partner_table(pool, of_pool, params.added, *pool.halves(params.seed), params.confidence)
    )
