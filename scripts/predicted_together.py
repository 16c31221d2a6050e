"""Note that all jobs of several loaded members are done, in a file whose name depends on none of them."""

from resiliency.stage import stage
from resiliency.storage.files import write_json

with stage(snakemake.log[0]):
    write_json(snakemake.output[0], list(snakemake.input))
