"""Fit temperatures on validation images, judge confidence, and choose thresholds for abstaining."""

from resiliency.analysis.deployed import assessment, named_in
from resiliency.analysis.intervals import Resampling
from resiliency.data.split import calibration_indices
from resiliency.prediction.reading import read_predictions, read_validation
from resiliency.stage import stage
from resiliency.storage.files import read_array
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    deployment, validation = read_table(inputs.deployment), {}
    needed = named_in(deployment["members"])
    if inputs.validation:
        labels = read_array(inputs.validation_labels)
        validation = read_validation(inputs.validation, labels[calibration_indices(labels, params.seed)], needed)
    tables = assessment(
        deployment,
        read_table(inputs.members),
        read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits, needed, inputs.units),
        validation,
        Resampling(params.resamples, params.confidence, params.seed),
    )
    for name, table in tables._asdict().items():
        write_table(outputs.get(name), table)
