"""Images of one class that a model misclassifies under many conditions or under few, and the interval of its error."""

from itertools import product

import numpy as np
from scipy.stats import binomtest, norm
from simulated_correlations import CONFIDENCE, Case, Interval

from resiliency.analysis.contenders import class_error
from resiliency.statistics.resampling import Units

CONDITIONS = 75


def error_of_a_class(error: float, alike: float, n_images: int) -> Case:
    """So many images with an expected error; conditions share `alike` of the variance of what makes an image hard."""
    limit = norm.isf(error)

    def simulate(random: np.random.Generator, _: int) -> dict[str, Interval]:
        own = random.standard_normal((n_images, CONDITIONS))
        wrong = np.sqrt(alike) * random.standard_normal((n_images, 1)) + np.sqrt(1 - alike) * own > limit
        row = class_error(wrong.mean(axis=1), Units.single(n_images), CONFIDENCE)
        alone = binomtest(int(wrong.sum()), wrong.size).proportion_ci(CONFIDENCE, method="wilson")
        return {"adopted": (row["low"], row["high"]), "naive": (alone.low, alone.high)}

    situation = f"error {error:g}, {CONDITIONS} conditions, {alike:g} of the variance shared by conditions"
    return Case("Error of a class", situation, f"{n_images} images", lambda: error, simulate)


CASES = [error_of_a_class(*case) for case in product((0.01, 0.02, 0.05), (0.3, 0.8), (25, 50))]
