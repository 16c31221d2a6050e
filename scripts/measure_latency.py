"""Measure how long the exported program of each network takes for one image on one thread of this machine's CPU."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from resiliency.data.pictures import images_at, read_images
from resiliency.designs.members import Member
from resiliency.devices.stage import stage
from resiliency.export.programs import latencies, measured_members
from resiliency.storage.tables import write_table

with stage(snakemake.log[0]), TemporaryDirectory() as files:
    inputs = snakemake.input
    image = np.asarray(images_at(read_images(inputs.images), np.array([0]))[:])
    folders = {Path(path).parent.name: Path(path).parent for path in inputs.weights}
    measured = measured_members(map(Member.read, inputs.descriptions))
    table = latencies(measured, folders, image, Path(files))
    print(f"{table.measured.nunique():,} programs, {table['rounds'].max()} rounds")
    write_table(snakemake.output[0], table)
