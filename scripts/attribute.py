"""Attribute the answers of the members of one design or setting to the pixels of the probe images."""

from pathlib import Path

from resiliency.attributions import attribution_maps
from resiliency.data.images import read_images
from resiliency.data.split import probe
from resiliency.designs.networks import read_member
from resiliency.files import read_array, write_array
from resiliency.stage import Progress, stage

with stage(snakemake.log[0], snakemake.threads):
    params = snakemake.params
    labels = read_array(snakemake.input.labels)
    chosen = probe(labels, params.probe_images, params.seed)
    images, labels = read_images(snakemake.input.images)[chosen], labels[chosen]
    progress = Progress(len(snakemake.input.weights))
    outputs = iter(snakemake.output)
    for weights in snakemake.input.weights:
        network, member = read_member(Path(weights).parent)
        for method in params.methods:
            maps = attribution_maps(method, network, member, images, labels, params.target, params.steps)
            write_array(next(outputs), maps)
        progress.step(member["member"])
