"""Search the super-network for sub-networks, and make members of those that are chosen."""

from pathlib import Path

from resiliency.search.searching import search_members
from resiliency.search.space import Search
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    search_members(
        folders=[Path(weights).parent for weights in outputs.weights],
        table=Path(outputs.table),
        design=params.design,
        family=params.family,
        settings=Search(**params.search),
        data=dict(inputs.items()),
        seed=params.seed,
        workers=snakemake.threads - 1,
        code=params.code,
    )
