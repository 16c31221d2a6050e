"""Describe the imported members, with the sizes of architectures that timm has."""

from resiliency.external.contents import described_members, descriptions
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    table = described_members(params.kinds, inputs)
    members = descriptions(table, params.kinds, params.image_size)
    for path, member in zip(outputs, members, strict=True):
        member.write(path)
