"""The table of ensembles: accuracy, resiliency and diversity of each, under each combination rule."""

import numpy as np
import pandas as pd

from resiliency.ensembles.scoring import correct_answers, mean_over_pairs
from resiliency.metrics.classification import softmax
from resiliency.metrics.resiliency import mean_corruption_error


class Pool:
    """Members that ensembles are formed of: a set, in one order, on the same test images.

    Args:
        members: descriptions of the M members, rows of members.csv.
        predictions: logits float16 C x N x K of each.
        labels: int64 N.
        conditions: the table of conditions, clean first.
        pairs: the table of pairs, holding all pairs of these members.
        baseline: top-1 error of the baseline under each corruption, in the order of `conditions`.
    """

    def __init__(
        self,
        members: pd.DataFrame,
        predictions: list[np.ndarray],
        labels: np.ndarray,
        conditions: pd.DataFrame,
        pairs: pd.DataFrame,
        baseline: np.ndarray,
    ):
        self.members, self.predictions, self.labels = members, predictions, labels
        self.conditions, self.baseline = conditions, baseline
        self.diversities = _diversity_matrices(pairs, list(members.member))

    def score(self, ensembles: np.ndarray, rules: list[str]) -> pd.DataFrame:
        """A row per ensemble (int E x size, indices of members) and rule: the columns of ensembles.parquet."""
        described = self._described(ensembles)
        accuracies = self._accuracies(ensembles, rules)
        return pd.concat(
            [described.assign(rule=rule, **self._summary(accuracies[rule])) for rule in rules], ignore_index=True
        )

    def image_errors(self, ensemble: np.ndarray, rule: str) -> np.ndarray:
        """Share of the corrupted conditions in which one ensemble (int size) gets each image wrong; float64 N."""
        wrong = [
            ~correct_answers(rule, ensemble[None], self._probabilities(condition), self.labels)[0]
            for condition in range(1, len(self.conditions))
        ]
        return np.mean(wrong, axis=0)

    def _probabilities(self, condition: int) -> np.ndarray:
        return softmax(np.stack([prediction[condition] for prediction in self.predictions]))

    def _accuracies(self, ensembles: np.ndarray, rules: list[str]) -> dict[str, np.ndarray]:
        """Rule -> accuracy under each condition, float64 E x C."""
        result = {rule: np.empty((len(ensembles), len(self.conditions))) for rule in rules}
        for condition in range(len(self.conditions)):
            probabilities = self._probabilities(condition)
            for rule in rules:
                correct = correct_answers(rule, ensembles, probabilities, self.labels)
                result[rule][:, condition] = correct.mean(axis=1)
        return result

    def _summary(self, accuracies: np.ndarray) -> dict[str, np.ndarray]:
        corruptions = self.conditions.corruption
        errors = {name: 1 - accuracies[:, corruptions == name].mean(axis=1) for name in corruptions.iloc[1:].unique()}
        corrupted = accuracies[:, 1:].mean(axis=1)
        return {
            "clean_accuracy": accuracies[:, 0],
            "corrupted_accuracy": corrupted,
            "mean_corruption_error": 1 - corrupted,
            "mce": mean_corruption_error(np.stack(list(errors.values()), axis=1), self.baseline),
            **{f"error_{name}": error for name, error in errors.items()},
        }

    def _described(self, ensembles: np.ndarray) -> pd.DataFrame:
        members = {name: self.members[name].to_numpy()[ensembles] for name in self.members}
        return pd.DataFrame(
            {
                "size": ensembles.shape[1],
                "members": ["+".join(names) for names in members["member"]],
                "designs": [len(set(names)) for names in members["design"]],
                "families": [len(set(names)) for names in members["family"]],
                "parameters": members["parameters"].sum(axis=1),
                "macs": members["macs"].sum(axis=1),
                "mean_member_clean_accuracy": members["clean_accuracy"].mean(axis=1),
                "mean_member_corrupted_accuracy": 1 - members["mean_corruption_error"].mean(axis=1),
                **{name: mean_over_pairs(ensembles, matrix) for name, matrix in self.diversities.items()},
            }
        )


def _diversity_matrices(pairs: pd.DataFrame, members: list[str]) -> dict[str, np.ndarray]:
    """`<metric>_clean` and `<metric>_corrupted` (mean over the corrupted conditions) -> float64 M x M, diagonal NaN."""
    position = {member: index for index, member in enumerate(members)}
    pairs = pairs[pairs["first"].isin(position) & pairs["second"].isin(position)]
    images = np.where(pairs.condition == 0, "clean", "corrupted")
    means = pairs.groupby([pairs.metric + "_" + images, "first", "second"], sort=False).diversity.mean()
    matrices = {}
    for name, values in means.groupby(level=0, sort=False):
        rows = [position[member] for member in values.index.get_level_values(1)]
        columns = [position[member] for member in values.index.get_level_values(2)]
        matrix = np.full((len(members), len(members)), np.nan)
        matrix[rows, columns] = matrix[columns, rows] = values.to_numpy()
        matrices[name] = matrix
    return matrices
