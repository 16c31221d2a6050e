"""Classify images with the ensemble in this folder. It needs numpy, pillow and onnxruntime; nothing
else.

    python model.py photo.png ...

From Python: `answer = load()`, then `probabilities, mutual_information, abstained, unlike =
answer(read("photo.png"))`. Images are uint8 B x H x W x 3, of the size that `read` makes them.
Probabilities are float32 B x classes, in the order of `CLASSES`; the mutual information of the
members in nats is float32 B, and 0 if they agree. abstained is bool B: whether the largest
probability is below the threshold; unlike is bool B: whether the picture looks unlike those of the
study in colour, contrast or sharpness. `answer.notes()` says what is to be known before the first
answer, and whether the rate of either has left the range that the study measured.

`load()` takes the threshold of the study's requirement. Others are
`load(THRESHOLDS["corrupted"]["wrong"][0.02])`, of card.md: for clean and corrupted images, for a
least "coverage", and for a largest share of images that are answered wrongly ("wrong"); 2 where the
images of the study promise it only if every image is abstained on. `load(0)` never abstains.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))  # also for python -I
from watching import Rate, distances, look  # noqa: E402

ABOUT = json.loads((FOLDER / "ensemble.json").read_text(encoding="utf-8"))
CLASSES = ABOUT["classes"]
THRESHOLDS = {
    images: {
        goal: {float(target): value for target, value in of.items()} for goal, of in goals.items()
    }
    for images, goals in ABOUT["thresholds"].items()
}


class Answerer:
    """Answers images, counts how often it abstains and how many are unlike the study's, and watches
    both rates.

    It abstains below `threshold`; None for that of the study's requirement, 0 for never.
    """

    def __init__(self, threshold=None):
        chosen = ABOUT["abstaining"]
        self.why_not = (
            "" if threshold is not None or chosen["threshold"] is not None else chosen["why"]
        )
        self.threshold = (chosen["threshold"] or 0.0) if threshold is None else threshold
        self.rates = (
            {"abstains": Rate(*chosen["range"])} if self.threshold == chosen["threshold"] else {}
        )
        self.rates["is unlike the study's images"] = Rate(*ABOUT["inputs"]["range"])
        self._session = onnxruntime.InferenceSession(
            str(FOLDER / "ensemble.onnx"), providers=["CPUExecutionProvider"]
        )

    def __call__(self, images):
        """Probabilities, mutual information, whether it abstains, and whether the image is unlike
        the study's."""
        side = ABOUT["side"]
        if images.dtype != np.uint8 or images.shape[1:] != (side, side, 3):
            got = f"{images.dtype} {' x '.join(map(str, images.shape))}"
            raise TypeError(
                f"images: expected uint8 B x {side} x {side} x 3, got {got}; use read()"
            )
        probabilities, mutual_information = self._session.run(None, {"images": images})
        # In float64, so that a threshold is not rounded down to a smaller probability.
        abstained = probabilities.max(axis=1).astype(np.float64) < self.threshold
        inputs = ABOUT["inputs"]
        unlike = distances(look(images), inputs["mean"], inputs["inverse"]) > inputs["limit"]
        events = {"abstains": abstained, "is unlike the study's images": unlike}
        for name, rate in self.rates.items():
            rate.add(events[name])
        return probabilities, mutual_information, abstained, unlike

    def notes(self):
        """Sentences: why it never abstains, and which rates have left the range that the study
        measured."""
        found = [f"Never abstains: {self.why_not}"] if self.why_not else []
        for name, rate in self.rates.items():
            if rate.left:
                often = "often" if rate.left == "above" else "seldom"
                measured = (
                    f"{rate.low:.1%} to {rate.high:.1%} in the study, chance of a false "
                    f"alarm {rate.alarm:.0%}"
                )
                found.append(
                    f"It {name} too {often}: {rate.events} of {rate.count} images; {measured}"
                )
        return found


load = Answerer


def read(path):
    """The image in a file as the members saw images in the study: resized, its centre cropped;
    uint8 1 x H x W x 3."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.has_transparency_data:
            image = Image.alpha_composite(
                Image.new("RGBA", image.size, "white"), image.convert("RGBA")
            )
        image = image.convert("RGB")
    side, short = ABOUT["side"], int(ABOUT["side"] / ABOUT["margin"])
    width, height = (int(short * length / min(image.size)) for length in image.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    image = image.resize((width, height), Image.Resampling.BILINEAR).crop(
        (left, top, left + side, top + side)
    )
    return np.array(image)[None]


def main():
    """Classify the files of the command line; what cannot be read is reported, and the exit status
    is then 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("images", nargs="+", help="image files")
    parser.add_argument(
        "--threshold", type=float, help="abstain below this probability (default: the study's)"
    )
    arguments = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may have any bytes
    answer, said, unreadable = load(arguments.threshold), set(), 0

    def tell():
        for note in answer.notes():
            if (what := note.partition(":")[0]) not in said:  # once, though the numbers in it go on
                said.add(what)
                print(note, file=sys.stderr, flush=True)

    tell()
    for path in arguments.images:
        try:
            image = read(path)
        except Exception as error:  # each format of images has errors of its own
            unreadable += 1
            print(
                f"{path}: not classified, because it cannot be read: "
                f"{' '.join(str(error).split())}",
                file=sys.stderr,
            )
            continue
        probabilities, mutual_information, abstained, unlike = (
            values[0] for values in answer(image)
        )
        best = probabilities.argmax()
        line = (
            f"{CLASSES[best]}, probability {probabilities[best]:.4f}, mutual information "
            f"{mutual_information:.4f}"
        )
        line += ", abstains" * bool(abstained) + ", unlike the images of the study" * bool(unlike)
        print(f"{path}: {line}", flush=True)
        tell()
    return int(unreadable > 0)


if __name__ == "__main__":
    sys.exit(main())
