"""Networks: built by timm, described, and read back from a member's files."""

from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from resiliency.faults import Fault
from resiliency.files import read_json, replacing, write_json


def build(architecture: str, arguments: dict, classes: int, seed: int) -> nn.Module:
    """The network that timm calls `architecture`, randomly initialised from `seed`, channels last.

    Raises:
        Fault: timm refuses the architecture or its arguments.
    """
    torch.manual_seed(seed)
    try:
        network = timm.create_model(architecture, num_classes=classes, **arguments)
    except Exception as error:
        raise Fault(f"design {architecture} with {arguments}: timm refuses it: {error!r}") from error
    return network.to(memory_format=torch.channels_last)


def device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def parameters_and_macs(network: nn.Module, image_shape: list[int]) -> tuple[int, int]:
    """Number of parameters, and of multiply-accumulate operations for one image of shape H, W, 3.

    Convolutions and matrix products count, those of attention included, as in PyTorch's FLOP counter (one MAC is two
    FLOPs), which sees into attention only where it is computed step by step.
    """
    height, width, channels = image_shape
    image = torch.zeros(1, channels, height, width, device=next(network.parameters()).device)
    network.eval()
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(image)
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2


def penultimate(network: nn.Module, images: Tensor) -> Tensor:
    """Features B x D that the classifier of a timm network is applied to."""
    return network.forward_head(network.forward_features(images), pre_logits=True)


def normalised(images: Tensor, mean: list[float], std: list[float]) -> Tensor:
    """Images uint8 BxHxWx3 -> float32 Bx3xHxW, channels last in memory; mean and std per channel, of values in 0..1."""
    mean, std = (torch.tensor(values, device=images.device) for values in (mean, std))
    return ((images / 255 - mean) / std).permute(0, 3, 1, 2)


def write_member(folder: str | Path, network: nn.Module, member: dict) -> None:
    """Write `weights.safetensors` and `member.json`, the description, to `folder`."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(Path(folder, "weights.safetensors")) as temporary:
        temporary.write_bytes(save(weights))
    write_json(Path(folder, "member.json"), member)


def read_member(folder: str | Path) -> tuple[nn.Module, dict]:
    """The network in `folder`, in evaluation mode on the device, and its description.

    Raises:
        Fault: a file is missing, cut short, or holds weights of another network.
    """
    member = read_json(Path(folder, "member.json"))
    network = build(member["architecture"], member["arguments"], len(member["classes"]), seed=0)
    weights = Path(folder, "weights.safetensors")
    try:
        network.load_state_dict(load_file(weights))
    except Exception as error:
        raise Fault(
            f"{weights}: not the weights of {member['architecture']} ({error}); delete it and run again"
        ) from error
    return network.eval().to(device()), member
