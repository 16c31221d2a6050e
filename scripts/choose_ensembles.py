"""Select ensembles on half of the test images and evaluate on the others; measure how often members
fail together."""

import numpy as np

from resiliency.analysis.coincident_failures import ceiling_table, failure_table
from resiliency.analysis.deployment import candidate_table, deployable, deployment_table
from resiliency.analysis.judging import halves
from resiliency.base.names import CLEAN, design_of
from resiliency.ensembles.pool import eligible_members
from resiliency.ensembles.settings import Deployment, Ensembles
from resiliency.metrics.classification import cost_matrix, read_costs
from resiliency.prediction.reading import read_predictions
from resiliency.statistics.resampling import Resampling
from resiliency.storage import read_json, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    settings, formed = Deployment(**params.deployment), Ensembles(**params.ensembles)
    resampling = Resampling(params.resamples, params.confidence, params.seed)
    conditions, members = read_table(inputs.conditions), read_table(inputs.members)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    combined = {name: predictions[name] for name in params.combined}
    pool = eligible_members(members, combined, formed)

    if outputs.deployment:
        costs = (
            cost_matrix(read_costs(inputs.costs), read_json(inputs.card)["classes"])
            if inputs.costs
            else None
        )
        members, scorer = deployable(members, predictions, formed.main_rule, settings, costs)
        selection, evaluation = halves(scorer.labels(CLEAN), params.seed, scorer.units(CLEAN))
        ensembles = read_table(inputs.ensembles)
        of_rule = ensembles[ensembles["rule"] == scorer.rule]
        among = settings.limits, formed.min_clean_accuracy
        candidates = candidate_table(members, of_rule, scorer, settings.max_size, selection, *among)
        print(
            f"{len(candidates):,} candidates, selected on {len(selection):,} images, evaluated on "
            f"{len(evaluation):,}"
        )
        table = deployment_table(
            candidates,
            members,
            scorer,
            selection,
            evaluation,
            params.baseline,
            resampling,
            settings.margin,
        )
        limits = {f"limit_{key}": most for key, most in settings.limits if most is not None}
        write_table(outputs.deployment, table.assign(**limits))
        write_table(outputs.candidates, candidates)

    numbers = range(len(conditions))
    wrong = [
        ~np.stack([member.correct(condition) for member in combined.values()])
        for condition in numbers
    ]
    designs = list(map(design_of, combined))
    write_table(outputs.failures, failure_table(wrong, designs, conditions))

    of_pool = [combined[name] for name in pool.member]
    answered = (
        (np.stack([of.decisions(row) for of in of_pool]), of_pool[0].labels(row)) for row in numbers
    )
    units = next(iter(combined.values())).units_of_test_sets()
    ceiling = ceiling_table(answered, list(pool.design), conditions, params.confidence, units)
    write_table(outputs.ceiling, ceiling.assign(confidence=params.confidence))
