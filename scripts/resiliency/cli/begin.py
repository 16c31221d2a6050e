"""Estimates for a study before its first job, and a study that fits a folder of images.

`resiliency begin data/photos` says what is in a folder, writes `studies/photos.yaml` and estimates
its time and memory here. Pretrained networks are chosen only if their weights are on this machine
or can be downloaded.
"""

import os
import re
import resource
import shlex
import shutil
import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from PIL import Image

from resiliency.base.faults import Fault, expected
from resiliency.base.names import CLEAN, FEWEST_IMAGES, LONGEST
from resiliency.data.folder import broken_pictures, folders_read, image_folder
from resiliency.data.pictures import files_of, printable
from resiliency.data.reading import read_splits
from resiliency.data.settings import PUBLISHED
from resiliency.data.source import ALL, SPLITS, Source
from resiliency.data.writing import check_number, units_of_data_set
from resiliency.report.words import duration, listed, plural
from resiliency.storage import replacing
from resiliency.study.files import home, load, merged, read, read_merged
from resiliency.study.model import Study
from resiliency.study.plan import UNCOUNTED_CLASSES

TIMED = 8  # number of images in a timed batch
BACKWARD = 3  # time of a training step, in predictions
# Seconds per start; jobs per member and per study.
SECONDS_OF_JOB, JOBS_OF_MEMBER, JOBS = 0.5, 3, 30
# By side, on one core, mean over corruptions.
CORRUPT_PER_MINUTE = {32: 120_000, 64: 40_000, 224: 2_500}
CHANNELS, OF_LOGIT = 3, 2  # bytes per pixel and per logit


def check(files: Sequence[Path]) -> None:
    """Print what a run of the study in `files` will take; a dry run, which decodes its pictures,
    comes before.

    Raises:
        Fault: as from `counted`, or there is less space on the disk than the results take.
    """
    study = load(read_merged([home() / "config.yaml", *files]))
    if not study.dataset:
        print(
            "no images are read: results are computed from files of predictions or scores, in "
            "minutes"
        )
        return
    images = counted(study)
    seconds, memory = estimate(study, images)
    print(of_splits(images))
    members = plural(len(study.independent_members()), "independent member")
    print(
        f"{members}; about {duration(seconds)} on this machine, {memory / 2**30:.1f} GiB per "
        "concurrent job"
    )
    if study.joint or study.search:
        print("the time of joint training and of the search is not counted")
    needed, free = stored(study, images), shutil.disk_usage(".").free
    if needed > free:
        raise Fault(
            f"disk: results take about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free; "
            "make room"
        )
    print(f"about {needed / 2**30:.1f} GiB of {free / 2**30:.0f} GiB free on the disk")


def of_splits(n_images: dict[str, int]) -> str:
    """Words such as "train 108, test 54 images"."""
    return ", ".join(f"{split} {count:,}" for split, count in n_images.items() if count) + " images"


def counted(study: Study, source: Source | None = None) -> dict[str, int]:
    """Split -> number of images, 0 of those that the study lacks; of a published dataset, the most
    it can have.

    Args:
        source: images in the folder of the study, if they have been read.

    Raises:
        Fault: as from `read_splits`; or there are too few units of test images.
    """
    data = study.data
    if most := data.most_images():
        return most
    source, chosen = read_splits(data, study.seed, study.splits, source)
    if data.named_groups and len(study.combined_members()) >= min(study.ensembles.sizes):
        check_number(
            CLEAN,
            units_of_data_set(source, chosen["test"], data.groups, data.test_groups),
            FEWEST_IMAGES,
        )
    return dict.fromkeys(SPLITS, 0) | {
        split: len(indices) for split, (_, indices) in chosen.items()
    }


def estimate(study: Study, n_images: dict[str, int]) -> tuple[float, float]:
    """Seconds on all cores of this machine, and bytes of memory per job, from a timed batch of each
    design.

    Training steps count as three predictions. Attributions and analysis add about as much as half
    the predictions, and each job takes a while to start.
    """
    import torch

    from resiliency.designs.members import described
    from resiliency.designs.networks import build

    side, seconds = study.data.side, 0.0
    conditions = 1 + len(study.corruptions.names) * len(study.corruptions.severities)
    torch.set_num_threads(1)
    for design in study.members.designs:
        network = build(described(design, study.description(design)), 10, 0).eval()
        batch = torch.zeros(TIMED, 3, side, side)
        with torch.inference_mode():
            network(batch)
            start = time.process_time()
            network(batch)
        of_image = (time.process_time() - start) / TIMED
        steps = n_images["train"] * study.recipe(design).epochs * BACKWARD
        seeds = sum(member.startswith(f"{design}-s") for member in study.independent_members())
        seconds += of_image * seeds * (steps + 1.5 * n_images["test"] * conditions)
    rate = CORRUPT_PER_MINUTE[min(CORRUPT_PER_MINUTE, key=lambda known: abs(known - side))] / 60
    seconds += n_images["test"] * (conditions - 1) / rate
    memory = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + n_images["test"] * side**2 * 3
    )
    members = len(study.independent_members())
    seconds += SECONDS_OF_JOB * (JOBS + JOBS_OF_MEMBER * members + len(study.corruptions.names))
    return seconds / (os.cpu_count() or 1), memory


def stored(study: Study, n_images: dict[str, int]) -> int:
    """Bytes on disk that grow with a study: its images, corrupted images, and the logits of all
    members."""
    pixels, conditions = (
        study.data.side**2 * CHANNELS,
        len(study.corruptions.names) * len(study.corruptions.severities),
    )
    arrays = 0 if study.data.on_the_fly else sum(n_images.values()) * pixels
    corrupted = n_images["test"] * conditions * pixels
    members = len(study.independent_members() + study.joint_members() + study.searched_members())
    classes = (
        PUBLISHED[study.data.name].classes if study.data.name in PUBLISHED else UNCOUNTED_CLASSES
    )
    return arrays + corrupted + members * n_images["test"] * (1 + conditions) * classes * OF_LOGIT


SAMPLED = 500  # number of images whose sizes are read
# Below so many training images, of this side or more, pretrained weights are fine-tuned.
FEW, LARGE_ENOUGH = 5_000, 96
SHARES = {"validation": 0.1, "test": 0.3}  # default shares of images that the study splits
MOST_SHARED = 0.4  # largest share that is split off if there are few images
# Names of frames of films, say `clip3_0012`.
FRAMES = {mark: re.compile(rf"^(.+){mark}\d+$") for mark in "_-"}
FEWEST_FILMS, FEWEST_FRAMES = 3, 3  # mean number of films per class, and of frames per film
NAME = re.compile(r"[^A-Za-z0-9_]+")

FINE_TUNED = """\
dataset: {{name: image_folder, folder: {folder}, image_size: 224{options}}}
designs:                          # pretrained on ImageNet; timm's hub is read once
{designs}
members: {{designs: [{names}], seeds: 2, baseline: {baseline}-s0}}
training: {{epochs: 5, batch_size: {batch}, optimizer: adamw, learning_rate: 0.001, warmup_epochs: 1}}
"""  # noqa: E501
PRETRAINED = {
    "resnet18_tuned": "resnet18.a1_in1k",
    "mobilenetv3_tuned": "mobilenetv3_small_100.lamb_in1k",
    "efficientnet_tuned": "tf_efficientnet_lite0",
}
OFFLINE = (
    "no pretrained weights are here, and timm's hub does not answer: all networks start from "
    "random weights, and few "
    "images make weak ones. To fine-tune instead, run this again with a connection"
)
FEWEST_DESIGNS = 2  # least number of PRETRAINED, for ensembles of different designs
FROM_SCRATCH = """\
dataset: {{name: image_folder, folder: {folder}, image_size: {side}{options}}}
designs:
  resnet18: {{architecture: resnet18, stem: original, arguments: {{channels: [16, 32, 64, 128]}}}}
  densenet: {{architecture: densenet121, stem: original, arguments: {{growth_rate: 8, block_config: [3, 3, 3, 3]}}}}
  mobilenetv3: {{architecture: mobilenetv3_small_050, stem: original}}
members: {{designs: [resnet18, densenet, mobilenetv3], seeds: 2, baseline: resnet18-s0}}
training: {{epochs: 20, batch_size: {batch}, optimizer: adamw, learning_rate: 0.003, warmup_epochs: 2}}
"""  # noqa: E501
STUDY = """\
# yaml-language-server: $schema=study.schema.json
# {found}
study: {name}
{chosen}ensembles: {{sizes: [2, 3]}}
probe: {{n_images: {probe}}}             # test images for attributions and activations
joint: null                       # no joint training
search: null                      # no architecture search
"""


class Found(NamedTuple):
    """Contents of a folder of images.

    Attributes:
        n_images: number of images of each split; an estimate if the study is to split them.
        shares: split -> its share of the images, for splits that the study draws.
        classes: name -> number of images.
        side: median length of the shorter side, in pixels.
        films: pattern of names of frames, such as `<film>_*`, if all names look so; else empty.
    """

    n_images: dict[str, int]
    shares: dict[str, float]
    classes: dict[str, int]
    side: int
    films: str


def look(source: Source) -> Found:
    """Contents of a folder that `image_folder` has read."""
    parts = source.parts
    counts = {name: len(part.labels) for name, part in parts.items()}
    divided = counts.pop(ALL if ALL in counts else "train")
    smallest = min(MOST_SHARED, ceil(100 * FEWEST_IMAGES / divided) / 100)
    shares = {split: max(share, smallest) for split, share in SHARES.items() if split not in counts}
    counts |= {split: round(share * divided) for split, share in shares.items()}
    counts["train"] = divided - sum(counts[split] for split in shares)
    listed = [file for part in parts.values() for file in files_of(part.images)]
    labels = np.concatenate([part.labels for part in parts.values()])
    sides: list[int] = []
    for file in listed[:: max(1, len(listed) // SAMPLED)]:
        with Image.open(file) as image:
            sides.append(min(image.size))
    return Found(
        n_images={split: counts[split] for split in SPLITS},
        shares=shares,
        classes=dict(
            zip(
                source.classes,
                np.bincount(labels, minlength=len(source.classes)).tolist(),
                strict=True,
            )
        ),
        side=int(np.median(sides)),
        films=_films(listed),
    )


def _films(files: list[str]) -> str:
    """The pattern of names of frames, where each class has several films and a film several
    frames."""
    for mark, frame in FRAMES.items():
        names = [frame.match(os.path.splitext(file)[0]) for file in files]
        films = {name[1] for name in names if name}
        folders = {os.path.dirname(film) for film in films}
        if all(names) and len(folders) * FEWEST_FILMS <= len(films) <= len(files) / FEWEST_FRAMES:
            return f"<film>{mark}*"
    return ""


def sentences(found: Found) -> list[str]:
    """Sentences about what was found and how to use it."""
    total, fewest = (
        sum(found.classes.values()),
        min(found.classes, key=lambda name: found.classes[name]),
    )
    counted = (
        f"{total:,} images of {len(found.classes):,} classes; the fewest of {fewest} "
        f"({found.classes[fewest]:,})"
    )
    lines = [f"{counted}; shorter side {found.side} px (median)"]
    if found.films:
        kept = (
            f"groups: {found.films} keeps the frames of each in one split. Remove it if they "
            "are not"
        )
        lines.append(f"names look like frames of films or bursts; {kept}")
    return lines


def study_name(text: str) -> str:
    """A name that a study may have, of any text."""
    return NAME.sub("_", text)[:LONGEST] or "photos"


def available() -> dict[str, str]:
    """The entries of `PRETRAINED` whose weights are on this machine or can be downloaded."""
    from resiliency.designs.weights import is_available, pretrained_config

    return {
        name: of
        for name, of in PRETRAINED.items()
        if is_available(str(pretrained_config(of).hf_hub_id))
    }


def study_text(name: str, folder: str, found: Found, pretrained: dict[str, str]) -> str:
    """The study as YAML: fine-tuning of `pretrained`, design -> architecture, or training from
    scratch without any."""
    changed = {split: share for split, share in found.shares.items() if share != SHARES[split]}
    options = {f"{split}_fraction": str(share) for split, share in changed.items()}
    options |= {"groups": found.films} if found.films else {}
    designs = (
        f"  {design}: {{architecture: {architecture}, weights: pretrained, training: {{train: 1}}}}"
        for design, architecture in pretrained.items()
    )
    chosen = (FINE_TUNED if pretrained else FROM_SCRATCH).format(
        folder=quoted(folder),
        side=64 if found.side >= 64 else 32,
        options="".join(f", {key}: {value}" for key, value in options.items()),
        batch=max(4, min(64, found.n_images["train"] // 20)),
        designs="\n".join(designs),
        names=", ".join(pretrained),
        baseline=next(iter(pretrained), ""),
    )
    total = sum(found.classes.values())
    comment = (
        f"{total:,} images of {len(found.classes):,} classes in {quoted(folder)}, by "
        "resiliency begin"
    )
    return STUDY.format(
        name=quoted(name), found=comment, chosen=chosen, probe=min(30, found.n_images["test"])
    )


def quoted(text: str) -> str:
    """Any text as YAML on one line, in double quotes."""
    return yaml.safe_dump(text, default_style='"', width=float("inf"), allow_unicode=True).strip()


def begin(folder: str, file: Path, from_scratch: bool = False) -> None:
    """Print the contents of `folder`, and write a study of it to `file`, whole or not at all.

    Args:
        from_scratch: whether all networks start from random weights.

    Raises:
        Fault: as from `image_folder`; pictures that cannot be decoded; there are too few images; or
            `file` exists.
    """
    if file.exists():
        raise Fault(
            f"{file}: {expected('a new file', 'one that exists')}; delete it or give another "
            "--study"
        )
    if any("\ud800" <= character <= "\udfff" for character in folder):
        raise Fault(f"{printable(folder)}: is not named in UTF-8; rename it")
    if broken := broken_pictures(folders_read("image_folder", Path(folder))):
        raise Fault("\n".join(broken))
    found = look(source := image_folder(Path(folder), 64, 0.875))
    print(*sentences(found), sep="\n")
    _check_enough(folder, found.n_images)
    pretrained = {}
    if found.n_images["train"] < FEW and found.side >= LARGE_ENOUGH and not from_scratch:
        pretrained = available()
        if len(pretrained) < FEWEST_DESIGNS:
            print(OFFLINE)
            pretrained = {}
    text = study_text(study_name(file.stem), folder, found, pretrained)
    study = load(merged([read(home() / "config.yaml"), yaml.safe_load(text)]))
    try:
        images = counted(study, source)
    except Fault as fault:  # its advice is about keys of a study, which is not written
        cause = re.sub(r"^dataset[.\w]*: ", "", str(fault)).partition("; ")[0]
        remedy = (
            " of other films, or rename the images if they are no frames" if found.films else ""
        )
        raise Fault(f"{printable(folder)}: {cause}; add images{remedy}") from fault
    print(of_splits(images))
    _check_enough(folder, images)
    seconds, memory = estimate(study, images)
    if file.parent.resolve() != home() / "studies":  # which holds the schema
        text = text.replace("$schema=", f"$schema={home()}/studies/", 1)
    with replacing(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    members = plural(len(study.independent_members()), "member")
    print(
        f"{file}: {members}; about {duration(seconds)} on this machine, {memory / 2**30:.1f} GiB "
        "per concurrent job"
    )
    print(f"resiliency run {shlex.quote(str(file))}")


def _check_enough(folder: str, n_images: dict[str, int]) -> None:
    if min(n_images.values()) < FEWEST_IMAGES:
        got = listed([f"{count} for {split}" for split, count in n_images.items()])
        raise Fault(
            f"{printable(folder)}: {expected(f'{FEWEST_IMAGES} images or more per split', got)}; "
            "add images"
        )
