"""Measure how long each network takes for one image on one thread of this machine's CPU."""

import platform
from pathlib import Path

import numpy as np

from resiliency.data.images import images_at, read_images
from resiliency.export.loading import read_networks
from resiliency.export.module import Deployable
from resiliency.export.timing import latencies
from resiliency.provenance import processor
from resiliency.stage import stage
from resiliency.storage.tables import write_table

with stage(snakemake.log[0]):
    inputs = snakemake.input
    image = np.asarray(images_at(read_images(inputs.images), np.array([0]))[:])
    networks = read_networks(Path(path).parent for path in inputs.weights)
    models = [Deployable([network], [1.0], "mean_probability", 1).eval() for network in networks]
    table = latencies(models, image, f"{processor()}, {platform.system()}")
    print(f"{len(table):,} networks, {table.rounds.max()} rounds")
    write_table(snakemake.output[0], table)
