"""Describe the imported members, with the sizes of architectures that timm has."""

from resiliency.devices.stage import stage
from resiliency.external.predictions import described_members, descriptions, read_members

with stage(snakemake.log[0]):
    params = snakemake.params
    table = described_members(params.kinds, [read_members(file) for file in snakemake.input])
    members = descriptions(table, params.kinds, params.image_size)
    for path, member in zip(snakemake.output, members, strict=True):
        member.write(path)
