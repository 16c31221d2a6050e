"""Corruptions as a transform for the pipelines of torchvision (transforms.v2)."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import is_pure_tensor, pil_to_tensor, to_pil_image

from resiliency.api.corrupting import DRAWN
from resiliency.base.faults import Fault, expected, short
from resiliency.base.names import MAIN
from resiliency.base.settings import AUTO
from resiliency.corruptions import engine
from resiliency.corruptions.settings import SEVERITIES


class RandomCorruption(v2.Transform):
    """Apply a random corruption at a random severity to PIL images and to uint8 tensors ... x 3 x H
    x W.

    It comes before ToDtype and Normalize. Labels, boxes and masks pass through. All randomness is
    torch's.

    Args:
        corruptions, severities: names and severities, drawn with equal probability; by default
            those of mCE.
        p: probability that a sample is corrupted, 0 to 1.
        table: the published severity parameters, as for `corrupt`.

    Raises:
        Fault: an image, a name, a severity or the table is none that `corrupt` takes.

    >>> transform = RandomCorruption(["fog", "snow"], severities=[1, 2])
    >>> transform(torch.zeros(3, 32, 32, dtype=torch.uint8)).shape
    torch.Size([3, 32, 32])
    """

    _transformed_types = (is_pure_tensor, tv_tensors.Image, tv_tensors.Video, Image.Image)

    def __init__(
        self,
        corruptions: Sequence[str] = MAIN,
        severities: Sequence[int] = SEVERITIES,
        p: float = 1.0,
        table: str = AUTO,
    ):
        super().__init__()
        self.conditions, self.p, self.table = (
            engine.checked_conditions(corruptions, severities),
            p,
            table,
        )
        if not self.conditions:
            raise Fault(f"corruptions: {expected('one name or more', 'none')}")
        if not isinstance(p, int | float) or not 0 <= p <= 1:
            raise Fault(f"p: {expected('a probability from 0 to 1', short(p))}")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the corruption with its severity, or None, and the seed of its random streams."""
        if torch.rand(()).item() >= self.p:
            return {"condition": None}
        condition = self.conditions[int(torch.randint(len(self.conditions), ()))]
        return {"condition": condition, "seed": int(torch.randint(DRAWN, ()))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The image corrupted as drawn."""
        if params["condition"] is None:
            return inpt
        given = pil_to_tensor(inpt.convert("RGB")) if isinstance(inpt, Image.Image) else inpt
        batch = given.reshape(-1, *given.shape[-3:]).permute(0, 2, 3, 1).cpu().numpy()
        corrupted = engine.corrupt(
            batch, *params["condition"], table=self.table, seed=params["seed"]
        )
        tensor = (
            torch.from_numpy(corrupted).permute(0, 3, 1, 2).reshape(given.shape).to(given.device)
        )
        return (
            to_pil_image(tensor)
            if isinstance(inpt, Image.Image)
            else tv_tensors.wrap(tensor, like=inpt)
        )
