"""Test the observations of the paper that the study can test, and estimate the exchange rates."""

from resiliency.analysis.exchange_rates import exchange_rates
from resiliency.analysis.observations import observations
from resiliency.analysis.verdicts import observation_table
from resiliency.storage import read_distinct, read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    tables = {}
    if inputs.ensembles:
        tables = {"pairs": read_distinct(inputs.pairs, ["kind", "metric"])}
        tables |= {name: read_table(inputs.get(name)) for name in ("ensembles", "image_errors")}
        without = map(read_table, inputs.without_images)
        tables |= dict(zip(("ensembles_without", "members_without"), without, strict=False))
    members, n_images = (
        read_table(inputs.members),
        int(read_table(inputs.conditions).n_images.iloc[0]),
    )
    settings = params.rule, params.reference, params.target, params.shifts
    tested = observations(members, n_images, tables, *settings)
    write_table(outputs.observations, observation_table(tested, params.confidence))
    if outputs.exchange_rates:
        settings = tested, params.rule, params.confidence, params.reference, params.shifts
        write_table(outputs.exchange_rates, exchange_rates(members, tables, *settings))
