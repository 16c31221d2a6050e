"""Read the predictions, or the scores, of imported members."""

from resiliency.base.faults import Progress
from resiliency.base.names import CLEAN
from resiliency.data.pictures import read_items
from resiliency.external.predictions import Reader
from resiliency.external.tables import error_rows, read_scores
from resiliency.storage import read_array, read_table, write_array, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    written = iter(outputs)
    if params.kind == "scores":
        further = [
            name
            for test_set, of_set in params.layout.items()
            if test_set != CLEAN
            for name in of_set
        ]
        scores = read_scores(
            params.file, params.clean, params.score_type, [*further, *params.clean_on.values()]
        )
        write_table(
            next(written), error_rows(scores, params.layout, params.n_images, params.clean_on)
        )
        print(
            f"{params.file}: {len(scores):,} members under {sum(map(len, params.layout.values()))} "
            "conditions"
        )
    else:
        reader = Reader(params.kind, params.file, params.layout, params.classes)
        truths = dict(zip(params.layout, map(read_array, inputs.labels), strict=True))
        reader.check(truths, dict(zip(params.layout, map(read_items, inputs.images), strict=True)))
        classes = int(read_table(inputs.conditions)["classes"].iloc[0])
        progress = Progress(len(params.members), pause=5)
        for member in params.members:
            for _, values in reader.read(member, classes):
                write_array(next(written), values)
            progress.step(member)
