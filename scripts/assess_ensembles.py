"""Fit temperatures on validation images, and judge how confidence tells wrong answers from right ones."""

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import Judged, selective_rows, temperature_of, temperature_rows
from resiliency.analysis.deployment import halves
from resiliency.analysis.early_exit import COLUMNS, cheapest_first, early_exit
from resiliency.data.split import calibration
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.outputs import Ensemble
from resiliency.files import read_array
from resiliency.predictions import read_predictions, read_validation
from resiliency.progress import Progress
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    conditions, members = read_table(inputs.conditions), read_table(inputs.members).set_index("member")
    deployment = read_table(inputs.deployment)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits)
    validation = {}
    if inputs.validation:
        labels = read_array(inputs.validation_labels)
        validation = read_validation(inputs.validation, labels[calibration(labels, params.seed)])
    weights = dict(zip(members.index, member_weights(members), strict=True))
    loaded = members.weights_source.str.startswith(("file ", "pretrained "))
    own = next(iter(predictions.values())).labels(0)
    chosen, rest = halves(own, params.seed)
    judged = Judged(conditions, rest, params.resamples, params.confidence, params.seed)
    progress = Progress(len(deployment), pause=5)
    selective, temperatures, curves, exits = [], [], [], []
    for row in deployment.itertuples():
        names = row.members.split("+")

        def ensemble(of: dict, names: list[str] = names, rule: str = row.rule) -> Ensemble | None:
            complete = all(name in of for name in names)
            return Ensemble([of[n] for n in names], np.array([weights[n] for n in names]), rule) if complete else None

        temperature = temperature_of(ensemble(validation), bool(loaded[names].any()))
        of_scores, of_curves = selective_rows(ensemble(predictions), temperature.value, judged)
        key = {"members": row.members, "size": row.size, "rule": row.rule}
        selective += [key | scores for scores in of_scores]
        curves += [key | point for point in of_curves]
        temperatures += [key | changes for changes in temperature_rows(ensemble(predictions), temperature, judged)]
        macs, together = members.macs[names].to_numpy(float), ensemble(predictions)
        if len(names) > 1 and together.has_probabilities and np.isfinite(macs).all():
            order = cheapest_first(macs)
            ordered = [names[place] for place in order]
            outcome = early_exit(ensemble(predictions, ordered), macs[order], chosen, judged)
            exits.append(key | {"order": "+".join(ordered)} | outcome)
        progress.step("ensembles")
    write_table(outputs.selective, pd.DataFrame(selective).assign(confidence=params.confidence))
    write_table(outputs.temperatures, pd.DataFrame(temperatures).assign(confidence=params.confidence))
    write_table(outputs.early_exit, pd.DataFrame(exits, columns=COLUMNS))
    write_table(outputs.curves, pd.DataFrame(curves))
