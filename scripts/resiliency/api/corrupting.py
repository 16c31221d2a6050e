"""Corruptions in Python, by this project's arguments or by those of the package imagecorruptions."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import is_pure_tensor

from resiliency.api.evaluating import checked_conditions
from resiliency.base.corruption_names import BUILT_IN, CATEGORIES, HELD_OUT, MAIN
from resiliency.base.faults import Fault, available, expected, short
from resiliency.corruptions import engine
from resiliency.corruptions.registry import TABLES
from resiliency.corruptions.settings import SEVERITIES

IMAGENET_C = "imagenet-c"
DRAWN = 2**31 - 1


def corrupt(
    images: np.ndarray | None = None,
    corruption: str | int | None = None,
    severity: int | str | None = None,
    corruption_number: int = -1,
    *,
    corruption_name: str | None = None,
    image: np.ndarray | None = None,
    table: str = IMAGENET_C,
    seed: int | None = None,
    indices: Sequence[int] | None = None,
) -> np.ndarray:
    """Corrupt images (Hendrycks and Dietterich 2019); takes the place of the function `corrupt` of imagecorruptions.

    The calls of imagecorruptions work as they are: `corrupt(image, 3, "fog")`,
    `corrupt(image, corruption_name="fog", severity=3)` and `corrupt(image, severity=3, corruption_number=9)`.

    Args:
        images: uint8 N x H x W x 3, or one image H x W x 3, H x W x 1 or H x W; H and W at least 32. They are not
            changed.
        corruption: name of a corruption, one of CORRUPTIONS or of an extension. A severity may come first, as in
            imagecorruptions; a name then follows it.
        severity: integer from 1 to 5; default: 1.
        corruption_number: position of the corruption in CORRUPTIONS, if there is no name.
        corruption_name: the name, under the argument of imagecorruptions.
        image: the images, under the argument of imagecorruptions.
        table: the published severity parameters: "cifar-10-c" suits images of up to 64 pixels, "imagenet-c" larger
            ones. imagecorruptions has only the latter.
        seed: seed of the random streams; default: drawn from NumPy's global generator, as imagecorruptions draws.
        indices: N integers; each image has the random stream of its number, so that its corruption does not depend on
            the batch. The default is 0 to N - 1.

    Returns:
        uint8 N x H x W x 3, or H x W x 3 for one image.

    Raises:
        Fault: an argument has another shape, type or value, or an extension returns anything else.

    >>> image = np.full((32, 32, 3), 128, np.uint8)
    >>> corrupt(image, corruption_name="contrast", severity=2).shape
    (32, 32, 3)
    """
    if isinstance(corruption, Integral):
        corruption, severity = severity, corruption
    name = _name(corruption if corruption_name is None else corruption_name, corruption_number)
    images = images if image is None else image
    seed = np.random.randint(DRAWN) if seed is None else seed
    batch, alone = _batch(images)
    corrupted = engine.corrupt(
        batch, name, 1 if severity is None else severity, table=table, seed=int(seed), indices=indices
    )
    return corrupted[0] if alone else corrupted


def get_corruption_names(subset: str = "common") -> list[str]:
    """List names of corruptions, as the function of imagecorruptions does.

    Args:
        subset: common (the 15 corruptions of mCE), validation (the four extra ones), all, noise, blur, weather or
            digital.

    Returns:
        The names, in the order of their publication.

    Raises:
        Fault: there is no such subset.

    >>> get_corruption_names("noise")
    ['gaussian_noise', 'shot_noise', 'impulse_noise']
    """
    subsets = {"common": MAIN, "validation": BUILT_IN[len(MAIN) :], "all": BUILT_IN} | CATEGORIES
    if subset not in subsets:
        raise Fault(f"subset: {available('subset', subset, subsets)}")
    return list(subsets[subset])


def _name(name: object, number: int) -> object:
    names = MAIN + HELD_OUT
    if name is not None:
        return name
    if not isinstance(number, Integral) or not 0 <= number < len(names):
        got = "neither" if number == -1 else f"corruption_number {short(number)}"
        raise Fault(
            f"corruption: {expected(f'a name, or a corruption_number from 0 to {len(names) - 1}', got)}; "
            "give one, e.g. fog"
        )
    return names[number]


def _batch(images: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """The images as a batch, and whether there is one alone, which may be grey."""
    if not isinstance(images, np.ndarray) or images.ndim not in (2, 3):
        return images, False  # the engine checks it
    grey = images[..., None] if images.ndim == 2 else images
    return (np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey)[None], True


# Modes of PIL whose values convert("RGB") keeps; it clips those of 16 and 32 bits to white.
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV")


class RandomCorruption(v2.Transform):
    """Apply a random corruption at a random severity to each image; a transform of torchvision.transforms.v2.

    It takes PIL images of 8 bits per channel and uint8 tensors ... x 3 x H x W, videos among them, sides of at least 32
    pixels, and returns the same kind, PIL images in RGB; it comes after ToImage and before ToDtype and Normalize.
    Labels, boxes and masks pass through. All randomness is torch's, so that `torch.manual_seed`, and in workers of a
    DataLoader its generator, repeat it.

    Args:
        corruptions: names of the corruptions that are drawn from, with equal probability; the 15 of mCE by default.
        severities: the severities that are drawn from, some of 1 to 5.
        p: probability that a sample is corrupted, 0 to 1.
        table: the published severity parameters: "cifar-10-c" suits images of up to 64 pixels, "imagenet-c" larger
            ones.

    Raises:
        Fault: an argument has another type or range, a sample has no image, or one is a NumPy array, or no image of 8
            bits with three channels.

    >>> transform = RandomCorruption(["fog", "snow"], severities=[1, 2], table="cifar-10-c")
    >>> transform(torch.zeros(3, 32, 32, dtype=torch.uint8)).shape
    torch.Size([3, 32, 32])
    """

    _transformed_types = (is_pure_tensor, tv_tensors.Image, tv_tensors.Video, Image.Image)

    def __init__(
        self,
        corruptions: Sequence[str] = MAIN,
        severities: Sequence[int] = SEVERITIES,
        p: float = 1.0,
        table: str = IMAGENET_C,
    ):
        super().__init__()
        self.conditions = checked_conditions(corruptions, severities)
        if table not in TABLES:
            raise Fault(f"table: {available('table', table, TABLES)}")
        if not 0 <= p <= 1:
            raise Fault(f"p: {expected('a probability from 0 to 1', short(p))}")
        self.p, self.table = p, table

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse arrays, which transforms of torchvision let pass as they are; those of one dimension are labels."""
        for one in flat_inputs:
            if isinstance(one, np.ndarray) and one.ndim > 1:
                got = f"a NumPy array {one.dtype} of shape {one.shape}"
                raise Fault(f"image: {expected('a PIL image or a tensor', got)}; put v2.ToImage() before")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the corruption, or None, and the seed of its random streams."""
        if not flat_inputs:
            raise Fault(f"image: {expected('a PIL image or a uint8 tensor in each sample', 'none')}")
        if torch.rand(()).item() >= self.p:
            return {"condition": None}
        place = int(torch.randint(len(self.conditions), ()))
        return {"condition": self.conditions[place], "seed": int(torch.randint(DRAWN, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image corrupted as drawn."""
        if params["condition"] is None:
            return inpt
        if isinstance(inpt, Image.Image):
            if inpt.mode not in EIGHT_BITS:
                needed = expected("8 bits per channel", f"mode {inpt.mode}")
                raise Fault(f"image: {needed}; scale its values to 0 to 255 and convert it to RGB")
            return Image.fromarray(self._corrupted(np.asarray(inpt.convert("RGB"))[None], params)[0])
        if inpt.ndim < 3 or inpt.dtype != torch.uint8 or not inpt.numel():
            got = f"{inpt.dtype} of shape {tuple(inpt.shape)}"
            raise Fault(f"image: {expected('a uint8 tensor ... x 3 x H x W', got)}; put this transform before ToDtype")
        batch = inpt.reshape(-1, *inpt.shape[-3:]).permute(0, 2, 3, 1).cpu().numpy()
        corrupted = torch.from_numpy(self._corrupted(batch, params)).to(inpt.device).permute(0, 3, 1, 2)
        return tv_tensors.wrap(corrupted.reshape(inpt.shape), like=inpt)

    def _corrupted(self, batch: np.ndarray, params: dict[str, Any]) -> np.ndarray:
        return engine.corrupt(batch, *params["condition"], table=self.table, seed=params["seed"])
