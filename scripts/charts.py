"""Draw the charts."""

from itertools import groupby
from pathlib import Path

import pandas as pd

from resiliency.report.drawing import TABLES, draw, write_chart
from resiliency.storage import read_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    tables = {
        name: read_table(path) if (path := inputs.get(name)) else pd.DataFrame() for name in TABLES
    }
    settings = params.charts
    for name, files in groupby(map(Path, outputs), lambda path: path.name.partition(".")[0]):
        write_chart(files, draw(name, tables, settings["colours"]), settings["pixels_per_point"])
