"""Draw the charts."""

from pathlib import Path

import pandas as pd

from resiliency.report.drawing import TABLES, draw, write_chart
from resiliency.stage import stage
from resiliency.tables import read_table

with stage(snakemake.log[0]):
    settings = snakemake.params.charts
    files = {name: getattr(snakemake.input, name, None) for name in TABLES}
    tables = {name: read_table(path) if path else pd.DataFrame() for name, path in files.items()}
    paths = [Path(path) for path in snakemake.output]
    names = [path.name.partition(".")[0] for path in paths]
    specs = {name: draw(name, tables, settings["colours"]) for name in dict.fromkeys(names)}
    for path, name in zip(paths, names, strict=True):
        write_chart(path, specs[name], settings["pixels_per_point"])
