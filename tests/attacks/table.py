"""The table of all attacks: each area with what is written, and what must come of it."""

from attacks import (
    arrays,
    commands,
    evaluated,
    finished,
    folders,
    names,
    networks,
    records,
    results,
    studies,
    tables,
    weights,
)

SAMPLE = 40  # studies that are spoilt at random
MODULES = (studies, names, tables, arrays, folders, networks, weights, records, finished)
MODULES += (results, evaluated, commands)
AREAS = (studies.spoilt(SAMPLE), *(area for module in MODULES for area in module.AREAS))
