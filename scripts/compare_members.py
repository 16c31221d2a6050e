"""Compare members' accuracy on shifted images with what clean accuracy predicts, and list what
stages left out."""

from resiliency.analysis.compared_members import robustness_table, skipped_table
from resiliency.storage import read_array, read_json, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    members = read_table(inputs.members)
    if outputs.robustness:
        write_table(outputs.robustness, robustness_table(members, params.reference))
    skipped = skipped_table(
        members,
        dict(zip(params.networks, map(read_json, inputs.skipped), strict=True)),
        dict(zip(params.networks, map(read_array, inputs.stages), strict=True)),
        params.kinds,
        params.left_out,
        params.lacking,
        params.for_few,
        read_table(inputs.conditions),
        params.min_clean_accuracy,
    )
    write_table(outputs.skipped, skipped)
