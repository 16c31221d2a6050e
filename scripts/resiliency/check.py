"""What is known of a study before its first job, besides what a dry run says: pictures, time, memory, disk space."""

import os
import resource
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from resiliency.base.faults import Fault
from resiliency.data.reading import read_source
from resiliency.data.settings import PUBLISHED
from resiliency.data.source import ALL, SPLITS
from resiliency.report.words import duration, plural
from resiliency.study.files import load, read_merged
from resiliency.study.model import Study
from resiliency.study.resources import UNCOUNTED_CLASSES

REPOSITORY = Path(__file__).parents[2]
TIMED = 8  # images of a batch that is timed
BACKWARD = 3  # times as long as a prediction that a training step takes
SECONDS_OF_JOB, JOBS_OF_MEMBER, JOBS = 0.5, 3, 30  # to start, and how many there are of a member and of a study
CORRUPT_PER_MINUTE = {32: 120_000, 64: 40_000, 224: 2_500}  # corrupted images of a mean corruption, by side, one core
CHANNELS, OF_LOGIT = 3, 2  # bytes of a pixel and of a logit


def check(files: Sequence[Path]) -> None:
    """Print what a run of the study in `files` will take; a dry run, which decodes its pictures, comes before.

    Raises:
        Fault: as from `read_source`, or there is less space on the disk than the results take.
    """
    study = load(read_merged([REPOSITORY / "config.yaml", *files]))
    if not study.dataset:
        print("no images are read: results are computed from files of predictions or scores, in minutes")
        return
    images = counted(study)
    seconds, memory = estimate(study, images)
    print(", ".join(f"{split} {count:,}" for split, count in images.items() if count) + " images")
    members = plural(len(study.independent_members()), "independent member")
    print(f"{members}; about {duration(seconds)} on this machine, {memory / 2**30:.1f} GiB per concurrent job")
    if study.joint or study.search:
        print("the time of joint training and of the search is not counted")
    needed, free = stored(study, images), shutil.disk_usage(".").free
    if needed > free:
        raise Fault(f"disk: results take about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free; make room")
    print(f"about {needed / 2**30:.1f} GiB of {free / 2**30:.0f} GiB free on the disk")


def counted(study: Study) -> dict[str, int]:
    """Split -> number of images, 0 of those that the study lacks; of a published data set, the most it can have."""
    data = study.data
    if most := data.most_images():
        return most
    parts = read_source(data.name, data.folder, data.side, data.margin, study.splits).parts
    counts = dict.fromkeys(SPLITS, 0) | {name: len(part.labels) for name, part in parts.items()}
    if ALL in parts:
        counts["train"] = counts.pop(ALL)
    whole = counts["train"]
    for split, share in {"test": data.test_fraction, "validation": data.validation_fraction}.items():
        if split not in parts:
            counts[split] = round(share * whole)
            counts["train"] -= counts[split]
    return counts


def estimate(study: Study, images: dict[str, int]) -> tuple[float, float]:
    """Seconds on all cores of this machine, and bytes of one job, from a timed batch of each design.

    Training steps count as three predictions. Attributions and analysis add about as much as half the predictions, and
    each job takes a while to start.
    """
    import torch

    from resiliency.designs.networks import build

    side, seconds = study.data.side, 0.0
    conditions = 1 + len(study.corruptions.names) * len(study.corruptions.severities)
    torch.set_num_threads(1)
    for design in study.members.designs:
        network = build(study.description(design), 10, 0).eval()
        batch = torch.zeros(TIMED, 3, side, side)
        with torch.inference_mode():
            network(batch)
            start = time.process_time()
            network(batch)
        of_image = (time.process_time() - start) / TIMED
        steps = images["train"] * study.recipe(design).epochs * BACKWARD
        seeds = sum(member.startswith(f"{design}-s") for member in study.independent_members())
        seconds += of_image * seeds * (steps + 1.5 * images["test"] * conditions)
    rate = CORRUPT_PER_MINUTE[min(CORRUPT_PER_MINUTE, key=lambda known: abs(known - side))] / 60
    seconds += images["test"] * (conditions - 1) / rate
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + images["test"] * side**2 * 3
    members = len(study.independent_members())
    seconds += SECONDS_OF_JOB * (JOBS + JOBS_OF_MEMBER * members + len(study.corruptions.names))
    return seconds / (os.cpu_count() or 1), memory


def stored(study: Study, images: dict[str, int]) -> int:
    """Bytes of what grows with a study: its images, corrupted ones, and the logits of all members."""
    pixels, conditions = study.data.side**2 * CHANNELS, len(study.corruptions.names) * len(study.corruptions.severities)
    arrays = 0 if study.data.on_the_fly else sum(images.values()) * pixels
    corrupted = images["test"] * conditions * pixels
    members = len(study.independent_members() + study.joint_members() + study.searched_members())
    classes = PUBLISHED[study.data.name].classes if study.data.name in PUBLISHED else UNCOUNTED_CLASSES
    return arrays + corrupted + members * images["test"] * (1 + conditions) * classes * OF_LOGIT
