"""Computes, not measures, how many GPU hours the studies for GPUs cost, by the model in gpu_model.py.

Run by hand: python tests/benchmarks/gpu_hours.py [--write]
Prints the report, and writes it to docs/results/gpu_hours.md if asked to; two minutes on one core.
"""

from collections import defaultdict
from contextlib import redirect_stdout
from io import StringIO

import pandas as pd
from gpu_model import AROUND, BANDWIDTH, CARDS, COMPUTE, FLOOR, LAUNCH, Cost, gradient, inference, training
from muon_tf32 import KEPT
from scipy.stats import t
from shared import RESULTS, beside, merged, options, study, table

from resiliency.data.settings import PUBLISHED
from resiliency.prediction.attributions import BATCH as EXPLAINED
from resiliency.prediction.writing import BATCH as PREDICTED
from resiliency.search.searching import BATCH as CALIBRATED
from resiliency.study.files import load
from resiliency.study.model import Study
from resiliency.training.settings import Recipe

REPORT, TEMPLATE = RESULTS / "gpu_hours.md", beside(__file__, "gpu_hours.md.template")
STUDIES = ("cifar10", "imagenet")
# How a study may run: captured, processes on one GPU.
WAYS = {"usual": (False, 1), "captured": (True, 1), "captured, 3 on a GPU": (True, 3)}
SEEDS = 5  # of the comparison of precisions
SCORES = ["clean", "corrupted"]
START = 10  # seconds of a job before its first step: imports, the context of CUDA, the first kernels
# Seconds in which a core decodes an original image and one of ImageNet-C, measured at 224 px; and cores that do.
ORIGINAL, CORRUPTED, DECODING = 2.5e-3, 0.6e-3, 7

LONG = {"optimizer": "adamw", "epochs": 100, "batch_size": 128, "learning_rate": 0.002, "warmup_epochs": 5}
SHORT = {"epochs": 40, "batch_size": 512, "learning_rate": 0.004, "warmup_epochs": 4}
SHORT_SGD = SHORT | {"optimizer": "sgd", "learning_rate": 0.4, "weight_decay": 0.0005}
MUON = LONG | {"optimizer": "muon", "epochs": 40, "learning_rate": 0.004, "warmup_epochs": 2, "gradient_clip": 1.0}
VIT_LONG = LONG | {"epochs": 200, "learning_rate": 0.001, "gradient_clip": 1.0}
VIT_SHORT = SHORT | {"epochs": 90, "learning_rate": 0.002, "gradient_clip": 1.0}
# Recipes for the CIFAR-10 study: of most designs, of ConvNeXts, and of ViTs.
OF_STUDY = "Muon (the study)"
RECIPES = {
    "long": (LONG, LONG, VIT_LONG),
    OF_STUDY: (MUON, MUON, MUON),
    "short": (SHORT_SGD, SHORT, VIT_SHORT),
}


class Pricing:
    """What the networks of a study cost on a card; the kernels of each are counted once."""

    def __init__(self, study: Study):
        self.study = study
        self.card = CARDS["H100"]
        self.side, self.classes = study.dataset.side, PUBLISHED[study.dataset.name].classes
        self.counted = {}

    def _kernels(self, function, design: str, argument):
        key = function, design, str(argument)
        if key not in self.counted:
            with redirect_stdout(StringIO()):
                description = self.study.designs[design].description(self.side)
                self.counted[key] = function(description, self.classes, self.side, argument)
        return self.counted[key]

    def step(self, designs: list[str], recipe: Recipe, passes: int = 1, products: str = "tf32") -> Cost:
        """A training step of networks of `designs`, each going forward and backward so many times.

        Args:
            products: precision of Muon's.
        """
        total = Cost(AROUND * FLOOR, AROUND * LAUNCH)
        for design in designs:
            both, optimizer = self._kernels(training, design, recipe)
            total += both.cost(self.card, "bfloat16") * passes + optimizer.cost(self.card, products)
        return total

    def predicted(self, design: str, batch: int = PREDICTED) -> Cost:
        """An image predicted in batches of `batch`."""
        return self._kernels(inference, design, batch).cost(self.card, self.study.prediction.precision) * (1 / batch)

    def operations(self, design: str, batch: int = PREDICTED) -> float:
        """Floating-point operations of an image predicted."""
        return sum(operations for _, operations, _ in self._kernels(inference, design, batch).listed) / batch

    def explained(self, design: str) -> Cost:
        """An image explained by one gradient."""
        return self._kernels(gradient, design, EXPLAINED).cost(self.card, "float32") * (1 / EXPLAINED)


def hours(pricing: Pricing, captured: bool, processes: int) -> dict[str, float]:
    """Rule -> GPU hours of all of its jobs."""
    study = pricing.study
    most, joint, search = study.dataset.most_images(), study.joint, study.search
    original, corrupted = (ORIGINAL / DECODING, CORRUPTED / DECODING) if study.dataset.on_the_fly else (0, 0)
    conditions = len(study.corruptions.names) * len(study.corruptions.severities)
    spent = defaultdict(float)

    def add(rule: str, cost: Cost, feeding: float = 0, replayed: bool = False, jobs: int = 1) -> None:
        spent[rule] += jobs * (cost.seconds(captured and replayed, processes, feeding) + START / processes) / 3600

    def train(rule: str, designs: list[str], recipe: Recipe, passes: int = 1, jobs: int = 1) -> None:
        steps = recipe.epochs * (most["train"] // recipe.batch_size)
        cost = pricing.step(designs, recipe, passes) * steps
        add(rule, cost, steps * recipe.batch_size * original, replayed=recipe.optimizer != "sgd", jobs=jobs)
        seen = recipe.epochs * most["validation"]
        validated = sum((pricing.predicted(design) for design in designs), Cost()) * seen
        spent[rule] += jobs * validated.seconds(False, processes, seen * original) / 3600

    def use(designs: list[str], jobs: int = 1) -> None:
        cost = sum((pricing.predicted(design) for design in designs), Cost()) * (most["test"] * (1 + conditions))
        add("predict", cost, most["test"] * (original + conditions * corrupted), jobs=jobs)
        passes = sum(study.attribution.steps if m == "integrated_gradients" else 1 for m in study.attribution.methods)
        cost = sum((pricing.explained(design) for design in designs), Cost()) * (study.probe.images * passes)
        add("attribute", cost, jobs=jobs)

    for design in study.trained_designs():
        train("train", [design], study.recipe(design), jobs=study.members.seeds)
        use([design] * study.members.seeds)
    if joint:
        settings = len(study.joint_settings())
        train("train_jointly", joint.designs, study.joint_recipe(), jobs=settings * joint.seeds)
        use(joint.designs * joint.seeds, jobs=settings)
    if search:
        train("train_supernet", [search.design], study.search_recipe(), passes=2 + search.random_subnetworks)
        calibrated = pricing.predicted(search.design, CALIBRATED) * search.calibration_images
        validated = pricing.predicted(search.design) * most["validation"]
        read = most["validation"] * original
        add("search", (calibrated + validated) * search.evaluations, read * search.evaluations)
        use([search.design] * search.members)
    return dict(spent)


def table_of_hours(pricings: list[Pricing]) -> list[list[str]]:
    """Header and rows: rule, then the hours of each study and way; totals last, on each card."""
    rows = [["GPU hours", *(f"`{pricing.study.study}`, {way}" for pricing in pricings for way in WAYS)]]
    spent = {}
    for card in CARDS:
        for pricing in pricings:
            pricing.card = CARDS[card]
        spent[card] = [hours(pricing, *way) for pricing in pricings for way in WAYS.values()]
    rows += [[rule, *(figure(column[rule]) for column in spent["H100"])] for rule in spent["H100"][0]]
    return rows + [[f"in all, {card}", *(figure(sum(c.values())) for c in spent[card])] for card in CARDS]


def table_of_savings() -> list[list[str]]:
    """Header and a row per recipe: GPU hours of the CIFAR-10 study in all, usual and captured."""
    ways = ("usual", "captured")
    rows = [["recipe", *ways]]
    for name, recipes in RECIPES.items():
        pricing = Pricing(with_recipes(*recipes))
        rows.append([name, *(figure(sum(hours(pricing, *WAYS[way]).values())) for way in ways)])
    return rows


def with_recipes(usual: dict, convnext: dict, vit: dict) -> Study:
    """The CIFAR-10 study with other recipes; ViTs and ConvNeXts have their own."""
    values = merged("cifar10")
    values["training"] |= usual
    for name, design in values["designs"].items():
        own = {"convnext": convnext, "vit": vit}.get(name.partition("_")[0])
        if own:
            design["training"] = {"optimizer": "adamw", "weight_decay": 0.05} | own
    return load(values)


def table_of_steps(pricing: Pricing, designs: list[str]) -> list[list[str]]:
    """Header and a row per design: milliseconds of a training step on an H100."""
    rows = [["design", "batch", "launching, ms", "computing, ms"]]
    pricing.card = CARDS["H100"]
    for design in designs:
        recipe = pricing.study.recipe(design)
        step = pricing.step([design], recipe)
        rows.append([design, str(recipe.batch_size), f"{step.launching * 1e3:.1f}", f"{step.computing * 1e3:.1f}"])
    return rows


def training_minutes(pricing: Pricing, products: str) -> float:
    """Minutes in which an H100 computes captured steps of all designs of a study with `SEEDS` seeds."""
    pricing.card, images, total = CARDS["H100"], pricing.study.dataset.most_images()["train"], 0.0
    for design in pricing.study.trained_designs():
        recipe = pricing.study.recipe(design)
        steps = recipe.epochs * (images // recipe.batch_size)
        total += steps * pricing.step([design], recipe, products=products).computing
    return total * SEEDS / 60


def table_of_accuracies(rows: pd.DataFrame) -> list[list[str]]:
    """Header and a row per design: accuracies in per cent by both precisions, and their paired difference.

    The difference has a 95% interval over seeds (Student's t), in the last row over all pairs.
    """
    table = [["design", *(f"{images}, {of}" for images in SCORES for of in ("float32", "TF32", "points"))]]
    wide = rows.pivot(index=["design", "seed"], columns="precision", values=SCORES) * 100
    for name, pairs in [*wide.groupby(level="design", sort=False), ("all", wide)]:
        cells = [name]
        for score in SCORES:
            change = pairs[score, "tf32"] - pairs[score, "float32"]
            half = t.ppf(0.975, len(change) - 1) * change.sem()
            cells += [f"{pairs[score, of].mean():.1f}" for of in ("float32", "tf32")]
            cells.append(f"{change.mean():+.1f} ± {half:.1f}".replace("-", "−"))
        table.append(cells)
    return table


def figure(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def report() -> str:
    peaks, pricings = CARDS["H100"].flops, [Pricing(study(name)) for name in STUDIES]
    hours = table_of_hours(pricings)
    on_h100 = dict(zip(hours[0], next(row for row in hours if row[0] == "in all, H100"), strict=True))
    return TEMPLATE.read_text().format(
        hours=table(hours),
        **{name: on_h100[f"`{name}`, captured"] for name in STUDIES},
        steps=table(table_of_steps(pricings[0], pricings[0].study.trained_designs())),
        compute=COMPUTE,
        bandwidth=BANDWIDTH,
        floor=FLOOR * 1e6,
        launch=LAUNCH * 1e6,
        ratio=peaks["bfloat16"] / peaks["float32"],
        original=ORIGINAL * 1e3,
        corrupted=CORRUPTED * 1e3,
        decoding=DECODING,
        start=START,
        precision=pricings[0].study.prediction.precision,
        savings=table(table_of_savings()),
        seeds=SEEDS,
        slow=training_minutes(pricings[0], "float32"),
        fast=training_minutes(pricings[0], "tf32"),
        accuracies=table(table_of_accuracies(pd.read_csv(KEPT))),
    )


def main() -> None:
    write, text = options(__doc__, "write").parse_args().write, report()
    print(text)
    if write:
        REPORT.write_text(text)


if __name__ == "__main__":
    main()
