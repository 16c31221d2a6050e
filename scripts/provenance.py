"""Record what the results came from, and what they cost."""

from pathlib import Path

from resiliency.files import write_json
from resiliency.provenance import provenance
from resiliency.stage import stage

with stage(snakemake.log[0], snakemake.threads):
    results = Path(snakemake.output[0]).parent
    write_json(snakemake.output[0], provenance(snakemake.params.study, snakemake.scriptdir, results))
