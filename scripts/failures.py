"""Count what the recommended ensemble and the best member confuse, and show failures of the former."""

from resiliency.analysis.contenders import contenders
from resiliency.analysis.deployed import failures, named_in
from resiliency.analysis.pictures import failure_pictures
from resiliency.data.images import read_conditions, read_items
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    roles = contenders(read_table(inputs.deployment))
    conditions = read_table(inputs.conditions)
    needed = named_in(row["members"] for row in roles.values())
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, needed, inputs.units)
    tables = failures(
        roles,
        read_table(inputs.members),
        read_table(inputs.temperatures),
        predictions,
        read_items(inputs.named)[1] if inputs.named else [],
        read_json(inputs.card)["classes"] if inputs.card else params.classes,
        params.confidence,
        params.seed,
    )
    write_table(outputs.confusions, tables.confusions)
    write_table(outputs.class_errors, tables.class_errors)
    write_table(outputs.failures, tables.failures)
    if outputs.pictures:
        images = read_conditions(inputs.images, inputs.corrupted)
        write_table(outputs.pictures, failure_pictures(tables.failures, conditions, images))
