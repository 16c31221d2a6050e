"""List what stages left out, of which members and why."""

import pandas as pd

from resiliency.diversity.representations import applicable
from resiliency.external.skipped import skipped_rows
from resiliency.files import read_array, read_json
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    skipped = zip(params.networks, map(read_json, inputs.skipped), strict=True)
    rows = [(member, *item) for member, reasons in skipped for item in reasons.items()]
    staged = zip(params.networks, applicable([read_array(path) for path in inputs.stages]), strict=True)
    why = "the network lists no feature stages (feature_info)"
    rows += [(member, "stages", why) for member, fits in staged if not fits]
    about = params.kinds, params.lacking, params.least_clean_accuracy
    rows += skipped_rows(read_table(inputs.members), *about)
    write_table(snakemake.output[0], pd.DataFrame(rows, columns=["member", "skipped", "reason"]))
