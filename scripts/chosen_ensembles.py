"""Choose ensembles by clean error on half of the test images; judge them on other images."""

from resiliency.analysis.choices import choice_of
from resiliency.analysis.chosen_ensembles import chosen_table
from resiliency.analysis.pool import pool_of
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits, units=inputs.units)
    pool = pool_of(read_table(inputs.members), predictions, params.rule, params.min_clean_accuracy)
    of_pool = pool.ensembles(read_table(inputs.ensembles))
    chosen, _ = pool.halves(params.seed)
    choice = choice_of(pool.members, of_pool, pool.scored, params.max_size, chosen)
    write_table(snakemake.output[0], chosen_table(choice, params.confidence))
