"""Test the observations of the paper of which the study says something."""

from resiliency.analysis.observations.study import observations
from resiliency.analysis.verdicts import observation_table
from resiliency.analysis.without_images import NOTHING, EnsembleTables, WithoutImages
from resiliency.stage import stage
from resiliency.storage.tables import read_distinct, read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    of_ensembles, without = None, inputs.without_images
    if inputs.ensembles:
        of_ensembles = EnsembleTables(
            ensembles=read_table(inputs.ensembles),
            metrics=read_distinct(inputs.pairs, ["kind", "metric"]),
            without_images=WithoutImages(*map(read_table, without)) if without else NOTHING,
            image_errors=read_table(inputs.image_errors),
        )
    images = int(read_table(inputs.conditions).images.iloc[0])
    settings = params.rule, params.reference, params.target, params.shifts
    tested = observations(read_table(inputs.members), images, of_ensembles, *settings)
    write_table(snakemake.output[0], observation_table(tested, params.confidence))
