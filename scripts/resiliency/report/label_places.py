"""Where labels of points stand, so that none covers another or a point."""

import numpy as np

PLACES = ((6, -10), (6, 11), (-6, -10), (-6, 11), (0, -14), (0, 15))  # px right and down, of a label from its point
LETTER, LINE = 6.5, 11  # px, width and height of a letter of 11 px
POINT = 7  # px, a side of a point


def free_places(points: np.ndarray, letters: np.ndarray, taken: np.ndarray, stretch: float = 1) -> np.ndarray:
    """The middle of each label, at the first of `PLACES` that is free; NaN where none is, so that a label is left out.

    Args:
        points: (labels, 2) px right and down, the points that labels are of; earlier ones choose first.
        letters: (labels,) number of letters of each.
        taken: (boxes, 4) px, middle right and down, width and height of what labels must not cover.
        stretch: how many times wider all boxes count across, for a chart that may be drawn as much narrower.
    """
    boxes, found = [tuple(box) for box in taken], np.full((len(points), 2), np.nan)
    for index, (point, count) in enumerate(zip(points, letters, strict=True)):
        for place in PLACES:
            middle = point + np.array(place)
            box = (*middle, LETTER * count, LINE)
            if not any(_overlap(box, other, stretch) for other in boxes):
                boxes.append(box)
                found[index] = middle
                break
    return found


def _overlap(one: tuple, other: tuple, stretch: float) -> bool:
    across, down = abs(one[0] - other[0]), abs(one[1] - other[1])
    return across < stretch * (one[2] + other[2]) / 2 and down < (one[3] + other[3]) / 2
