"""Temperature scaling (Guo et al., ICML 2017): one number that makes probabilities as sure as they are right."""

import numpy as np
from scipy.optimize import minimize_scalar

LARGEST = 100.0


def scaled(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """ln of the probabilities at a temperature, softmax(ln p / T); float ... x K, as `log_probabilities`."""
    values = log_probabilities / np.asarray(temperature, log_probabilities.dtype)
    values = values - values.max(axis=-1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def fitted_temperature(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood, which is convex in 1 / T.

    Where every label has the largest probability of its image the likelihood grows for ever as T goes to 0: no
    temperature is best, and NaN is returned. Beyond `LARGEST`, and below its inverse, it is cut off.

    Args:
        log_probabilities: float N x K.
        labels: int N.
    """
    values = log_probabilities.astype(np.float64)
    margins = np.ascontiguousarray((values - values[np.arange(len(labels)), labels][:, None]).T)
    if not (margins > 0).any():
        return np.nan

    def mean_loss(log_inverse: float) -> float:
        return np.logaddexp.reduce(np.exp(log_inverse) * margins, axis=0).mean()

    reach = np.log(LARGEST)
    return float(np.exp(-minimize_scalar(mean_loss, bounds=(-reach, reach), method="bounded").x))
