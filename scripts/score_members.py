"""Score every member: accuracy, calibration, corrupted error and cost; and gather how each was trained."""

from pathlib import Path

from resiliency.analysis.intervals import Resampling
from resiliency.analysis.member_tables import member_tables
from resiliency.analysis.shifts import with_shifted_error
from resiliency.designs.members import Member
from resiliency.prediction.reading import read_predictions
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    conditions = read_table(inputs.conditions)
    tables = member_tables(
        [Member.read(path) for path in inputs.descriptions],
        conditions,
        read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units),
        [read_table(path) for path in inputs.external_errors],
        {Path(path).parent.name: read_table(path) for path in inputs.histories},
        params.baseline,
        Resampling(params.resamples, params.confidence, params.seed),
    )
    tables = tables._replace(members=with_shifted_error(tables.members, params.shifts))
    for name, table in tables._asdict().items():
        write_table(snakemake.output.get(name), table)
