"""Keeps counts of pairs of a run's members, from which swaps.csv follows without the run.

    python -m published.pairs results/cifar10_lengths

writes published/results/cifar10_lengths_pairs.npz, and for each member the share of its predicted
labels that are not those in studies/published. `python -m published.swaps` computes outcomes of
probabilities in swaps.csv from it.
"""

from pathlib import Path
from zipfile import ZIP_LZMA, ZipFile

import numpy as np

from published.choosing import predictions_of
from published.study_changes import current_study
from published.swaps import HUNDREDTHS, OF_LABELS, answers_of, pairs_file
from resiliency.analysis.pair_counts import PairCounts, pair_counts
from resiliency.base.faults import one_line_faults, parser
from resiliency.prediction.reading import Predictions, condition_groups
from resiliency.storage import read_table, replacing


def counts_of(results: Path, predictions: dict[str, Predictions]) -> dict[str, PairCounts]:
    """Set of images -> counts of pairs of the members of `results/<study>`."""
    seed, of_images = (
        current_study(results.name)["seed"],
        condition_groups(read_table(results / "conditions.csv")),
    )
    return {
        images: pair_counts([*predictions.values()], rows, seed)
        for images, rows in of_images.items()
    }


def write_counts(path: Path, differing: dict[str, float], counts: dict[str, PairCounts]) -> None:
    """Write the counts of pairs of the members of `differing`, in hundredths of an image, each pair
    once.

    The arrays are called `members`, `sets` and `outcomes`, names; `differing`, float64 M; `<set>:
    images`, float64 G, numbers of images of the groups; and `<set>: <outcome>`, int32 G x M (M + 1)
    / 2, by first member and then by second. LZMA takes four fifths of the place of NumPy's own
    compression.
    """
    first, second = np.triu_indices(len(differing))
    arrays = {"members": [*differing], "differing": [*differing.values()], "sets": [*counts]}
    arrays["outcomes"] = [*next(iter(counts.values())).outcomes]
    for images, of in counts.items():
        arrays[f"{images}: images"] = of.n_images
        for outcome, of_pairs in of.outcomes.items():
            arrays[f"{images}: {outcome}"] = np.rint(
                of_pairs[:, first, second] * HUNDREDTHS
            ).astype(np.int32)
    with replacing(path) as temporary, ZipFile(temporary, "w", ZIP_LZMA) as file:
        for name, values in arrays.items():
            with file.open(f"{name}.npy", "w") as of_array:
                np.lib.format.write_array(of_array, np.asarray(values))


def unlike(study: str, predictions: dict[str, Predictions]) -> dict[str, float]:
    """Member -> share of its predicted labels that are not those in studies/published; NaN if none
    are published."""
    if study not in OF_LABELS:
        return dict.fromkeys(predictions, np.nan)
    members, published, conditions = answers_of(study)
    of_names, rows = dict(zip(members["member"], published, strict=True)), range(len(conditions))
    return {
        name: float(
            np.mean([np.mean(own.decisions(row) != of_names[name].decisions(row)) for row in rows])
        )
        for name, own in predictions.items()
    }


def main() -> None:
    reading = parser(__doc__)
    reading.add_argument("results", type=Path, help="folder of the run")
    results = reading.parse_args().results
    with one_line_faults():
        names = sorted({path.parent.name for path in results.glob("predictions/*/*.npy")})
        predictions = predictions_of(results, names)
        differing = unlike(results.name, predictions)
        write_counts(pairs_file(results.name), differing, counts_of(results, predictions))
        said = (
            f"{np.mean([*differing.values()]):.2%} of predicted labels differ from those in "
            "studies/published"
        )
        print(
            f"{pairs_file(results.name)}: {len(names)} members"
            + (f"; {said}" if results.name in OF_LABELS else "")
        )


if __name__ == "__main__":
    main()
