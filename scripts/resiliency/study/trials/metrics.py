"""A trial of a diversity metric that another package adds, on a few random predictions, maps or features."""

from copy import deepcopy

import numpy as np

from resiliency.base.faults import brief
from resiliency.diversity.gram import gram
from resiliency.diversity.metric import EnsembleMetric, Metric
from resiliency.study.trials.apart import global_states

MEMBERS, IMAGES, CLASSES, SIDE, ENSEMBLES = 4, 12, 5, 8, 6


def metric_fault(metric: Metric | EnsembleMetric) -> str:
    """What keeps a metric from being used; empty if nothing does.

    It must return a number for each pair of members, or for each ensemble, which does not depend on the others: the
    same one each time. NaN, which leaves a pair out, may stand for some of them. It must leave its arguments as they
    are. Metrics of probabilities must be means over images.
    """
    arguments = _arguments(metric)
    try:
        return _fault(metric, arguments)
    except (Exception, SystemExit) as error:
        shapes = ", ".join(str(np.shape(one)) if isinstance(one, np.ndarray) else "a list" for one in arguments)
        return f"fails on arrays of shape {shapes}: {brief(error)}"


def _fault(metric: Metric | EnsembleMetric, arguments: list) -> str:
    given, states = deepcopy(arguments), global_states()
    raw = metric.raw(*given)
    of_pairs = isinstance(metric, Metric)
    shape = (MEMBERS, MEMBERS) if of_pairs else (ENSEMBLES,)
    if not isinstance(raw, np.ndarray) or raw.dtype.kind not in "fiu" or raw.shape != shape:
        returned = f"{raw.dtype} of shape {raw.shape}" if isinstance(raw, np.ndarray) else type(raw).__name__
        return f"returns {returned}, expected numbers of shape {shape}"
    if not _alike(given, arguments):
        return "changes the arrays that it is given, in place; let it work on copies"
    if states != global_states():
        return "draws from the global random state; use a generator with a seed of its own"
    if not np.array_equal(raw, metric.raw(*deepcopy(arguments)), equal_nan=True):
        return "returns other values when it is called again; seed its random numbers"
    values = raw[~np.eye(MEMBERS, dtype=bool)] if of_pairs else raw
    if np.isinf(values).any() or np.isnan(values).all():
        return f"returns {'infinity' if np.isinf(values).any() else 'only NaN'}, expected finite numbers"
    if of_pairs and not _close(raw, raw.T):
        return "returns a matrix that is not symmetric; expected the same value for both orders of a pair"
    if not _close(metric.raw(*(one[:2] for one in deepcopy(arguments))), raw[:2, :2] if of_pairs else raw[:2]):
        return f"returns other values beside other {'members' if of_pairs else 'ensembles'}; treat each by itself"
    if of_pairs and metric.source == "probabilities" and not _close(_by_chunks(metric, *arguments), raw):
        return "is not a mean over images: from chunks of them it gives other values"
    if np.shape(metric.diversity(values)) != values.shape:
        return "its diversity has another shape than its raw values; use unchanged, negative or complement"
    return ""


def _by_chunks(metric: Metric, probabilities: np.ndarray) -> np.ndarray:
    """The mean of the raw values of two chunks of the images, weighted as the pairs of a study are."""
    share = 1 / 3
    first, second = np.split(probabilities, [round(IMAGES * share)], axis=1)
    return metric.raw(first) * share + metric.raw(second) * (1 - share)


def _arguments(metric: Metric | EnsembleMetric) -> list:
    """Arguments of `metric.raw` as a study has them, drawn at random."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(CLASSES), (MEMBERS, IMAGES)).astype(np.float32)
    predicted = probabilities.argmax(axis=2)
    features = [rng.normal(size=(IMAGES, SIDE + member)).astype(np.float32) for member in range(MEMBERS)]
    if isinstance(metric, Metric):
        grams = np.stack([gram(one) for one in features]).astype(np.float32)
        maps = rng.uniform(-1, 1, (MEMBERS, IMAGES, SIDE, SIDE)).astype(np.float16)
        correct = predicted == rng.integers(0, CLASSES, IMAGES)
        known = {"correct": correct, "predicted": predicted, "probabilities": probabilities, "features": features}
        return [known.get(metric.source, grams if metric.kind == "activation" else maps)]
    shares = rng.dirichlet(np.ones(MEMBERS + 1), ENSEMBLES)
    known = {
        "shares": shares,
        "failures": rng.uniform(0.1, 0.5, (ENSEMBLES, MEMBERS)),
        "log_sums": -rng.random(ENSEMBLES),
    }
    return [known[source] for source in metric.sources]


def _alike(some: list, others: list) -> bool:
    return all(
        all(map(np.array_equal, one, other)) if isinstance(one, list) else np.array_equal(one, other)
        for one, other in zip(some, others, strict=True)
    )


def _close(some: np.ndarray, others: np.ndarray) -> bool:
    """Whether raw values of pairs off the diagonal, or of ensembles, agree up to rounding."""
    return np.allclose(some, others, rtol=1e-3, atol=1e-5, equal_nan=True)
