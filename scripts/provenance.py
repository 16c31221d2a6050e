"""Record what the results came from, and what they cost."""

from pathlib import Path

from resiliency.files import write_json
from resiliency.provenance import provenance
from resiliency.stage import stage

with stage(snakemake.log[0], snakemake.threads):
    output, params = snakemake.output[0], snakemake.params
    written = provenance(params.study, params.repository, Path(output).parent, snakemake.input.descriptions)
    write_json(output, written)
