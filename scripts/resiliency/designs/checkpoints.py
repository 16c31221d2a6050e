"""Files with weights: read without running what is in them, and loaded strictly."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from resiliency.faults import Fault

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")
SHOWN = 3


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
        held = _first(list(map(str, content))) if isinstance(content, dict) else type(content).__name__
        raise Fault(f"{path}: holds {held or 'nothing'}, where a state dict of tensors is needed, or one in {WRAPPERS}")
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
    left = network.load_state_dict({name: weights[name] for name in weights if name not in other}, strict=False)
    groups = {
        "missing": [name for name in left.missing_keys if name not in other],
        "unknown": left.unexpected_keys,
        "of another shape": [f"{name} {_size(weights[name])}, not {_size(own[name])}" for name in other],
    }
    told = [f"{len(names):,} {what} ({_first(names)})" for what, names in groups.items() if names]
    return f"of {len(own):,} weights, {', '.join(told)}" if told else ""


def _read(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise Fault(f"{path}: no such file of weights") from error
    except Exception as error:
        reason = "it holds more than tensors" if "Unsupported" in str(error) else type(error).__name__
        raise Fault(
            f"{path}: refused ({reason}); save the network's state_dict(), as safetensors or with torch.save"
        ) from error


def _all_have(names: list[str], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _first(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
