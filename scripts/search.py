"""Search the super-network for sub-networks, and make members of those that are chosen."""

from pathlib import Path

from resiliency.search.members import search_members
from resiliency.search.space import Search
from resiliency.study.stage import stage

with stage(snakemake.log[0], snakemake.params.code):
    output, params = snakemake.output, snakemake.params
    search_members(
        folders=[Path(weights).parent for weights in output.weights],
        table=Path(output.table),
        design=params.design,
        descriptions=params.members,
        settings=Search(**params.search),
        data=dict(snakemake.input.items()),
        seed=params.seed,
        workers=snakemake.threads - 1,
        code=params.code,
    )
