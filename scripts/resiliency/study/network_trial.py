"""A trial of designs before anything is computed: their networks are made once, and answer two images.

Architectures of timm are made without memory for their weights, on the device "meta". Factories are the user's code, so
that all of it runs in a process of its own, which they may end.
"""

import json
import os
import sys
from pathlib import Path
from subprocess import DEVNULL, TimeoutExpired, run
from tempfile import TemporaryDirectory

from resiliency.base.faults import Fault, parser

LONGEST = 600


def trial(designs: dict[str, dict]) -> dict[str, str]:
    """The fault of each design that cannot be used: name -> a line.

    Args:
        designs: name -> `description`, as from `Design.description`; `outputs`, the required number of logits, None if
            unknown; `fetched`, whether pretrained weights must be on this machine already, or None if there are none;
            and, for fine-tuning, `train`, the layers that are trained.
    """
    with TemporaryDirectory() as folder:
        requests, answers = Path(folder, "requests.json"), Path(folder, "answers")
        requests.write_text(json.dumps(designs), encoding="utf-8")
        ended = _apart(requests, answers)
        lines = answers.read_text(encoding="utf-8").splitlines() if answers.exists() else []
    faults = dict(map(json.loads, lines))
    unanswered = [name for name in designs if name not in faults]
    if unanswered:
        description = designs[unanswered[0]]["description"]
        faults[unanswered[0]] = (
            f"{description['factory'] or description['architecture']}: {ended}; it must return the network"
        )
    return {name: fault for name, fault in faults.items() if fault}


def _apart(*arguments: Path) -> str:
    """Run this module as a program, whose process may end or hang; how it ended, in words."""
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "resiliency.study.network_trial", *arguments]
    try:
        ended = run(command, env=os.environ | variables, stdout=DEVNULL, stderr=DEVNULL, timeout=LONGEST, check=False)
    except TimeoutExpired:
        return f"took longer than {LONGEST} s"
    return f"called exit with status {ended.returncode}"


def _answer(requests: Path, answers: Path) -> None:
    """Write name and fault, empty if there is none, of each design in file `requests` to `answers`, line by line."""
    with answers.open("a", encoding="utf-8") as file:
        for name, design in json.loads(requests.read_text(encoding="utf-8")).items():
            try:
                fault = _fault(**design)
            except Fault as reason:
                fault = str(reason)
            file.write(json.dumps([name, fault]) + "\n")
            file.flush()


def _fault(description: dict, outputs: int | None, fetched: bool | None, train: str | int | None = None) -> str:
    import torch

    from resiliency.designs.checks import network_fault, trial_images
    from resiliency.designs.networks import build, network_name
    from resiliency.designs.weights import download_weights, head_name, pretrained_config, train_last

    label = network_name(description) + (f" with {description['arguments']}" if description["arguments"] else "")
    # Operations that the device meta lacks are tried again on the CPU.
    places = ["cpu"] if description["factory"] or train else ["meta", "cpu"]
    config = pretrained_config(description["architecture"]) if fetched is not None else None
    if fetched:
        download_weights(config.hf_hub_id, description["revision"])
    for place in places:
        with torch.device(place):
            network = build(description, outputs or 1000, seed=0)
        side = description["side"] or network.pretrained_cfg["input_size"][-1]
        fault = network_fault(network, side, outputs)
        if train and not fault:
            head_name(network, trial_images(side, torch.device(place)))
            if isinstance(train, int):
                train_last(network, train)
        if not fault:
            return ""
    return f"{label:.200}: {fault}"


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("requests", type=Path, help="file of what to try: JSON, name -> arguments of a trial")
    arguments.add_argument("answers", type=Path, help="file for the answers: JSON, a line for each name")
    _answer(**vars(arguments.parse_args()))
