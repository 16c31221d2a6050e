"""The tables that the tiny study makes: all but those of keys that it leaves out, such as `add` and
`costs`."""

from resiliency import tables

HAS = {
    "ensembles",
    "networks",
    "probabilities",
    "corruptions",
    "shifts",
    "images",
    "robustness",
    "search",
    "joint",
}
TABLES = {name: tables.TABLES[name] for name in tables.made(HAS)}
