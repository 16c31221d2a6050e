"""Take the test images under one corruption from a published set."""

import numpy as np

from resiliency.corruptions.writing import CHECKSUMS, check_sizes, image_paths, stacked_images
from resiliency.data.pictures import FileImages, chunks, read_items, write_list
from resiliency.storage import appending, read_array
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    corruption, (classes, names) = snakemake.wildcards.corruption, read_items(inputs.classes)
    source = params.folder, corruption, params.severities
    if params.dataset in CHECKSUMS:
        labels = read_array(inputs.labels)
        positions = np.array([int(name) for name in names])
        pieces = stacked_images(
            *source, positions, labels, (params.side, params.side), CHECKSUMS[params.dataset]
        )
    else:
        paths = image_paths(*source, classes, names)
        check_sizes(paths, params.side)
        images = FileImages(paths, params.side, 1)
        pieces = (images[indices] for indices in chunks(np.arange(len(images)), params.side))
    if params.on_the_fly:
        write_list(outputs[0], images.files, params.side, margin=1, cropped=True)
    else:
        shape = (len(params.severities), len(names), params.side, params.side, 3)
        with appending(outputs[0], shape, np.uint8) as append:
            for piece in pieces:
                append(piece)
    print(
        f"{corruption}: {len(names):,} images at {len(params.severities)} severities, from "
        f"{params.folder}"
    )
