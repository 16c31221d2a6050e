"""Record what the results came from, and what they cost."""

from pathlib import Path

from resiliency.provenance import provenance
from resiliency.stage import stage
from resiliency.storage.files import write_json
from resiliency.storage.runs import FILES, hashes

with stage(snakemake.log[0]):
    output, descriptions = snakemake.output[0], snakemake.input.descriptions
    written = provenance(snakemake.params.study, snakemake.scriptdir, Path(output).parent, descriptions)
    files = hashes(Path(output).parent, snakemake.params.files)
    write_json(output, written | {FILES: files})
