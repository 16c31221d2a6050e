"""Classify images with the ensemble in this folder. It needs numpy, pillow and onnxruntime; nothing else.

    python model.py photo.png ...

From Python: `answer = load()`, then `probabilities, mutual_information, abstained = answer(read("photo.png"))`. Images
are uint8 B x H x W x 3, of the size that `read` makes them. Probabilities are float32 B x classes, in the order of
`CLASSES`; the mutual information of the members in nats is float32 B, and 0 if they agree;
abstained is bool B: whether the largest probability is below the threshold that `load` was given, for example
`load(threshold=THRESHOLDS["corrupted"]["wrong"][0.02])`. `THRESHOLDS` has those of card.md: for clean and corrupted
images, for a least "coverage", and for a largest share of images that are answered wrongly ("wrong"); 2 where the
images of the study promise it only if every image is abstained on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parent
ABOUT = json.loads((FOLDER / "ensemble.json").read_text(encoding="utf-8"))
CLASSES = ABOUT["classes"]
THRESHOLDS = {
    images: {goal: {float(target): value for target, value in of.items()} for goal, of in goals.items()}
    for images, goals in ABOUT["thresholds"].items()
}


def load(threshold=0.0):
    """A function that answers images, and abstains where the largest probability is below `threshold`."""
    run = _program()
    side = ABOUT["side"]

    def answer(images):
        if images.dtype != np.uint8 or images.shape[1:] != (side, side, 3):
            got = f"{images.dtype} {' x '.join(map(str, images.shape))}"
            raise TypeError(f"images: expected uint8 B x {side} x {side} x 3, got {got}; use read()")
        probabilities, mutual_information = run(images)
        # In float64, so that a threshold is not rounded down to a smaller probability.
        return probabilities, mutual_information, probabilities.max(axis=1).astype(np.float64) < threshold

    return answer


def _program():
    session = onnxruntime.InferenceSession(str(FOLDER / "ensemble.onnx"), providers=["CPUExecutionProvider"])
    return lambda images: tuple(session.run(None, {"images": images}))


def read(path):
    """The image in a file as the members saw images in the study: resized, its centre cropped; uint8 1 x H x W x 3."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        image = image.convert("RGB")
    side, short = ABOUT["side"], int(ABOUT["side"] / ABOUT["margin"])
    width, height = (int(short * length / min(image.size)) for length in image.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    image = image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + side, top + side))
    return np.array(image)[None]


def main():
    """Classify the files of the command line; what cannot be read is reported, and the exit status is then 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("images", nargs="+", help="image files")
    parser.add_argument("--threshold", type=float, default=0.0, help="abstain below this probability")
    arguments = parser.parse_args()
    if not arguments.threshold:
        print("model.py: never abstains without --threshold; card.md has some", file=sys.stderr)
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may have any bytes
    answer, unreadable = load(threshold=arguments.threshold), 0
    for path in arguments.images:
        try:
            image = read(path)
        except Exception as error:  # each format of images has errors of its own
            unreadable += 1
            print(f"{path}: not classified, because it cannot be read: {' '.join(str(error).split())}", file=sys.stderr)
            continue
        probabilities, mutual_information, abstained = (values[0] for values in answer(image))
        best = probabilities.argmax()
        said = f"{CLASSES[best]}, probability {probabilities[best]:.4f}, mutual information {mutual_information:.4f}"
        print(f"{path}: {said}{', abstains' if abstained else ''}", flush=True)
    return int(unreadable > 0)


if __name__ == "__main__":
    sys.exit(main())
