"""Score every member: accuracy, calibration, resiliency and cost; and gather how each was trained."""

from pathlib import Path

import pandas as pd

from resiliency.analysis.error_scores import outside_scores
from resiliency.analysis.histories import history_table
from resiliency.analysis.member_scores import CALIBRATION, Scorer
from resiliency.designs.settings import ALEXNET
from resiliency.members import Member
from resiliency.predictions import read_predictions
from resiliency.reliability import member_warnings
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    described = ["member", "origin", "objective", "design", "setting", "strength", "seed", "index"]
    described += ["family", "architecture", "weights_source", "parameters", "macs", "validation_accuracy"]
    conditions = read_table(inputs.conditions)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits)
    scores, errors, calibration = {}, [], [pd.DataFrame(columns=["member", *CALIBRATION])]
    if predictions:
        baseline = None if params.baseline == ALEXNET else predictions[params.baseline]
        scorer = Scorer(conditions, baseline, params.resamples, params.confidence, params.seed)
    for member in predictions:
        scored = scorer.score(predictions[member])
        scores[member] = scored.scores
        errors.append(scored.errors.assign(member=member))
        scored.calibration.insert(0, "member", member)
        calibration.append(scored.calibration)
    columns = ["member", "test_set", "corruption", "severity", "images", "error"]
    errors = pd.concat([*errors, *map(read_table, inputs.external_errors)], ignore_index=True)[columns]
    scores |= outside_scores(errors, list(scores), params.baseline, params.confidence)
    members = []
    for member in map(Member.read, inputs.descriptions):
        known = {key: getattr(member, key) for key in described}
        known |= {"architecture": member.architecture or member.factory, "recipe": member.recipe}
        of_member, warnings = scores[member.member], []
        if member.member in predictions:
            steps = (member.training_cost or {}).get("steps")
            labels = predictions[member.member].labels(0)
            warnings = member_warnings(of_member["clean_accuracy"], labels, steps)
        if warnings:
            print(f"warning: {member.member}: {', '.join(warnings)}")
        members.append(known | of_member | {"warnings": ", ".join(warnings)})
    table = pd.DataFrame(members)
    write_table(outputs.members, table)
    histories = {Path(path).parent.name: read_table(path) for path in inputs.histories}
    write_table(outputs.histories, history_table(table, histories))
    write_table(outputs.errors, errors[errors["test_set"].isin(conditions["test_set"])])
    write_table(outputs.calibration, pd.concat(calibration))
