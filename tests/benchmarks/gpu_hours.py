"""Computes, not measures, how many GPU hours a study costs, from the multiply-accumulate operations of its networks.

Run by hand: python tests/benchmarks/gpu_hours.py studies/cifar10.yaml studies/imagenet.yaml [--rate 1e13 --images 3000]
An image costs its MACs once where it is predicted and three times where it is trained on (backward takes two forwards),
at `rate` MACs a second; but no more than `images` images a second are fed. 1e13 MACs a second are 6 % of an A100's peak
in bfloat16. The last line is JSON: study -> hours.
"""

import argparse
import json
from pathlib import Path

import yaml
from snakemake.utils import update_config

from resiliency.data.settings import PUBLISHED
from resiliency.designs.networks import build, parameters_and_macs
from resiliency.study import Study, load

ROOT = Path(__file__).parents[2]


def macs(study: Study, design: str) -> int:
    """Multiply-accumulate operations of a design for one image."""
    side, classes = study.dataset.side, PUBLISHED[study.dataset.name].classes
    return parameters_and_macs(build(study.designs[design].described(side), classes, 0), [side, side, 3])[1]


def hours(study: Study, rate: float, images: float) -> dict[str, float]:
    """Rule -> GPU hours of all of its jobs."""
    most, seeds = study.dataset.most_images(), study.members.seeds
    joint, search = study.joint, study.search
    together = [design for _ in study.joint_settings() for _ in range(joint.seeds) for design in joint.designs]
    designs = {*study.members.designs, *together, *([search.design] if search else [])}
    cost = {design: macs(study, design) for design in designs}
    members = [design for design in study.members.designs for _ in range(seeds)] + together
    members += [search.design] * search.members if search else []
    conditions = 1 + len(study.corruptions.names) * len(study.corruptions.severities)
    looks = len(study.attribution.methods) * study.attribution.steps

    def spent(design: str, count: float, passes: int) -> float:
        return count * max(passes * cost[design] / rate, 1 / images) / 3600

    found = {"train": seeds * sum(spent(d, most["train"] * study.recipe(d).epochs, 3) for d in study.trained_designs())}
    if together:
        epochs = study.joint_recipe().epochs
        found["train_jointly"] = sum(spent(design, most["train"] * epochs, 3) for design in together)
    if search:
        seen = most["train"] * study.search_recipe().epochs * (2 + search.drawn)
        found["train_supernet"] = spent(search.design, seen, 3)
        evaluated = search.evaluations * (search.calibration_images + most["validation"])
        found["search"] = spent(search.design, evaluated, 1)
    found["predict"] = sum(spent(design, most["test"] * conditions, 1) for design in members)
    found["attribute"] = sum(spent(design, study.probe.images * looks, 3) for design in members)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="+", type=Path)
    parser.add_argument("--rate", type=float, default=1e13, help="MACs a second")
    parser.add_argument("--images", type=float, default=3000, help="most images a second")
    arguments = parser.parse_args()
    totals = {}
    for path in arguments.studies:
        config = yaml.safe_load((ROOT / "config.yaml").read_text())
        update_config(config, yaml.safe_load(path.read_text()))
        study = load(config)
        found = hours(study, arguments.rate, arguments.images)
        print(f"{study.study}: " + ", ".join(f"{rule} {value:.1f}" for rule, value in found.items()))
        totals[study.study] = round(sum(found.values()))
    print(json.dumps(totals))


if __name__ == "__main__":
    main()
