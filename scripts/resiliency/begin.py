"""Look at a folder of images, say what is in it, and write a study that fits it.

`python -m resiliency.begin data/photos` writes `studies/photos.yaml` and estimates its time and memory here.
"""

import json
import os
import re
import resource
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from resiliency.base.faults import Fault, expected
from resiliency.base.program import one_line_faults, parser
from resiliency.data.duplicates import file_contents
from resiliency.data.folder import image_folder
from resiliency.data.source import ALL, SPLITS, Source
from resiliency.report.words import duration, plural
from resiliency.study.loading import load
from resiliency.study.merging import read_merged
from resiliency.study.model import Study

REPOSITORY = Path(__file__).parents[2]
SAMPLED = 500  # images whose sizes are read
FEWEST_TESTED = 4  # that attributions and activations need
FEW = 5_000  # training images below which pretrained weights are fine-tuned
SHARES = {"train": 0.6, "validation": 0.1, "test": 0.3}  # of images that the study splits, by default
FRAMES = {mark: re.compile(rf"^(.+){mark}\d+$") for mark in "_-"}  # names of frames of films, say `clip3_0012`
FEWEST_FILMS, FEWEST_FRAMES = 3, 3  # of a class, and of a film, on average
NAME = re.compile(r"[^A-Za-z0-9_]+")
TIMED = 8  # images of a batch that is timed
BACKWARD = 3  # times as long as a prediction that a training step takes
CORRUPT_PER_MINUTE = {32: 120_000, 64: 40_000, 224: 2_500}  # corrupted images of a mean corruption, by side, one core

FINE_TUNED = """\
dataset: {{name: image_folder, folder: {folder}, image_size: 224{groups}}}
designs:                          # pretrained on ImageNet; timm's hub is read once
  resnet18_tuned: {{architecture: resnet18.a1_in1k, weights: pretrained, training: {{train: 1}}}}
  mobilenetv3_tuned: {{architecture: mobilenetv3_small_100.lamb_in1k, weights: pretrained, training: {{train: 1}}}}
  efficientnet_tuned: {{architecture: tf_efficientnet_lite0, weights: pretrained, training: {{train: 1}}}}
members: {{designs: [resnet18_tuned, mobilenetv3_tuned, efficientnet_tuned], seeds: 2, baseline: resnet18_tuned-s0}}
training: {{epochs: 5, batch_size: {batch}, optimizer: adamw, learning_rate: 0.001, warmup_epochs: 1}}
"""
FROM_SCRATCH = """\
dataset: {{name: image_folder, folder: {folder}, image_size: {side}{groups}}}
designs:
  resnet18: {{architecture: resnet18, stem: original, arguments: {{channels: [16, 32, 64, 128]}}}}
  densenet: {{architecture: densenet121, stem: original, arguments: {{growth_rate: 8, block_config: [3, 3, 3, 3]}}}}
  mobilenetv3: {{architecture: mobilenetv3_small_050, stem: original}}
members: {{designs: [resnet18, densenet, mobilenetv3], seeds: 2, baseline: resnet18-s0}}
training: {{epochs: 20, batch_size: {batch}, optimizer: adamw, learning_rate: 0.003, warmup_epochs: 2}}
"""
STUDY = """\
# yaml-language-server: $schema=study.schema.json
# {found}
study: {name}
{chosen}ensembles: {{sizes: [2, 3]}}
probe: {{images: {probe}}}               # test images for attributions and activations
joint: null                       # no joint training
search: null                      # no architecture search
"""


class Found(NamedTuple):
    """What is in a folder.

    Attributes:
        images: number of images of each split; an estimate if the study is to split them.
        classes: name -> number of images.
        side: median of the shorter sides, px.
        twice: each image whose file is there before, and the one that has it.
        films: pattern of names of frames, say `<film>_*`, if all names look so; else empty.
    """

    images: dict[str, int]
    classes: dict[str, int]
    side: int
    twice: list[tuple[str, str]]
    films: str


def look(source: Source) -> Found:
    """What is in a folder that `image_folder` has read."""
    parts = source.parts
    counts = {name: len(part.labels) for name, part in parts.items()}
    if ALL in counts:
        counts = {split: round(share * counts[ALL]) for split, share in SHARES.items()}
    elif "validation" not in counts:
        counts["validation"] = round(SHARES["validation"] * counts["train"])
        counts["train"] -= counts["validation"]
    files = {name: part.images.files for name, part in parts.items()}
    listed = [file for of_part in files.values() for file in of_part]
    labels = np.concatenate([part.labels for part in parts.values()])
    contents = [content for of_part in file_contents(files).values() for content in of_part]
    first: dict = {}
    twice = [(file, first[of]) for file, of in zip(listed, contents, strict=True) if first.setdefault(of, file) != file]
    return Found(
        images={split: counts[split] for split in SPLITS},
        classes=dict(zip(source.classes, np.bincount(labels, minlength=len(source.classes)).tolist(), strict=True)),
        side=_median_side(listed),
        twice=twice,
        films=_films(listed),
    )


def _median_side(files: list[str]) -> int:
    sides = []
    for file in files[:: max(1, len(files) // SAMPLED)]:
        with Image.open(file) as image:
            sides.append(min(image.size))
    return int(np.median(sides))


def _films(files: list[str]) -> str:
    """The pattern of names of frames, where each class has several films and a film several frames."""
    for mark, frame in FRAMES.items():
        names = [frame.match(os.path.splitext(file)[0]) for file in files]
        films = {name[1] for name in names if name}
        folders = {os.path.dirname(film) for film in films}
        if all(names) and len(folders) * FEWEST_FILMS <= len(films) <= len(files) / FEWEST_FRAMES:
            return f"<film>{mark}*"
    return ""


def sentences(found: Found) -> list[str]:
    """What was found, and what to do about it."""
    total, fewest = sum(found.classes.values()), min(found.classes, key=found.classes.get)
    lines = [
        f"{total:,} images of {len(found.classes):,} classes; the fewest of {fewest} ({found.classes[fewest]:,}); "
        f"shorter side {found.side} px (median)",
        ", ".join(f"{split} {count:,}" for split, count in found.images.items()) + " images",
    ]
    if found.twice:
        copies = f"{plural(len(found.twice), 'image')} twice, e.g. {found.twice[0][0]} is {found.twice[0][1]}"
        lines.append(f"{copies}; the study refuses copies in two splits. Remove them")
    if found.films:
        lines.append(
            f"names look like frames of films or bursts; groups: {found.films} keeps the frames of each in one split. "
            "Remove it if they are not"
        )
    return lines


def study_text(name: str, folder: str, found: Found) -> str:
    """The study as YAML: fine-tuning if there are few training images and they are large enough, else from scratch."""
    tuned = found.images["train"] < FEW and found.side >= 96
    side = 64 if found.side >= 64 else 32
    chosen = (FINE_TUNED if tuned else FROM_SCRATCH).format(
        folder=json.dumps(folder, ensure_ascii=False),
        side=side,
        groups=f", groups: {found.films}" if found.films else "",
        batch=max(4, min(64, found.images["train"] // 20)),
    )
    total = sum(found.classes.values())
    comment = f"{total:,} images of {len(found.classes):,} classes in {folder}, by python -m resiliency.begin"
    return STUDY.format(name=json.dumps(name), found=comment, chosen=chosen, probe=min(30, found.images["test"]))


def estimate(study: Study, images: dict[str, int]) -> tuple[float, float]:
    """Seconds on all cores of this machine, and bytes of one job, from a timed batch of each design.

    Training steps count as three predictions. Attributions and analysis add about as much as half the predictions.
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
    return seconds / (os.cpu_count() or 1), memory


def begin(folder: str, file: Path) -> None:
    """Print what is in `folder`, and write a study of it to `file`.

    Raises:
        Fault: as from `image_folder`; there are too few images; or `file` exists.
    """
    if file.exists():
        raise Fault(f"{file}: {expected('a new file', 'one that exists')}; delete it or give another --study")
    found = look(image_folder(Path(folder), 64, 0.875))
    print(*sentences(found), sep="\n")
    if found.images["test"] < FEWEST_TESTED:
        raise Fault(f"{folder}: {expected(f'{FEWEST_TESTED} test images or more', found.images['test'])}; add images")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(study_text(NAME.sub("_", file.stem), folder, found), encoding="utf-8")
    try:
        study = load(read_merged([REPOSITORY / "config.yaml", file]))
    except Fault:
        file.unlink()
        raise
    seconds, memory = estimate(study, found.images)
    members = plural(len(study.independent_members()), "member")
    print(f"{file}: {members}; about {duration(seconds)} on this machine, {memory / 2**30:.1f} GiB per concurrent job")
    print(f"snakemake --cores all --configfile {file}")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("folder", help="folder of images: <class>/*, or train/<class>/* and test/<class>/*")
    arguments.add_argument("--study", type=Path, help="file to write (default: studies/<folder>.yaml)")
    given = arguments.parse_args()
    name = NAME.sub("_", Path(given.folder).resolve().name)
    with one_line_faults():
        begin(given.folder, given.study or Path("studies", f"{name}.yaml"))


if __name__ == "__main__":
    main()
