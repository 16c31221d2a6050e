"""Checks of imported weights and networks: files are read without running their content, networks are tried."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from resiliency.base.faults import Fault, brief, excerpt

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")
EXAMPLES = 3


def read_checkpoint(path: str | Path, names: list[str]) -> dict[str, Tensor]:
    """Name -> tensor in a safetensors file, or in a file of torch.save, from which only tensors are unpickled.

    A dictionary around the weights, the first of `WRAPPERS`, is removed. So are `PREFIXES` that all names have, as
    DataParallel, torch.compile and Lightning add them, in any order.

    Args:
        names: names of the network's own weights; a prefix that these have too is kept.

    Raises:
        Fault: the file is missing, or holds anything but tensors.
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


BATCH = 2
DARKER = 0.1  # the last image of a batch against the others: statistics of the batch then differ from the first image's
SAME, SAME_ALONE = 1e-3, 1e-2  # relative to the largest logit: other orders of sums, and other batch sizes
PROBABILITIES = 1e-4  # tolerance of a sum of probabilities


def trial_images(side: int, device: torch.device) -> Tensor:
    """A batch of noise, float32 `BATCH` x 3 x `side` x `side` of 0..1, the same at each call."""
    images = torch.rand(BATCH, 3, side, side, generator=torch.Generator().manual_seed(0), device="cpu")
    images[-1] *= DARKER
    return images.to(device)


def network_fault(network: nn.Module, side: int, outputs: int) -> str:
    """What prevents the use of `network` for images of `side` pixels squared; empty if nothing does.

    It must map a batch of images, which it leaves as they are, to as many rows of logits,
    and have a gradient with respect to them; and pass `logits_fault`.

    Args:
        outputs: required number of logits.
    """
    images = trial_images(side, next(network.parameters()).device)
    inputs = images.clone().requires_grad_()
    network.eval()
    try:
        logits = network(inputs * 1)
        wide_images = inputs.detach() * 4 - 2  # like normalised images, which a network may clamp
        passed_images = wide_images.clone()
        with torch.no_grad():
            network(passed_images)
    except (Exception, SystemExit) as error:
        return f"fails on images of {side}x{side} px: {brief(error)}"
    if not isinstance(logits, Tensor):
        return f"expected a tensor of logits, got {type(logits).__name__}"
    if not logits.is_floating_point() or logits.layout is not torch.strided:
        return f"gives a tensor of {logits.dtype}, {logits.layout}, where floats are needed"
    if logits.shape != (BATCH, outputs):
        return f"expected logits of shape ({BATCH}, {outputs}) for {BATCH} images, got {tuple(logits.shape)}"
    if not torch.equal(passed_images, wide_images):
        return "changes its input images in place; let it work on a copy"
    if not logits.isfinite().all():
        return "logits contain NaN or infinity"
    try:
        gradient = torch.autograd.grad(logits.float().sum(), inputs, allow_unused=True)[0]
    except RuntimeError as error:
        return f"no gradient with respect to the images: {brief(error)}"
    return logits_fault(network, images) if gradient is not None else "logits do not depend on the images"


def logits_fault(network: nn.Module, images: Tensor) -> str:
    """What prevents the outputs of `network`, in evaluation mode, from being logits; empty if nothing does.

    They must be the same in each pass, for an image alone and in another order, without a change of weights or buffers,
    and must not be probabilities already, of which a softmax would be taken again.

    Args:
        images: float32 B x 3 x side x side, as from `trial_images`.
    """
    before = {name: tensor.clone() for name, tensor in _weights(network).items()}
    try:
        with torch.inference_mode():
            logits, second = network(images), network(images)
            reversed_order = network(images.flip(0)).flip(0)
            one_by_one = torch.cat([network(images[place : place + 1]) for place in range(len(images))])
    except (Exception, SystemExit) as error:
        return f"fails on a single image: {brief(error)}"
    if changed := [name for name, tensor in _weights(network).items() if not torch.equal(tensor, before[name])]:
        return f"changes {changed[0]} in evaluation mode; let eval() stop the update, e.g. of running statistics"
    if not _same(logits, second, SAME):
        return (
            "predictions differ between two passes over the same images; let eval() stop dropout and other randomness"
        )
    if not _same(logits, one_by_one, SAME_ALONE):
        return (
            "prediction of an image depends on the rest of its batch; normalise by running statistics, not the batch's"
        )
    if not _same(logits, reversed_order, SAME_ALONE):
        return "answers images differently in another order; treat each image by itself"
    if (logits >= 0).all() and (logits.sum(dim=1) - 1).abs().max() < PROBABILITIES:
        return "expected logits, got probabilities; remove the softmax, or return their logarithm"
    return ""


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers; what else modules keep as extra state is left out."""
    return {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}


def _same(one: Tensor, other: Tensor, tolerance: float) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= tolerance * one.abs().max())
