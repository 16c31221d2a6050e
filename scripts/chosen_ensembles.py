"""Choose ensembles by their clean error on one half of the test images; judge them on the other and on other sets."""

from resiliency.analysis.chosen_ensembles import chosen_table
from resiliency.analysis.deployment import halves
from resiliency.analysis.pool import pool_of
from resiliency.names import CLEAN
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)
    pool = pool_of(read_table(inputs.members), predictions, params.rule, params.min_clean_accuracy)
    chosen, judged = halves(pool.scored.labels(CLEAN), params.seed)
    of_pool = pool.ensembles(read_table(inputs.ensembles))
    table = chosen_table(pool.members, of_pool, pool.scored, params.max_size, chosen, judged, params.confidence)
    write_table(snakemake.output[0], table)
