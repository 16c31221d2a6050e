"""Attribute the answers of the members of one design or setting to the pixels of the probe images."""

from pathlib import Path

from resiliency.attributions import NOT_DIFFERENTIABLE, maps_or_reason
from resiliency.base.progress import Progress
from resiliency.data.images import read_images
from resiliency.data.split import probe_indices
from resiliency.designs.networks import is_differentiable, read_member
from resiliency.stage import stage
from resiliency.storage.files import read_array, write_array, write_json

with stage(snakemake.log[0], snakemake.resources.gpu):
    params = snakemake.params
    labels = read_array(snakemake.input.labels)
    chosen = probe_indices(labels, params.probe_images, params.seed)
    images, labels = read_images(snakemake.input.images)[chosen], labels[chosen]
    progress = Progress(len(snakemake.input.weights))
    outputs = iter(snakemake.output.maps)
    for weights, skipped in zip(snakemake.input.weights, snakemake.output.skipped, strict=True):
        network, member = read_member(Path(weights).parent)
        reasons = {} if is_differentiable(network) else {"features": NOT_DIFFERENTIABLE}
        for method in params.methods:
            maps, reason = maps_or_reason(method, network, member, images, labels, params.target, params.steps)
            if reason:
                reasons[method] = reason
            write_array(next(outputs), maps)
        write_json(skipped, reasons)
        progress.step(member.member + "".join(f"; {method} skipped: {why}" for method, why in reasons.items()))
