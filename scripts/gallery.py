"""Show the first test image under each corruption and severity, and where a member of each family
looks."""

from itertools import product
from pathlib import Path

import numpy as np

from resiliency.analysis.pictures import attribution_table, distance_table, gallery_table
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.corruptions.writing import corruption_engine
from resiliency.data.pictures import read_conditions, read_images, read_items
from resiliency.data.split import probe_indices, stratified_sample
from resiliency.designs.members import named_factories
from resiliency.designs.networks import read_member
from resiliency.prediction.attributions import attribution_maps
from resiliency.storage import read_array, write_table
from resiliency.study.stage import stage

GALLERY_SIZE = 4

with stage(snakemake) as (inputs, outputs, params):
    classes, _ = read_items(inputs.classes)
    first = read_images(inputs.images)[:1]
    pairs = list(product(params.names, params.severities))
    if inputs.published:
        pictures = [images[:1] for images in read_conditions(inputs.images, inputs.published)[1:]]
    else:
        corrupt = corruption_engine(params.engine, params.table, params.seed)
        pictures = [
            corrupt(first, corruption, severity, indices=[0]) for corruption, severity in pairs
        ]
    rows = [(*pair, picture[0]) for pair, picture in zip(pairs, pictures, strict=True)]
    write_table(
        outputs.corruptions,
        gallery_table(first[0], rows, index=0, label=classes[0], table=params.table_label),
    )

    labels = read_array(inputs.labels)
    chosen = probe_indices(labels, params.n_probe_images, params.seed)
    clean, *corrupted = read_conditions(inputs.images, [inputs.corrupted])
    images = {CLEAN: clean[chosen], CORRUPTED: corrupted[params.position][chosen]}
    maps = {CLEAN: [read_array(path) for path in inputs.maps]}
    networks = (
        read_member(Path(weights).parent, named_factories(snakemake.config))
        for weights in inputs.weights
    )
    job = images[CORRUPTED], labels[chosen], params.target, params.steps
    maps[CORRUPTED] = [attribution_maps(params.method, *network, *job) for network in networks]
    maps = {name: np.stack(of_name) for name, of_name in maps.items()}
    known = {"probes": len(chosen), "method": params.method, **params.condition}
    write_table(outputs.distances, distance_table(maps, params.members).assign(**known))
    some = stratified_sample(
        labels[chosen], min(GALLERY_SIZE, len(chosen)), params.seed, "attribution gallery"
    )
    table = attribution_table(
        {name: pictures[some] for name, pictures in images.items()},
        {name: of_name[:, some] for name, of_name in maps.items()},
        params.members,
        chosen[some],
        [classes[index] for index in chosen[some]],
    )
    write_table(outputs.attributions, table)
