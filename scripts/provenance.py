"""Record what the results came from, and what they cost."""

from pathlib import Path

from resiliency.files import write_json
from resiliency.provenance import provenance
from resiliency.stage import stage

with stage(snakemake.log[0]):
    output, descriptions = snakemake.output[0], snakemake.input.descriptions
    written = provenance(snakemake.params.study, snakemake.scriptdir, Path(output).parent, descriptions)
    write_json(output, written)
