"""Compare the recommended model with what it has to beat: errors under each corruption, and calibration."""

from resiliency.analysis.contenders import contenders
from resiliency.analysis.deployed import comparison, named_in
from resiliency.analysis.intervals import Resampling
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    roles = contenders(read_table(inputs.deployment))
    needed = named_in(row["members"] for row in roles.values())
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits, needed, inputs.units)
    tables = comparison(
        roles, read_table(inputs.members), predictions, Resampling(params.resamples, params.confidence, params.seed)
    )
    for name, table in tables._asdict().items():
        write_table(outputs.get(name), table)
