"""Record the origin and cost of the results, and write the report."""

from os.path import relpath
from pathlib import Path

from resiliency.report.page import render
from resiliency.report.provenance import provenance
from resiliency.report.settings import PAGE_TABLES
from resiliency.storage import read_json, read_table, replacing, write_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    results, charts = Path(outputs.provenance).parent, list(map(Path, inputs.charts))
    specs = {
        path.name.removesuffix(".vl.json"): read_json(path)
        for path in charts
        if path.suffix == ".json"
    }
    written = provenance(params.study, snakemake.scriptdir, results, inputs.descriptions)
    write_json(outputs.provenance, written | {"tables": list(params.made), "charts": list(specs)})
    made = zip(params.made, inputs.tables, strict=True)
    html = render(
        study=params.study,
        card=read_json(inputs.card) if inputs.card else None,
        test_sets={Path(path).parent.name: read_json(path) for path in inputs.test_sets},
        units=dict(zip(params.resampled, map(read_json, inputs.units), strict=True)),
        provenance=read_json(outputs.provenance),
        tables={name: read_table(path) for name, path in made if name in PAGE_TABLES},
        specs=specs,
        svgs={
            path.stem: path.read_text(encoding="utf-8") for path in charts if path.suffix == ".svg"
        },
        made=params.made,
        added=params.added,
        export=params.export,
        docs=relpath(Path(snakemake.scriptdir).parent / "docs/{}.md", results),
    )
    with replacing(outputs.page) as temporary:
        temporary.write_text(html, encoding="utf-8")
