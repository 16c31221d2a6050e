"""Costs of wrong answers, from a table of a user's own."""

import csv
import io
from pathlib import Path

import numpy as np

from resiliency.base.faults import Fault, hint
from resiliency.base.settings import NUMBER

UNLISTED = 1.0  # cost of a wrong answer that the table does not list
Costs = dict[tuple[str, str], float]


def read_costs(path: str | Path) -> Costs:
    """(true class, answered class) -> cost, of the cells of a CSV file that are not empty.

    Its first column names true classes, its header answered ones, after the head of the first column.

    Raises:
        Fault: the file cannot be read, has no costs, names a class twice, or has a cost that is not a number of 0 or
            more.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    except (OSError, ValueError, csv.Error) as error:
        raise Fault(f"{path}: cannot be read ({error}); a CSV file is needed") from error
    answers = [name.strip() for name in header[1:]]
    costs: dict[tuple[str, str], float] = {}
    rows = [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    for kind, names in (("column", answers), ("row", [row[0] for row in rows])):
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Fault(f"{path}: expected one {kind} per class, got {names.count(twice)} of {twice!r}; remove one")
    for label, *cells in rows:
        if len(cells) > len(answers):
            raise Fault(
                f"{path}: {label}: expected {len(answers)} costs at most, got {len(cells)}; separate all by commas"
            )
        for answer, cell in zip(answers, cells, strict=False):
            cost = float(cell) if NUMBER.fullmatch(cell) else np.nan
            if cell and not 0 <= cost < np.inf:
                wrong = f"expected a number of 0 or more, got {cell!r}"
                raise Fault(f"{path}: {label}, {answer}: {wrong}; correct it")
            costs |= {(label, answer): cost} if cell else {}
    if not costs:
        raise Fault(
            f"{path}: expected costs, got none; give a row per true class and, after commas, a column per answered one"
        )
    return costs


def cost_matrix(costs: Costs, classes: list[str]) -> np.ndarray:
    """Costs of answers, float64 K x K, true class first; unlisted ones cost 1, and right ones 0.

    Raises:
        Fault: a class of `costs` is not among `classes`.
    """
    place = {name: index for index, name in enumerate(classes)}
    if unknown := next((name for pair in costs for name in pair if name not in place), None):
        raise Fault(
            f"costs: expected classes of the dataset, got {unknown!r}{hint(unknown, classes)}; correct the name"
        )
    matrix = UNLISTED * (1 - np.eye(len(classes)))
    for (label, answer), cost in costs.items():
        matrix[place[label], place[answer]] = cost
    return matrix
