"""Keeps what the present library says of a registered study's members, beside its tables by the
registered commits.

    snakemake --cores 2 --configfile studies/traffic_signs_labels.yaml
    python -m published.present results/traffic_signs_labels

The tables in published/results/traffic_signs stay as they were registered. From the published
labels the present library gives observation 1, traffic_signs_present.csv, and the exchange rates of
members, traffic_signs_exchange_rates_present.csv, beside that folder. Ensembles of labels vote, and
are left out.
"""

from argparse import ArgumentParser
from pathlib import Path

from published.kept import PRESENT, present_file
from resiliency.storage import read_table, write_table

ABOUT_MEMBERS = {"observations": "observation in ['1a', '1b']", "exchange_rates": "ensembles == 0"}


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of the finished study of labels")
    results = parser.parse_args().results
    for name in PRESENT:
        table = read_table(results / f"tables/{name}.csv").query(ABOUT_MEMBERS[name])
        write_table(present_file(results.name.removesuffix("_labels"), name), table)


if __name__ == "__main__":
    main()
