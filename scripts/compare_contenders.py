"""Compare the best ensemble, the best member and the baseline: errors under each corruption, and calibration."""

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import Judged
from resiliency.analysis.contenders import (
    CALIBRATION,
    UNDER_CORRUPTION,
    calibration_bins,
    contenders,
    errors_under,
    under_corruptions,
)
from resiliency.analysis.deployment import halves
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.outputs import Ensemble
from resiliency.names import CORRUPTED
from resiliency.predictions import read_predictions
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    conditions, members = read_table(inputs.conditions), read_table(inputs.members)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits)
    weights = dict(zip(members.member, member_weights(members), strict=True))
    own = next(iter(predictions.values())).labels(0)
    judged = Judged(conditions, halves(own, params.seed)[1], params.resamples, params.confidence, params.seed)
    roles = contenders(read_table(inputs.deployment))
    errors, bins = {}, [pd.DataFrame(columns=CALIBRATION)]
    for role, row in roles.items():
        names = row.members.split("+")
        of_role = [predictions[name] for name in names]
        ensemble = Ensemble(of_role, np.array([weights[name] for name in names]), row.rule)
        errors[role] = errors_under(ensemble, judged)
        bins.append(calibration_bins(ensemble, judged).assign(role=role, members=row.members, size=row["size"]))
    corruptions = conditions.corruption.iloc[judged.conditions[CORRUPTED]]
    table = under_corruptions(errors, corruptions, judged.counts[CORRUPTED], params.confidence)
    who = pd.DataFrame([{"role": role, "members": row.members, "size": row["size"]} for role, row in roles.items()])
    if len(table):
        table = table.merge(who, on="role")
    table = table.reindex(columns=UNDER_CORRUPTION).assign(confidence=params.confidence)
    write_table(outputs.under_corruptions, table)
    write_table(outputs.calibration, pd.concat(bins, ignore_index=True)[CALIBRATION])
