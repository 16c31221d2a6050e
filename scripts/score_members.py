"""Score and rank every member: accuracy, corrupted error, calibration and cost; and gather how each
was trained."""

from pathlib import Path

from resiliency.analysis.compared_members import rank_table
from resiliency.analysis.member_tables import member_tables, with_shifted_error
from resiliency.designs.members import Member
from resiliency.prediction.reading import read_predictions
from resiliency.statistics.resampling import Resampling
from resiliency.storage import read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    conditions = read_table(inputs.conditions)
    predictions = read_predictions(conditions, inputs.labels, inputs.logits, units=inputs.units)
    tables = member_tables(
        [Member.read(path) for path in inputs.descriptions],
        conditions,
        predictions,
        [read_table(path) for path in inputs.external_errors],
        {Path(path).parent.name: read_table(path) for path in inputs.histories},
        params.baseline,
        params.confidence,
    )
    tables["members"] = with_shifted_error(tables["members"], params.shifts)
    for name, table in tables.items():
        write_table(outputs.get(name), table)
    if outputs.ranks:
        resampling = Resampling(params.resamples, params.confidence, params.seed)
        write_table(outputs.ranks, rank_table(conditions, predictions, resampling))
