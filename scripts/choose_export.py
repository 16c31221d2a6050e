"""Choose the row of deployment.csv that is exported, or say why it cannot be, before an earlier
export is replaced."""

from resiliency.designs.members import Member
from resiliency.export.loading import exportable_row
from resiliency.storage import read_table, write_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    members = [Member.read(path) for path in inputs.descriptions]
    row = exportable_row(read_table(inputs.deployment), params.ensemble, members, params.of_files)
    write_json(outputs[0], {"number": int(row.number), "members": row.members})
