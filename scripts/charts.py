"""Draw the charts."""

from itertools import groupby
from pathlib import Path

import pandas as pd

from resiliency.report.drawing import TABLES, draw, write_chart
from resiliency.storage.tables import read_table
from resiliency.study.stage import stage

with stage(snakemake.log[0], snakemake.params.code):
    settings = snakemake.params.charts
    inputs = {name: getattr(snakemake.input, name, None) for name in TABLES}
    tables = {name: read_table(path) if path else pd.DataFrame() for name, path in inputs.items()}
    for name, files in groupby(map(Path, snakemake.output), lambda path: path.name.partition(".")[0]):
        write_chart(files, draw(name, tables, settings["colours"]), settings["pixels_per_point"])
