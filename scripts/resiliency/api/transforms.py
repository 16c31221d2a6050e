"""Corruptions as a transform for the pipelines of torchvision (transforms.v2)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import is_pure_tensor

from resiliency.api.corrupting import DRAWN, IMAGENET_C
from resiliency.api.evaluating import checked_conditions
from resiliency.base.corruption_names import MAIN
from resiliency.base.faults import Fault, available, expected, short
from resiliency.corruptions import engine
from resiliency.corruptions.registry import TABLES
from resiliency.corruptions.settings import SEVERITIES

# Modes of PIL whose values convert("RGB") keeps; it clips those of 16 and 32 bits to white.
EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV")


class RandomCorruption(v2.Transform):
    """Apply a random corruption at a random severity to each image; a transform of torchvision.transforms.v2.

    It takes PIL images of 8 bits per channel and uint8 tensors ... x 3 x H x W, videos among them, sides of at least 32
    pixels, and returns the same kind, PIL images in RGB; it comes after ToImage and before ToDtype and Normalize.
    Labels, boxes and masks pass through. All randomness is torch's, so that `torch.manual_seed`, and in workers of a
    DataLoader its generator, repeat it.

    Args:
        corruptions: names of the corruptions, drawn with equal probability; by default the 15 of mCE.
        severities: severities, drawn with equal probability, some of 1 to 5.
        p: probability that a sample is corrupted, 0 to 1.
        table: the published severity parameters: "cifar-10-c" suits images of up to 64 pixels, "imagenet-c" larger
            ones.

    Raises:
        Fault: an argument has another type or range, or a sample has no image, a NumPy array, or an image that does not
            have three channels of 8 bits.

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
