"""The table of all attacks: each area with what is written, and what must come of it."""

from attacks import (
    arrays,
    commands,
    evaluated,
    finished,
    folders,
    networks,
    records,
    results,
    studies,
    tables,
    weights,
)

SAMPLE = 40  # studies that are spoilt at random
MODULES = (
    studies,
    tables,
    arrays,
    folders,
    networks,
    weights,
    records,
    finished,
    results,
    evaluated,
    commands,
)
AREAS = (studies.spoilt(SAMPLE), *(area for module in MODULES for area in module.AREAS))
