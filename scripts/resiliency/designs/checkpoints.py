"""Files with weights: read without running what is in them, and loaded strictly."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from resiliency.base.faults import Fault, excerpt

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")
EXAMPLES = 3


def read_checkpoint(path: str | Path, names: list[str]) -> dict[str, Tensor]:
    """Name -> tensor in a safetensors file, or in a file of torch.save, of which nothing but tensors is unpickled.

    A dictionary around the weights is taken off: the first of `WRAPPERS` that there is. So are `PREFIXES` that all
    weights have, as DataParallel, torch.compile and Lightning put before names, in any order.

    Args:
        names: of the network's own weights; a prefix that these have too is left.

    Raises:
        Fault: there is no such file, or it holds anything else.
    """
    content = _read(Path(path))
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict) or not content or not all(isinstance(t, Tensor) for t in content.values()):
        got = excerpt(list(map(str, content)), EXAMPLES) if isinstance(content, dict) else type(content).__name__
        raise Fault(f"{path}: expected a state dict of tensors, or one in {WRAPPERS}, got {got or 'nothing'}")
    if not all(isinstance(name, str) for name in content):
        keys = excerpt(list(map(repr, content)), EXAMPLES)
        raise Fault(f"{path}: contains keys that are not strings, e.g. {keys}; save a state_dict()")
    if odd := [name for name, tensor in content.items() if tensor.layout != torch.strided or tensor.is_meta]:
        raise Fault(
            f"{path}: contains tensors that are sparse or have no values ({excerpt(odd, EXAMPLES)}); save dense ones"
        )
    while common := [p for p in PREFIXES if _all_have(list(content), p) and not _all_have(names, p)]:
        content = {name.removeprefix(common[0]): tensor for name, tensor in content.items()}
    return content


def load_weights(network: nn.Module, weights: dict[str, Tensor]) -> str:
    """Load `weights` into `network`, which must have exactly these.

    Returns:
        What does not fit, such as "of 62 weights, 2 missing (fc.weight, fc.bias)"; empty if all do.
    """
    own = network.state_dict()
    other = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    keys = network.load_state_dict({name: weights[name] for name in weights if name not in other}, strict=False)
    groups = {
        "missing": [name for name in keys.missing_keys if name not in other],
        "unknown": keys.unexpected_keys,
        "of another type": [
            f"{name} {_type(weights[name])}, not {_type(own[name])}"
            for name in own
            if name in weights and _kind(weights[name]) != _kind(own[name])
        ],
        "not finite": not_finite(weights),
        "of another shape": [f"{name} {_size(weights[name])}, not {_size(own[name])}" for name in other],
    }
    differences = [f"{len(names):,} {group} ({excerpt(names, EXAMPLES)})" for group, names in groups.items() if names]
    return f"of {len(own):,} weights, {', '.join(differences)}" if differences else ""


def not_finite(weights: dict[str, Tensor]) -> list[str]:
    """Names of the weights that hold NaN or infinity."""
    return [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]


def _read(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise Fault(f"{path}: there is no such file") from error
    except Exception as error:
        reason = "it holds more than tensors" if "Unsupported" in str(error) else type(error).__name__
        raise Fault(
            f"{path}: refused ({reason}); save the network's state_dict(), as safetensors or with torch.save"
        ) from error


def _all_have(names: list[str], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    """Numbers of different kinds are cast only with a loss that nobody asked for; those of different lengths may be."""
    return tensor.is_floating_point(), tensor.is_complex()


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
