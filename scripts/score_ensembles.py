"""Score ensembles of independent members and of sub-networks of the search, all or a sample, and
joint ones."""

from resiliency.base.names import averaged
from resiliency.ensembles.settings import Ensembles
from resiliency.ensembles.table import EnsemblesOfStudy
from resiliency.metrics.classification import baseline_errors
from resiliency.prediction.reading import corruption_conditions, read_predictions
from resiliency.storage import read_blocks, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    conditions = read_table(inputs.conditions)
    corruptions = averaged(corruption_conditions(conditions))
    baseline = baseline_errors(read_table(inputs.errors), params.baseline, corruptions)
    tables = EnsemblesOfStudy(
        read_table(inputs.members),
        read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units),
        lambda: read_blocks(inputs.pairs),
        baseline,
        Ensembles(**params.settings),
        params.confidence,
        params.seed,
        snakemake.threads,
    ).tables()
    for name, table in tables.items():
        write_table(outputs.get(name), table)
