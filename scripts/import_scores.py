"""Read the scores of members from elsewhere."""

from resiliency.base.names import CLEAN
from resiliency.external.tables import error_rows, read_scores
from resiliency.stage import stage
from resiliency.storage.tables import write_table

with stage(snakemake.log[0]):
    params, file = snakemake.params, snakemake.input[0]
    names = [name for of_set in params.layout.values() for name in of_set]
    further = [name for test_set, of_set in params.layout.items() if test_set != CLEAN for name in of_set]
    scores = read_scores(file, params.clean, params.score_type, [*further, *params.clean_on.values()])
    write_table(snakemake.output[0], error_rows(scores, params.layout, params.images, params.clean_on))
    print(f"{file}: {len(scores):,} members under {len(names)} conditions")
