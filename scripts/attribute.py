"""Attribute the predictions of one member to the pixels of the attribution images."""

from pathlib import Path

import numpy as np

from resiliency.base.faults import Progress
from resiliency.data.pictures import read_images
from resiliency.data.split import probe_indices
from resiliency.designs.members import named_factories
from resiliency.designs.networks import read_member
from resiliency.prediction.attributions import NO_MAP, attribution_maps
from resiliency.storage import read_array, write_array, write_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    labels = read_array(inputs.labels)
    chosen = probe_indices(labels, params.n_probe_images, params.seed)
    images, labels = read_images(inputs.images)[chosen], labels[chosen]
    network, member = read_member(Path(inputs.weights).parent, named_factories(snakemake.config))
    reasons, progress = {}, Progress(len(params.methods))
    for method, path in zip(params.methods, outputs.maps, strict=True):
        maps = attribution_maps(
            method, network, member, images, labels, params.target, params.steps
        )
        reasons |= {method: NO_MAP} if np.isnan(maps).all() else {}
        write_array(path, maps)
        progress.step(f"{method} skipped: {NO_MAP}" if method in reasons else method)
    write_json(outputs.skipped, reasons)
