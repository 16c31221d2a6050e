"""What the program in this folder watches beside its answers; it needs numpy alone."""

import numpy as np


def look(images):
    """What pictures look like, by eight numbers: colours, contrast, sharpness, saturation and
    clipped pixels.

    Images are uint8 B x H x W x 3, the result is float64 B x 8. Content plays no part.
    """
    pixels = images.astype(np.float64) / 255
    grey = pixels.mean(axis=3)
    # None of an image of one row or column.
    steps = [np.abs(np.diff(grey, axis=axis)) for axis in (1, 2)]
    edges = [np.log(0.001 + of.sum(axis=(1, 2)) / max(1, of[:1].size)) for of in steps]
    saturation = (pixels.max(axis=3) - pixels.min(axis=3)).mean(axis=(1, 2))
    clipped = ((images == 0) | (images == 255)).mean(axis=(1, 2, 3))
    return np.column_stack(
        [pixels.mean(axis=(1, 2)), grey.std(axis=(1, 2)), *edges, saturation, clipped]
    )


def distances(looks, mean, inverse):
    """Squared Mahalanobis distances of what `look` returns from pictures of the study, float64
    B."""
    apart = looks - np.asarray(mean)
    return np.einsum("bi,ij,bj->b", apart, np.asarray(inverse), apart)


class Rate:
    """Counts events, and says when their rate leaves a range.

    Bets on the event, and bets against it, multiply a capital of 1. While the chance of each event,
    given those before, lies in the range, either capital ever exceeds 2 / `alarm` with a
    probability of at most `alarm` / 2 (Ville 1939), so that a look after every image costs nothing.
    Several shares of the capital are bet, in equal parts (Waudby-Smith and Ramdas, Journal of the
    Royal Statistical Society B 86, 2024).
    """

    def __init__(self, low, high, alarm=0.01):
        self.low, self.high, self.alarm = low, high, alarm
        self.count, self.events, self.left = 0, 0, ""

    def add(self, events):
        """Count some events, bool n; `left` is "above" or "below" from the first time on that the
        range was left."""
        happened = self.events + np.cumsum(np.asarray(events, bool))
        counts = self.count + np.arange(1, len(happened) + 1)
        if len(counts):
            self.count, self.events = int(counts[-1]), int(happened[-1])
            self.left = self.left or self._side(happened, counts - happened)

    def _side(self, happened, others):
        """Where the range is left first, from the numbers of events and of others after each image,
        int n; or ""."""
        bets = {}
        if 0 < self.high < 1:
            bets["above"] = happened, 1 / self.high - 1, others
        if 0 < self.low < 1:
            bets["below"] = others, self.low / (1 - self.low), happened
        shares, first = np.arange(1, 20) / 20, {}
        for side, (won, odds, lost) in bets.items():
            capitals = won[:, None] * np.log1p(shares * odds) + lost[:, None] * np.log1p(-shares)
            large = np.logaddexp.reduce(capitals, axis=1) - np.log(len(shares)) >= np.log(
                2 / self.alarm
            )
            if large.any():
                first[side] = large.argmax()
        return min(first, key=first.get, default="")
