"""Studies of members whose predictions and maps are drawn."""

import numpy as np
import pandas as pd
from predicted import conditions_of, predictions_of

from resiliency.analysis.without_images import (
    WithoutImages,
    feature_diversities,
    image_groups,
    map_diversities,
    member_scores,
    some_ensembles,
    without_each,
)
from resiliency.diversity.pairs import pair_tables
from resiliency.ensembles.pool import EnsembleErrors, ensembles_of
from resiliency.ensembles.table import Pool
from resiliency.prediction.reading import Predictions

RULE = "mean_probability"
CHOSEN_METRICS = ["saliency_cosine", "linear_cka"]
BASELINE = np.array([0.4, 0.8])


class Drawn:
    """Members of some designs, two seeds each, on images drawn anew; what is compared of them is that of few images."""

    def __init__(self, seed: int, designs: int, images: int, probes: int):
        random, fixed = np.random.default_rng(seed), np.random.default_rng(0)
        self.names = [f"d{design}-s{index}" for design in range(designs) for index in range(2)]
        self.labels = random.integers(0, 3, images)
        self.conditions = conditions_of(["fog", "snow"], [1, 2], images)
        self.probe = np.sort(random.choice(images, probes, replace=False))
        skill, alike = fixed.uniform(0.5, 2.5, designs), fixed.uniform(0.02, 0.25, designs)
        of_design = random.standard_normal((designs, len(self.conditions), images, 3))
        own = random.standard_normal((2 * designs, len(self.conditions), images, 3))
        logits = np.repeat(alike[:, None, None, None] * of_design, 2, axis=0) + own
        logits[..., np.arange(images), self.labels] += np.repeat(skill, 2)[:, None, None]
        self.logits = list(logits.astype(np.float16))
        shared = random.standard_normal((designs, probes, 5, 5))
        self.maps = list(
            np.repeat(alike[:, None, None, None] * shared, 2, axis=0)
            + random.standard_normal((2 * designs, probes, 5, 5))
        )
        self.features = [one.reshape(probes, -1) for one in self.maps]

    def members(self, images: np.ndarray) -> list[Predictions]:
        conditions = self.conditions.assign(images=len(images))
        return [predictions_of(conditions, self.labels[images], one[:, images]) for one in self.logits]

    def table(self, images: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
        """ensembles.parquet and the table of pairs of these images alone, by the code that makes them."""
        kept, predictions = np.isin(self.probe, images), self.members(images)
        arrays = {"saliency": [one[kept] for one in self.maps], "features": [one[kept] for one in self.features]}
        pairs = pd.concat(pair_tables(self.names, predictions, arrays.__getitem__, CHOSEN_METRICS), ignore_index=True)
        right = [[member.correct(c).mean() for c in range(len(member))] for member in predictions]
        described = pd.DataFrame({"member": self.names, "design": [name[:-3] for name in self.names]})
        described = described.assign(
            family=described.design,
            parameters=1,
            macs=1,
            validation_accuracy=1.0,
            clean_accuracy=[of[0] for of in right],
            corrupted_error=[1 - np.mean(of[1:]) for of in right],
        )
        pool = Pool(described, predictions, [pairs], BASELINE, 0.95)
        table = pool.score([ensembles_of(len(self.names), size) for size in (2, 3)], [RULE])[0]
        return table.assign(origin="independent", ensemble=range(len(table))), pairs

    def without(self) -> tuple[np.ndarray, WithoutImages]:
        of_image = image_groups(self.labels, self.probe, 0)
        everything = np.arange(len(self.labels))
        ensembles = some_ensembles(self.table(everything)[0], RULE, 0)
        members = EnsembleErrors(self.members(everything), np.ones(len(self.names)), RULE)
        of_probe = of_image[self.probe]
        representations = {"saliency_cosine_clean": map_diversities(self.maps, of_probe)}
        representations["linear_cka_clean"] = feature_diversities(self.features, of_probe)
        scores = member_scores(self.names, self.members(everything), of_image)
        return of_image, WithoutImages(without_each(ensembles, self.names, members, of_image, representations), scores)
