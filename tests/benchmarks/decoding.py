"""Small members predicted in one pass over JPEG files, which decodes each once, against one pass for each member.

In one pass images are decoded once, and normalised once for members that see them alike. Both sides alternate; times
are CPU seconds of one thread, and ratios are of neighbouring passes. On a CPU most of a pass is spent in the networks.
Where a GPU waits for images, reading decides: the second ratio is of that alone, for members of three sizes, as the
decoding processes do it. The last line is JSON.

    python tests/benchmarks/decoding.py [--images 128] [--repeats 5]
"""

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from shared import options, timed

from resiliency.data.pictures import FileImages, View
from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.designs.settings import Design
from resiliency.prediction.writing import Classifier, logits

MEMBERS, SIDE = 8, 224
SIZES = (224, 240, 256)
ARCHITECTURE = "mobilenetv3_small_050"


def pictures(folder: Path, count: int) -> FileImages:
    """JPEG files of quality 85, as ImageNet-C has them, with the detail of photographs: noise of all scales."""
    random, files = np.random.default_rng(0), []
    for index in range(count):
        total = sum(
            np.asarray(
                Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize((SIDE, SIDE)), float
            )
            / side**0.5
            for side in (4, 14, 56, 224)
        )
        files.append(str(folder / f"{index}.jpg"))
        Image.fromarray(np.uint8(255 * total / total.max())).save(files[-1], quality=85)
    return FileImages(files, SIDE, 1, cropped=True)


def members() -> list[Classifier]:
    description = Design(architecture=ARCHITECTURE).description(SIDE)
    member = Member("a", mean=[0.5] * 3, std=[0.2] * 3)
    return [(build(description, 1000, seed).eval(), member) for seed in range(MEMBERS)]


def main() -> None:
    given = options(__doc__, images=128, repeats=5).parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        images, networks = pictures(Path(folder), given.images), members()

        def predict(groups: list[list[Member]]) -> None:
            for group in groups:
                for _ in logits(group, images):
                    pass

        def read(groups: list[list[View]]) -> None:
            for group in groups:
                images.in_views(slice(None), list(dict.fromkeys(group)))

        views = [View(SIZES[member % len(SIZES)], 1, "bicubic") for member in range(MEMBERS)]
        jobs = {"prediction": (predict, networks), "reading": (read, views)}
        ratios = {name: [] for name in jobs}
        predict([networks])
        for _ in range(given.repeats):
            for name, (work, each) in jobs.items():
                together, apart = (timed(partial(work, groups))[1] for groups in ([each], [[one] for one in each]))
                ratios[name].append(apart / together)
                print(f"{name}: one pass {together:.2f} s, {MEMBERS} passes {apart:.2f} s of CPU")
    summary = {"images": given.images, "members": MEMBERS, "architecture": ARCHITECTURE, "repeats": given.repeats}
    for name, values in ratios.items():
        low, middle, high = (round(float(np.quantile(values, q)), 3) for q in (0, 0.5, 1))
        print(f"{name}: {MEMBERS} passes take {middle} times one pass ({low} to {high})")
        summary |= {f"{name}_ratio": middle, f"{name}_lowest": low, f"{name}_highest": high}
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
