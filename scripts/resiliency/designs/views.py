"""Views of images for loaded members: as in their training."""

from torch import nn

from resiliency.base.faults import Fault
from resiliency.data.pictures import INTERPOLATIONS, View
from resiliency.designs.members import Member


def view_of(member: Member) -> View | None:
    """The view that a member sees images in; None is that of the study."""
    return View(**member.view) if member.view else None


def view_in_training(network: nn.Module, loaded: dict, name: str) -> dict | None:
    """The view of a loaded member: the study's keys, and timm's for its weights if the study leaves them open.

    Args:
        loaded: description with the key `view`: size, margin and interpolation, None if the study does not set them; or
            None if all members see images as the dataset has them.
        name: name of the network.

    Raises:
        Fault: the weights need images in a view that this library lacks, according to timm.
    """
    if loaded["view"] is None:
        return None
    keys = {key: value for key, value in loaded["view"].items() if value is not None}
    config = getattr(network, "pretrained_cfg", None) or {}
    if len(keys) == len(loaded["view"]) or not config:
        return View(**keys)._asdict()
    channels, height, width = config["input_size"]
    mode, interpolation = config.get("crop_mode") or "center", config.get("interpolation") or "bicubic"
    if channels != 3 or height != width or mode not in ("center", "squash") or interpolation not in INTERPOLATIONS:
        raise Fault(
            f"input_size: {name}: expected square images of three channels, got {width}x{height}x{channels} ({mode}, "
            f"{interpolation}) from timm; set input_size, crop and interpolation"
        )
    timms = View(height, config.get("crop_pct") or 0.875, interpolation, mode == "squash")
    return timms._asdict() | keys
