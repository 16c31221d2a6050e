"""Compare what designs, sizes, training, seeds and ensembles each buy in error, and what they cost."""

from resiliency.analysis.exchange_rates import exchange_rates
from resiliency.analysis.without_images import EnsembleTables, WithoutImages
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    of_ensembles = None
    if inputs.ensembles:
        of_ensembles = EnsembleTables(
            ensembles=read_table(inputs.ensembles),
            image_errors=read_table(inputs.image_errors),
            without_images=WithoutImages(read_table(inputs.without_images), read_table(inputs.members_without_images)),
        )
    images = int(read_table(inputs.conditions).images.iloc[0])
    settings = images, params.rule, params.confidence, params.reference, params.shifts
    write_table(snakemake.output[0], exchange_rates(read_table(inputs.members), of_ensembles, *settings))
