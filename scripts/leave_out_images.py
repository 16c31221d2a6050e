"""Score and compare ensembles without a group of the test images in turn."""

import numpy as np
import pandas as pd

from resiliency.analysis.without_images import GROUPS, image_groups, of_features, of_maps, some_ensembles, without_each
from resiliency.data.split import probe
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.selection import Members
from resiliency.files import read_array
from resiliency.predictions import read_predictions
from resiliency.stage import stage
from resiliency.tables import read_table, write_table

UNKNOWN = np.array([np.nan])

with stage(snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    predictions = read_predictions(read_table(inputs.conditions), inputs.labels, inputs.logits)
    members = read_table(inputs.members).set_index("member")

    def compared(ensembles: pd.DataFrame) -> pd.DataFrame:
        """These ensembles without each group of images."""
        names = [name for name in predictions if name in set("+".join(ensembles["members"]).split("+"))]
        networks = [name for name in params.networks if name in names]
        labels = next(iter(predictions.values())).labels(0)
        probed = probe(labels, params.probe_images, params.seed) if networks else np.empty(0, np.int64)
        of_image = image_groups(labels, probed, params.seed)

        def arrays(paths: list[str]) -> list[np.ndarray]:
            """What each member's file holds; `UNKNOWN` of members that are not known by their networks."""
            of_network = dict(zip(params.networks, paths, strict=True))
            return [read_array(of_network[name]) if name in networks else UNKNOWN for name in names]

        representations = {}
        if len(probed) >= 2 * GROUPS:
            for index, method in enumerate(params.methods):
                maps = arrays(inputs.maps[index :: len(params.methods)])
                representations[f"{method}_cosine_clean"] = of_maps(maps, of_image[probed])
            representations["linear_cka_clean"] = of_features(arrays(inputs.features), of_image[probed])
        scored = Members([predictions[name] for name in names], member_weights(members.loc[names]), params.rule)
        return without_each(ensembles, names, scored, of_image, representations)

    chosen = some_ensembles(read_table(inputs.ensembles), params.rule, params.seed)
    print(
        f"{len(chosen):,} ensembles of independent members under {params.rule}, each without {GROUPS} groups of images"
    )
    write_table(snakemake.output[0], chosen.assign(without=0) if chosen.empty else compared(chosen))
