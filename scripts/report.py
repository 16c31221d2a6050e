"""Write the report."""

from pathlib import Path

from resiliency.report.page import render
from resiliency.stage import stage
from resiliency.storage.checksums import verified
from resiliency.storage.files import read_json, replacing
from resiliency.storage.tables import read_table

with stage(snakemake.log[0]):
    inputs = snakemake.input
    html = render(
        study=snakemake.params.study,
        card=read_json(inputs.card) if inputs.card else None,
        test_sets={Path(path).parent.name: read_json(path) for path in inputs.test_sets},
        units=dict(zip(snakemake.params.resampled, map(read_json, inputs.units), strict=True)),
        provenance=read_json(inputs.provenance),
        tables={Path(path).stem: read_table(path) for path in inputs.tables},
        specs={Path(path).name.removesuffix(".vl.json"): read_json(path) for path in inputs.specs},
        svgs={Path(path).stem: verified(path).read_text(encoding="utf-8") for path in inputs.svgs},
        made=snakemake.params.made,
        added=snakemake.params.added,
    )
    with replacing(snakemake.output[0]) as temporary:
        temporary.write_text(html, encoding="utf-8")
