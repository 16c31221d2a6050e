"""List what stages left out, of which members and why."""

from resiliency.analysis.effective_robustness import skipped_table
from resiliency.stage import stage
from resiliency.storage.files import read_array, read_json
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    table = skipped_table(
        read_table(inputs.members),
        dict(zip(params.networks, map(read_json, inputs.skipped), strict=True)),
        dict(zip(params.networks, map(read_array, inputs.stages), strict=True)),
        params.kinds,
        params.left_out,
        params.lacking,
        params.for_few,
        read_table(inputs.conditions),
        params.min_clean_accuracy,
    )
    write_table(snakemake.output[0], table)
