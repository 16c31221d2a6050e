"""Choose the ensembles that are most robust for their cost on half of the test images; judge them on the others."""

from resiliency.analysis.deployment import candidate_table, deployment_table, halves
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.ensembles.voting import VOTE
from resiliency.names import CLEAN
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members, ensembles = read_table(inputs.members), read_table(inputs.ensembles)
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)
    members = members[members.member.isin(predictions)].reset_index(drop=True)
    in_order = [predictions[member] for member in members.member]
    rule = params.rule if all(member.has_probabilities for member in in_order) else VOTE
    chosen_by = params.objective, params.quantile
    scored = EnsembleErrors(in_order, member_weights(members), rule, *chosen_by)
    chosen, judged = halves(scored.labels(CLEAN), params.seed)
    of_rule = ensembles[ensembles["rule"] == rule]
    candidates = candidate_table(members, of_rule, scored, params.max_size, chosen)
    print(f"{len(candidates):,} candidates, chosen on {len(chosen):,} images, judged on {len(judged):,}")
    drawn = params.resamples, params.confidence, params.seed
    table = deployment_table(candidates, members, scored, chosen, judged, params.baseline, *drawn)
    write_table(snakemake.output.deployment, table)
    write_table(snakemake.output.candidates, candidates)
