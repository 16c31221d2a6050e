"""Time and memory of studies/imagenet_pretrained.yaml, measured on a part of it with synthetic
logits and extrapolated.

Run by hand: python tests/benchmarks/imagenet_size.py [--images 5000] [--write] Logits of all
members under two of the 76 conditions, the same ones, are on disk (see `member_logits`). Pairs are
compared, all ensembles scored, correlations and observations computed, on one thread and in CPU
time, each stage in a process of its own that tells its peak memory. Predictions are timed with a
ResNet-50, for a few batches on one thread, and extrapolated by multiply-accumulate operations.
Prints the page, and writes it to docs/results/imagenet_costs.md if asked to.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ensembles import paper_size_table
from imagenet_logits import CLASSES, member_logits
from shared import RESULTS, beside, in_own_process, merged, options, peak_memory, table, timed

from resiliency.analysis.left_out import by_family
from resiliency.analysis.observations.architecture import architecture_matters_more
from resiliency.analysis.observations.correlation import correlation_table
from resiliency.analysis.observations.diversity import architecture_brings_diversity
from resiliency.analysis.without_images import image_groups, some_ensembles, without_each
from resiliency.base.machine import processor
from resiliency.base.names import CLEAN
from resiliency.designs.members import Member
from resiliency.designs.networks import build, parameters_and_macs
from resiliency.diversity.metrics import pair_tables
from resiliency.ensembles.pool import EnsembleErrors, ensembles_of
from resiliency.ensembles.table import Pool
from resiliency.prediction.reading import all_conditions, read_predictions
from resiliency.storage import appending_table, read_blocks, read_table, write_array, write_table
from resiliency.study.files import load
from resiliency.study.model import Study

PAGE, TEMPLATE = RESULTS / "imagenet_costs.md", beside(__file__, "imagenet_size.md.template")
CORRUPTION, CONDITIONS, CORRUPTIONS = "fog", 76, 15
TIMED = ("resnet50_a1", 16, 3)  # design, batch, batches
# Seconds in which a core decodes an original image and one of ImageNet-C.
ORIGINAL, CORRUPTED = 2.5e-3, 0.6e-3


def pretrained() -> Study:
    return load(merged("imagenet_pretrained") | {"test_sets": {}})


def make(folder: Path, study: Study, n_images: int) -> None:
    """Logits, labels and the tables that stages read."""
    names = [f"{design}-s0" for design in study.members.designs]
    of_conditions = all_conditions([CORRUPTION], [1], {CLEAN: n_images}, {CLEAN: CLASSES})
    write_table(folder / "conditions.csv", of_conditions)
    parts = [
        member_logits("corrupted", len(names), 500, start) for start in range(0, n_images, 500)
    ]
    write_array(folder / "labels.npy", np.concatenate([labels for _, labels in parts]))
    for index, name in enumerate(names):
        values = np.concatenate([logits[index] for logits, _ in parts])
        write_array(folder / "logits" / name / "clean.npy", np.stack([values] * len(of_conditions)))
    families = [study.designs[design].family_name for design in study.members.designs]
    random = np.random.default_rng(0)
    members = pd.DataFrame({"member": names, "design": study.members.designs, "family": families})
    members = members.assign(
        origin="independent", parameters=random.uniform(1e6, 1e8, len(names)), macs=1e9
    )
    for column in ("clean_accuracy", "corrupted_error", "validation_accuracy"):
        members[column] = random.uniform(0.4, 0.8, len(names))
    write_table(folder / "members.csv", members)


def read(folder: Path) -> tuple[pd.DataFrame, list]:
    members = read_table(folder / "members.csv")
    files = [folder / "logits" / name / "clean.npy" for name in members.member]
    predictions = read_predictions(
        read_table(folder / "conditions.csv"), [folder / "labels.npy"], files
    )
    return members, list(predictions.values())


def pairs(folder: Path) -> None:
    members, predictions = read(folder)
    with appending_table(folder / "pairs.parquet") as append:
        for rows in pair_tables(list(members.member), predictions, lambda source: [], []):
            append(rows)


def score(folder: Path) -> None:
    members, predictions = read(folder)
    pool = Pool(members, predictions, read_blocks(folder / "pairs.parquet"), np.array([0.5]), 0.95)
    groups = [ensembles_of(len(members), size) for size in (2, 3)]
    scored, under_each = pool.score(groups, ["mean_probability", "plurality_vote"])
    write_table(
        folder / "ensembles.parquet",
        scored.assign(origin="independent", ensemble=range(len(scored))),
    )
    under_each.insert(0, "members", scored.members[: len(under_each)])
    write_table(folder / "by_corruption.parquet", under_each)


def correlate(folder: Path) -> None:
    tables = [read_table(folder / f"{name}.parquet") for name in ("ensembles", "by_corruption")]
    metrics = read_table(folder / "pairs.parquet")[["kind", "metric"]].drop_duplicates()
    correlation_table(*tables, metrics, 0.95)


def leave_out_images(folder: Path) -> None:
    members, predictions = read(folder)
    ensembles = some_ensembles(read_table(folder / "ensembles.parquet"), "mean_probability", 0)
    scored = EnsembleErrors(predictions, "mean_probability")
    of_image = image_groups(scored.labels(CLEAN), np.empty(0, np.int64), 0)
    without_each(ensembles, list(members.member), scored, of_image, {})


def observe(folder: Path) -> None:
    members, ensembles = (
        read_table(folder / name) for name in ("members.csv", "ensembles.parquet")
    )
    metrics = read_table(folder / "pairs.parquet")[["kind", "metric"]].drop_duplicates()
    architecture_matters_more(members, 5000)
    architecture_brings_diversity(by_family(ensembles, members), metrics, "mean_probability", 5000)


def measured(stage: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """CPU seconds of a stage on one thread, and GiB of memory at most of this process."""
    torch.set_num_threads(1)
    _, seconds = timed(lambda: stage(folder))
    return seconds, peak_memory()


def predicting(study: Study) -> tuple[float, float]:
    """Images a second of a ResNet-50 on one thread, and seconds of all members for one image."""
    design, batch, batches = TIMED
    torch.set_num_threads(1)
    with redirect_stdout(StringIO()):
        network = build(Member(design, **study.designs[design].description(224)), CLASSES, 0).eval()
        with torch.device("meta"):
            others = [
                build(Member(name, **study.designs[name].description(224)), CLASSES, 0)
                for name in study.members.designs
            ]
            macs = sum(parameters_and_macs(other, [224, 224, 3])[1] for other in others)
    images = torch.zeros(batch, 3, 224, 224)
    with torch.no_grad():
        times = [timed(lambda: network(images))[1] for _ in range(1 + batches)]
    rate = batch / min(times[1:])
    return rate, macs / parameters_and_macs(network, [224, 224, 3])[1] / rate


def lasting(seconds: float) -> str:
    unit, name = (3600, "h") if seconds >= 3600 else (60, "min") if seconds >= 60 else (1, "s")
    return f"{seconds / unit:,.1f} {name}"


def page(n_images: int) -> str:
    study = pretrained()
    rate, on_processor = predicting(study)
    predictions = n_images * CONDITIONS
    decoding = len(study.members.designs) * n_images * (ORIGINAL + (CONDITIONS - 1) * CORRUPTED)
    predicted = on_processor * predictions + decoding
    rows = [
        ["stage", "measured", "peak memory", "factor", "extrapolated, one core", "on two cores"]
    ]
    rows.append(["`predict`", "see below", "", "", lasting(predicted), lasting(predicted / 2)])
    # All correlations are of clean and corrupted images and of each corruption.
    factors = {pairs: CONDITIONS / 2, score: CONDITIONS / 2, correlate: (2 + CORRUPTIONS) / 3}
    factors |= {leave_out_images: CONDITIONS / 2, observe: 1}
    names = {pairs: "pairwise_diversity", score: "score_ensembles"}
    total, on_two = predicted, predicted / 2
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), study, n_images)
        for stage, factor in factors.items():
            seconds, gigabytes = in_own_process("spawn", measured, stage, Path(folder))
            spent = seconds * factor
            two = spent / 2 if stage in (pairs, score) else spent
            total, on_two = total + spent, on_two + two
            rows.append(
                [
                    f"`{names.get(stage, stage.__name__)}`",
                    lasting(seconds),
                    f"{gigabytes:.1f} GiB",
                    f"{factor:.3g}",
                ]
            )
            rows[-1] += [lasting(spent), lasting(two)]
    rows.append(["in all", "", "", "", lasting(total), lasting(on_two)])
    members = len(study.members.designs)
    return TEMPLATE.read_text(encoding="utf-8").format(
        table=table(rows),
        on_two=lasting(on_two),
        paper_size=paper_size_table(),
        machine=f"a machine of {os.cpu_count()} cores ({processor()}) that had other work",
        members=members,
        ensembles=sum(len(ensembles_of(members, size)) for size in study.ensembles.sizes),
        conditions=CONDITIONS,
        images=n_images,
        classes=CLASSES,
        gigabytes=members * predictions * CLASSES * 2 / 1e9,
        measured=2,
        rate=rate,
        corruptions=CORRUPTIONS,
        original=ORIGINAL * 1e3,
        corrupted=CORRUPTED * 1e3,
    )


def main() -> None:
    arguments = options(__doc__, "write", images=5000).parse_args()
    text = page(arguments.images)
    print(text)
    if arguments.write:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
