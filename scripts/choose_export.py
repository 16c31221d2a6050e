"""Choose the row of deployment.csv that is exported, or say why it cannot be, before an earlier export is replaced."""

from pathlib import Path

from resiliency.designs.members import Member
from resiliency.devices.stage import stage
from resiliency.export.choice import exportable_row
from resiliency.storage.files import read_json, write_json
from resiliency.storage.tables import read_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members = [Member.read(path) for path in inputs.descriptions]
    row = exportable_row(read_table(inputs.deployment), params.ensemble, members, params.of_files)
    write_json(snakemake.output[0], {"number": int(row.number), "members": row.members})
    former = Path(snakemake.output[0]).parents[1] / "export/ensemble.json"
    if former.is_file() and (members := "+".join(read_json(former)["members"])) != row.members:
        print(f"warning: the export of {row.members} replaces that of {members}; copy a folder that you want to keep")
