"""What the diversity of a study's members is measured on, and its table of pairs: of all that meet in an ensemble."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from resiliency.base.extensions import extensions
from resiliency.base.progress import Progress
from resiliency.diversity.metrics import METRICS
from resiliency.diversity.pairs import pair_tables
from resiliency.diversity.settings import STAGES
from resiliency.prediction.reading import Predictions
from resiliency.storage.files import read_array


def reader(
    networks: Sequence[str], methods: Sequence[str], features: Sequence[str], maps: Sequence[str], stages: Sequence[str]
) -> Callable[[str, str], np.ndarray]:
    """A function of a member and a source, which reads what is compared of the member.

    Sources are `features`, a method of attribution, and, where there are files of them, a name in `STAGES`.

    Args:
        networks: members that are known by their networks.
        methods: of attribution.
        features: a file for each network.
        maps: a file for each network and method, those of a network one after the other.
        stages: a file for each network, or none.
    """
    of_features = dict(zip(networks, features, strict=True))
    of_stages = dict(zip(networks, stages, strict=True)) if stages else {}
    of_maps = dict(zip([(member, method) for member in networks for method in methods], maps, strict=True))

    def representation(member: str, source: str) -> np.ndarray:
        if source in STAGES:
            return read_array(of_stages[member])[STAGES.index(source)]
        return read_array(of_features[member] if source == "features" else of_maps[member, source])

    return representation


def pairs_of_groups(
    groups: list[list[str]],
    predictions: dict[str, Predictions],
    networks: list[str],
    representation: Callable[[str, str], np.ndarray],
    attribution_metrics: list[str],
    threads: int = 1,
) -> Iterator[pd.DataFrame]:
    """As `pair_tables`, of one group of members after the other.

    Args:
        groups: members that meet in an ensemble.
        predictions: member -> its predictions.
        networks: members that are known by their networks.
        representation: a member, and the source of an attribution or activation metric -> what the metric compares.
        attribution_metrics: those of the study; those of activations are all there, and those of extensions where
            the study has their attribution method.
        threads: as of `pair_tables`.
    """
    methods = {METRICS[name].source for name in attribution_metrics}
    activations = [name for name, metric in METRICS.items() if metric.kind == "activation"]
    added = [name for name in extensions("metrics") if name in METRICS and METRICS[name].source in methods]
    with_networks, progress = set(networks), Progress(len(groups))
    for group in groups:
        yield from pair_tables(
            group,
            [predictions[member] for member in group],
            lambda source, group=group: [representation(member, source) for member in group if member in with_networks],
            attribution_metrics + added + activations if networks else [],
            [member in with_networks for member in group],
            threads,
        )
        progress.step(", ".join(group))
