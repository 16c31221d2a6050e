"""Accuracy of the members of a finished traffic-sign study on all test images of the benchmark.

Run by hand, in some minutes: python tests/benchmarks/sign_accuracies.py FOLDER results/traffic_signs
FOLDER is that of sign_pilots.py. The study tests on as many images of each class; published accuracies are on all test
images, most of which are of a few frequent classes. Rows are kept in sign_pilot_rows.json, and shown on
docs/results/traffic_signs_design.md.
"""

from pathlib import Path

import torch
from shared import options, resumed
from sign_pilots import ROWS, STUDY, Data

from resiliency.designs.networks import read_member
from resiliency.storage.tables import read_table
from resiliency.training.validation import accuracies

MOST = 0.002  # by which the accuracy may differ from that of the study, which rounds logits


def accuracy_row(name: str, results: Path, data: Data) -> dict:
    """The accuracies of one member; the program ends if that on the images of the study is not what the study found."""
    network, member = read_member(results / "members" / name)
    scores = {key: float(accuracies([network], *data.tests[key], data.preprocessing)[0]) for key in ("clean", "all")}
    found = read_table(results / "tables/members.csv").set_index("member").clean_accuracy[name]
    if abs(scores["clean"] - found) > MOST:
        raise SystemExit(f"{name}: accuracy {scores['clean']:.4f}, and {found:.4f} in members.csv")
    return {"member": name, "design": member.design} | {key: round(score, 5) for key, score in scores.items()}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("results", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = Data(arguments.folder, STUDY.data, None)
    names = STUDY.independent_members()
    jobs = {(name,): lambda name=name: accuracy_row(name, arguments.results, data) for name in names}
    resumed(ROWS, jobs, ("member",), "accuracies")


if __name__ == "__main__":
    main()
