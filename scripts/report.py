"""Write the report."""

from pathlib import Path

from resiliency.checksums import verified
from resiliency.files import read_json, replacing
from resiliency.report.page import render
from resiliency.stage import stage
from resiliency.tables import read_table

with stage(snakemake.log[0]):
    inputs = snakemake.input
    names = ("members", "corruption_errors", "ensembles", "deployment", "observations")
    html = render(
        study=snakemake.params.study,
        card=read_json(inputs.card),
        test_sets={Path(path).parent.name: read_json(path) for path in inputs.test_sets},
        provenance=read_json(inputs.provenance),
        tables={name: read_table(getattr(inputs, name)) for name in names},
        specs={Path(path).name.removesuffix(".vl.json"): read_json(path) for path in inputs.specs},
        svgs={Path(path).stem: verified(path).read_text(encoding="utf-8") for path in inputs.svgs},
    )
    with replacing(snakemake.output[0]) as temporary:
        temporary.write_text(html, encoding="utf-8")
