"""Score every member: accuracy, calibration, resiliency and cost; and gather how each was trained."""

from pathlib import Path

import pandas as pd

from resiliency.analysis.histories import history_table
from resiliency.analysis.member_scores import Scorer
from resiliency.designs.settings import ALEXNET
from resiliency.files import read_json
from resiliency.predictions import read_predictions
from resiliency.reliability import member_warnings
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    params = snakemake.params
    described = ["member", "origin", "objective", "design", "setting", "strength", "seed", "index"]
    described += ["family", "architecture", "weights_source", "parameters", "macs", "validation_accuracy"]
    conditions = read_table(snakemake.input.conditions)
    predictions = read_predictions(conditions, snakemake.input.labels, snakemake.input.logits)
    baseline = None if params.baseline == ALEXNET else predictions[params.baseline]
    scorer = Scorer(conditions, baseline, params.resamples, params.confidence, params.seed)
    members, errors, calibration = [], [], []
    for description in snakemake.input.descriptions:
        member = read_json(description)
        scored = scorer.score(predictions[member["member"]])
        member["architecture"] = member["architecture"] or member["factory"]
        steps = (member["training_cost"] or {}).get("steps")
        warnings = member_warnings(scored.scores["clean_accuracy"], predictions[member["member"]].labels(0), steps)
        if warnings:
            print(f"warning: {member['member']}: {', '.join(warnings)}")
        members.append({key: member[key] for key in described} | scored.scores | {"warnings": ", ".join(warnings)})
        errors.append(scored.errors.assign(member=member["member"]))
        scored.calibration.insert(0, "member", member["member"])
        calibration.append(scored.calibration)
    table = pd.DataFrame(members)
    write_table(snakemake.output.members, table)
    histories = {Path(path).parent.name: read_table(path) for path in snakemake.input.histories}
    write_table(snakemake.output.histories, history_table(table, histories))
    columns = ["member", "test_set", "corruption", "severity", "images", "error"]
    write_table(snakemake.output.errors, pd.concat(errors)[columns])
    write_table(snakemake.output.calibration, pd.concat(calibration))
