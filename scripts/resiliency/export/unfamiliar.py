"""Pictures unlike those of the study: the limit beyond which the exported program flags one, and how often it does."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from resiliency.analysis.judging import halves
from resiliency.base.names import CLEAN, CORRUPTED, means_over
from resiliency.base.streams import stream
from resiliency.data.pictures import images_at
from resiliency.data.source import Images
from resiliency.export.folder.watching import distances, look
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import share
from resiliency.statistics.resampling import Units

FALSE_ALARMS = 0.01
RIDGE = 0.01**2  # variance that each number has at least, in their own units of about 1
AT_ONCE = 64  # pictures in memory
MOST, MOST_CORRUPTED = 2_000, 200  # images of either half, and of each corrupted condition


def unlike(conditions: list[Images], one: Predictions, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """How the program tells pictures unlike the study's, for ensemble.json, and its rates, for evidence.json.

    Args:
        conditions: the test images under each condition.
        one: predictions of a member, which know labels, units and conditions.
        seed: seed of the study, which also decides the halves of the images.
    """
    selection, evaluation = halves(one.labels(0), seed, one.units(0))
    inputs = fitted(conditions[0], selection, one.units(0).of(selection), seed)
    names = one.conditions.corruption[one.conditions.test_set == CLEAN]
    rates = flag_rates(inputs, conditions, names.tolist(), evaluation, one.units(0))
    inputs["range"] = 0.0, max(high for name in (CLEAN, CORRUPTED) if (high := rates[name]["high"]) is not None)
    return inputs, {"nominal": inputs["rate"], "calibrated_on": inputs["units"], "flagged": rates}


def fitted(images: Images, selection: np.ndarray, units: Units, seed: int) -> dict[str, Any]:
    """Mean, inverse covariance and limit of `distances`, from clean images.

    Half of the units say what pictures look like; the other half, how far from it they are. The limit is the smallest
    one at which a new unit's pictures are flagged with a probability of `FALSE_ALARMS` at most (conformal risk control,
    Angelopoulos et al., ICLR 2024), or of one in n + 1 if there are only n units to calibrate on.

    Args:
        images: the clean test images.
        selection: int n, images on which models were selected, of which at most `MOST` count.
        units: units of these n images.

    Returns:
        mean (8 numbers), inverse (8 x 8), limit and rate, the nominal rate of false alarms.
    """
    places = _some(np.arange(len(selection)), MOST)
    units, described = units.of(places), _looks(images, selection[places])
    order = stream(seed, "unfamiliar").permutation(units.number)
    first = order[units.of_image] < units.number // 2
    mean, covariance = described[first].mean(axis=0), np.cov(described[first], rowvar=False, bias=True)
    inverse = np.linalg.inv(covariance + RIDGE * np.eye(len(mean)))
    far, of = distances(described[~first], mean, inverse), units.of(~first)
    rate = max(FALSE_ALARMS, 1 / (of.number + 1))
    candidates = np.sort(far)
    flagged = np.array([(of.sums((far > limit).astype(float)) / of.sizes).sum() for limit in candidates])
    limit = candidates[(flagged + 1) / (of.number + 1) <= rate + 1e-12][0]
    return {"mean": mean.tolist(), "inverse": inverse.tolist(), "limit": float(limit), "rate": rate, "units": of.number}


def flag_rates(
    inputs: dict[str, Any], conditions: Sequence[Images], names: Sequence[str], evaluation: np.ndarray, units: Units
) -> dict[str, dict[str, float | None]]:
    """Name of pictures -> share that is flagged, `low` and `high` (95 %, Wilson, by units), and number of images.

    Beside `clean`, each corruption and their means, the names are `noise` (random pixels) and `constant` (pictures of
    one colour), which are samples of nothing and have no interval.

    Args:
        inputs: what `fitted` returns.
        conditions: the test images under each condition.
        names: corruption of each condition; `clean` for none.
        evaluation: images on which nothing was selected, of which at most `MOST` or `MOST_CORRUPTED` count.
        units: units of all test images.
    """
    chosen = {name: _some(evaluation, MOST if name == CLEAN else MOST_CORRUPTED) for name in names}
    flagged: dict[str, list[np.ndarray]] = {}
    for name, images in zip(names, conditions, strict=True):
        flagged.setdefault(name, []).append(_flags(_looks(images, chosen[name]), inputs))
    shares = {name: np.mean(of, axis=0) for name, of in flagged.items()}
    shares |= {name: np.mean([shares[of] for of in over], axis=0) for name, over in means_over(shares).items() if over}
    rates: dict[str, dict[str, float | None]] = {}
    for name, of in shares.items():
        own = units.of(chosen.get(name, _some(evaluation, MOST_CORRUPTED)))
        low, high = share(of, own, 0.95).ends
        rates[name] = {"share": float(of.mean()), "low": low, "high": high, "n_images": len(of)}
    shape = conditions[0][:1].shape[1:]
    colours = np.array(list(product((0, 128, 255), repeat=3)), np.uint8)[:, None, None]
    made = {"noise": stream(0, "noise").integers(0, 256, (AT_ONCE, *shape), np.uint8)}
    made["constant"] = np.broadcast_to(colours, (len(colours), *shape))
    for name, pictures in made.items():
        flagged_share = float(_flags(look(pictures), inputs).mean())
        rates[name] = {"share": flagged_share, "low": None, "high": None, "n_images": len(pictures)}
    return rates


def _some(images: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the images, evenly spread."""
    return images[np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(int))]


def _looks(images: Images, places: np.ndarray) -> np.ndarray:
    parts = np.array_split(places, -(-len(places) // AT_ONCE))
    return np.concatenate([look(np.asarray(images_at(images, part)[:])) for part in parts])


def _flags(looks: np.ndarray, inputs: dict[str, Any]) -> np.ndarray:
    return (distances(looks, inputs["mean"], inputs["inverse"]) > inputs["limit"]).astype(float)
