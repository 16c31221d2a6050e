"""Select ensembles on half of the test images, by clean error and by robustness for cost; evaluate on the others."""

from resiliency.analysis.choices import LATENCY, choice_of, deployable_pool, limit_columns, pool_of
from resiliency.analysis.deployment import candidate_table, chosen_table, deployment_table
from resiliency.analysis.failures import cost_matrix, read_costs
from resiliency.ensembles.settings import Deployment, Ensembles
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.statistics.resampling import Resampling
from resiliency.storage.files import read_json
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    settings, formed, by = Deployment(**params.deployment), Ensembles(**params.ensembles), "macs"
    members, ensembles = read_table(inputs.members), read_table(inputs.ensembles)
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits, units=inputs.units)

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
        resampling = Resampling(params.resamples, params.confidence, params.seed)
        table = deployment_table(
            candidates, members, scored, selection, evaluation, params.baseline, resampling, by, settings.margin
        )
        write_table(outputs.deployment, table.assign(**limit_columns(settings.limits)))
        write_table(outputs.candidates, candidates)
