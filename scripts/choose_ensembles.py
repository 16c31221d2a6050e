"""Select ensembles on half of the test images and evaluate on the others; measure how often members fail together."""

import numpy as np

from resiliency.analysis.choices import LATENCY, choice_of, deployable_pool, limit_columns, pool_of
from resiliency.analysis.coincident_failures import (
    ceiling_table,
    failure_table,
    failures,
    sizes_of,
    unit_of,
    with_best,
)
from resiliency.analysis.deployment import candidate_table, chosen_table, deployment_table
from resiliency.base.names import CLEAN, CORRUPTED, design_of
from resiliency.devices.stage import stage
from resiliency.ensembles.settings import Deployment, Ensembles
from resiliency.metrics.costs import cost_matrix, read_costs
from resiliency.prediction.reading import read_predictions
from resiliency.statistics.resampling import Resampling
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    settings, formed, by = Deployment(**params.deployment), Ensembles(**params.ensembles), "macs"
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    conditions, members, ensembles = map(read_table, (inputs.conditions, inputs.members, inputs.ensembles))
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)

    combined = {name: predictions[name] for name in params.combined}
    pool = pool_of(members, combined, formed)
    selection, evaluation = pool.halves(params.seed)
    choice = choice_of(pool.members, pool.ensembles(ensembles), pool.scored, settings.max_size, selection)
    write_table(outputs.chosen, chosen_table(choice, params.confidence))

    if outputs.deployment:
        if inputs.latencies:
            by, latencies = LATENCY, read_table(inputs.latencies).set_index("member")
            members[LATENCY] = members.member.map(latencies.median_ms)
        costs = cost_matrix(read_costs(inputs.costs), read_json(inputs.card)["classes"]) if inputs.costs else None
        members, scored = deployable_pool(
            members, predictions, formed.main_rule, settings.objective, settings.quantile, costs
        )
        of_rule = ensembles[ensembles["rule"] == scored.rule]
        among = settings.limits, formed.min_clean_accuracy
        candidates = candidate_table(members, of_rule, scored, settings.max_size, selection, *among)
        print(
            f"{len(candidates):,} candidates, selected on {len(selection):,} images, evaluated on {len(evaluation):,}"
        )
        table = deployment_table(
            candidates, members, scored, selection, evaluation, params.baseline, resampling, by, settings.margin
        )
        write_table(outputs.deployment, table.assign(**limit_columns(settings.limits)))
        write_table(outputs.candidates, candidates)

    of_images, numbers = next(iter(combined.values())).units_of_test_sets(), range(len(conditions))
    wrong = [~np.stack([member.correct(condition) for member in combined.values()]) for condition in numbers]
    designs = list(map(design_of, combined))
    write_table(outputs.failures, failure_table(wrong, designs, conditions, resampling, of_images))

    sizes, units = sizes_of(len(pool.members)), unit_of(list(pool.members.design))
    of_conditions = (
        failures(
            np.stack([member.decisions(condition) for member in pool.scored.predictions]),
            pool.scored.predictions[0].labels(condition),
            sizes,
            units,
        )
        for condition in numbers
    )
    table, everyone = ceiling_table(conditions, of_conditions, sizes, len(pool.members), params.confidence, of_images)
    choices = {CLEAN: read_table(outputs.chosen)}
    if outputs.candidates:
        deployable = read_table(outputs.candidates)
        choices[CORRUPTED] = deployable.assign(selection_accuracy=1 - deployable.selection_error)
    names = list(pool.members.member)
    table = with_best(table, everyone, choices, names, pool.scored, evaluation, params.confidence)
    write_table(outputs.ceiling, table.assign(confidence=params.confidence))
