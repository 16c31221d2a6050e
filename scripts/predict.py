"""Predict clean and corrupted images with the members of one design or setting."""

from pathlib import Path

import numpy as np

from resiliency.data.split import stratified
from resiliency.designs.networks import read_member
from resiliency.files import read_array, write_array
from resiliency.prediction import features, logits
from resiliency.stage import Progress, stage

with stage(snakemake.log[0], snakemake.threads):
    images, labels = read_array(snakemake.input.images), read_array(snakemake.input.labels)
    conditions = [images, *(severity for path in snakemake.input.corrupted for severity in read_array(path))]
    probe = images[stratified(labels, snakemake.params.probe_images, snakemake.params.seed, "probe")]
    progress = Progress(len(snakemake.input.weights))
    for weights, to_logits, to_features in zip(
        snakemake.input.weights, snakemake.output.logits, snakemake.output.features, strict=True
    ):
        network, member = read_member(Path(weights).parent)
        write_array(to_logits, np.stack([logits(network, member, condition) for condition in conditions]))
        write_array(to_features, features(network, member, probe))
        progress.step(member["member"])
