"""Write the order of conditions that all stages share."""

from resiliency.conditions import conditions
from resiliency.stage import stage
from resiliency.tables import write_table

with stage(snakemake.log[0]):
    write_table(snakemake.output[0], conditions(snakemake.params.corruptions, snakemake.params.severities))
