"""Assess the ensembles of deployment.csv: calibration and thresholds; confusions, failures and
costs of the best."""

from resiliency.analysis.assessment import assessment
from resiliency.analysis.contenders import FAILURES, comparison, contenders
from resiliency.analysis.pictures import failure_pictures
from resiliency.data.pictures import read_conditions, read_items
from resiliency.data.split import calibration_indices
from resiliency.metrics.classification import cost_matrix, read_costs
from resiliency.prediction.reading import read_predictions, read_validation
from resiliency.statistics.resampling import Resampling
from resiliency.storage import read_array, read_json, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    threads = snakemake.threads
    members, deployment, validation = read_table(inputs.members), read_table(inputs.deployment), {}
    conditions, needed = (
        read_table(inputs.conditions),
        set("+".join(deployment["members"]).split("+")),
    )
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, needed, inputs.units)
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    if inputs.validation:
        labels = read_array(inputs.validation_labels)
        validation = read_validation(
            inputs.validation, labels[calibration_indices(labels, params.seed)], needed
        )
    tables = assessment(
        deployment, members, predictions, validation, resampling, params.wrong, threads
    )
    write_table(outputs.temperatures, tables.pop("temperatures"))
    temperatures = read_table(outputs.temperatures)  # rounded like those that an export applies
    names = read_items(inputs.named)[1] if inputs.named else []
    classes = read_json(inputs.card)["classes"] if inputs.card else params.classes
    matrix = cost_matrix(read_costs(inputs.cost_matrix), classes) if inputs.cost_matrix else None
    tables |= comparison(
        contenders(deployment),
        predictions,
        temperatures,
        names,
        classes,
        resampling,
        matrix,
        threads,
    )
    failures = tables.pop("failures")
    write_table(outputs.failures, failures[FAILURES])
    for name, table in tables.items():
        write_table(outputs.get(name), table)
    if outputs.pictures:
        images = read_conditions(inputs.images, inputs.corrupted)
        write_table(outputs.pictures, failure_pictures(failures, conditions, images))
