"""What the answers of the recommended model and of its members cost, and which confusions cost most."""

from resiliency.analysis.contenders import contenders
from resiliency.analysis.cost_matrix import cost_matrix, read_costs
from resiliency.analysis.costs import cost_tables
from resiliency.analysis.deployed import named_in
from resiliency.analysis.intervals import Resampling
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    classes = read_json(inputs.card)["classes"]
    matrix = cost_matrix(read_costs(inputs.costs), classes)
    roles = contenders(read_table(inputs.deployment))
    needed = named_in(row["members"] for row in roles.values())
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits, needed, inputs.units)
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    tables = cost_tables(roles, read_table(inputs.members), predictions, matrix, classes, resampling)
    write_table(outputs.costs, tables.costs)
    write_table(outputs.confusions, tables.confusions)
