"""Networks: built by timm or by a factory, tried, described, and written to and read from files.

Files of weights are read without running their content."""

import os
import sys
from collections.abc import Collection
from itertools import chain
from pathlib import Path
from pkgutil import resolve_name

import timm
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.utils.flop_counter import FlopCounterMode

from resiliency.base.faults import Fault, brief, excerpt, expected, short
from resiliency.base.settings import Keys
from resiliency.designs.device import device
from resiliency.designs.layers import adapt_stem, hooked, map_side, select_outputs, unwrapped
from resiliency.designs.members import Member
from resiliency.designs.settings import RESERVED, architectures
from resiliency.storage import replacing


def build(member: Member, outputs: int, seed: int, pretrained: str | None = None) -> nn.Module:
    """The network of a member, randomly initialised from `seed`, channels last.

    Args:
        member: has the `architecture` of timm or `factory`, their `arguments`, and, with the `stem`
            "adapted", the `side` of the images in pixels.
        outputs: number of logits; a factory fixes its own.
        pretrained: path of a file with pretrained weights of `architecture` for this number of
            outputs.

    Raises:
        Fault: timm or the factory refuses the arguments.
    """
    torch.manual_seed(seed)
    architecture, arguments = member.architecture, member.arguments
    if member.factory:
        return channels_last(from_factory(member.factory, arguments))
    overlay = {"file": pretrained, "custom_load": False} if pretrained else None
    try:
        network = timm.create_model(
            architecture,
            pretrained=bool(pretrained),
            pretrained_cfg_overlay=overlay,
            num_classes=outputs,
            **arguments,
        )
    except Exception as error:
        raise Fault(
            f"design {architecture} with {arguments}: timm cannot build it: {error!r:.300}"
        ) from error
    if member.stem == "adapted" and (changes := adapt_stem(network, member.side)):
        end, words = map_side(network, member.side), ", ".join(changes)
        print(
            f"stem of {architecture} for {member.side} px: {words}; the last feature map is "
            f"{end}x{end}"
        )
    return channels_last(network)


def from_factory(factory: str, arguments: Keys) -> nn.Module:
    """The network that `factory`, "package.module:function", returns for keyword arguments
    `arguments`.

    Modules are searched in the working directory first.

    Raises:
        Fault: there is no such module or function, it fails, or what it returns is not a network.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        function = resolve_name(factory)
    except (Exception, SystemExit) as error:
        raise Fault(
            f"factory {factory}: cannot import it, from {os.getcwd()} either: {error!r}"
        ) from error
    try:
        network = function(**arguments)
    except Fault:
        raise
    except SystemExit as error:
        raise Fault(
            f"factory {factory}: called exit ({error!r}) instead of returning a network"
        ) from error
    except Exception as error:
        raise Fault(
            f"factory {factory}: cannot be called with {arguments}: {error!r:.300}"
        ) from error
    if not isinstance(network, nn.Module):
        raise Fault(f"factory {factory}: expected a torch.nn.Module, got {type(network).__name__}")
    if not list(network.parameters()):
        raise Fault(f"factory {factory}: its network has no parameters to train or load")
    if any(map(is_lazy, [*network.parameters(), *network.buffers()])):
        raise Fault(
            f"factory {factory}: its network has lazy modules, whose weights have no shape yet; "
            "give their sizes"
        )
    return network


BATCH = 2
# The last image of a batch against the others: statistics of the batch then differ from the first
# image's.
DARKER = 0.1
# Relative to the largest logit: other orders of sums, and other batch sizes.
SAME, SAME_ALONE = 1e-3, 1e-2
PROBABILITIES = 1e-4  # tolerance of a sum of probabilities


def trial_images(side: int, device: torch.device) -> Tensor:
    """A batch of noise, float32 `BATCH` x 3 x `side` x `side` of 0..1, the same at each call."""
    images = torch.rand(
        BATCH, 3, side, side, generator=torch.Generator().manual_seed(0), device="cpu"
    )
    images[-1] *= DARKER
    return images.to(device)


def network_fault(network: nn.Module, side: int, outputs: int) -> str:
    """What prevents the use of `network` for images of `side` pixels squared; empty if nothing
    does.

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
        return (
            f"expected logits of shape ({BATCH}, {outputs}) for {BATCH} images, got "
            f"{tuple(logits.shape)}"
        )
    if not torch.equal(passed_images, wide_images):
        return "changes its input images in place; let it work on a copy"
    if not logits.isfinite().all():
        return "logits contain NaN or infinity"
    try:
        gradient = torch.autograd.grad(logits.float().sum(), inputs, allow_unused=True)[0]
    except RuntimeError as error:
        return f"no gradient with respect to the images: {brief(error)}"
    return (
        logits_fault(network, images)
        if gradient is not None
        else "logits do not depend on the images"
    )


def logits_fault(network: nn.Module, images: Tensor) -> str:
    """What prevents the outputs of `network`, in evaluation mode, from being logits; empty if
    nothing does.

    They must be the same in each pass, for an image alone and in another order, without a change of
    weights or buffers, and must not be probabilities already, of which a softmax would be taken
    again.

    Args:
        images: float32 B x 3 x side x side, as from `trial_images`.
    """
    before = {name: tensor.clone() for name, tensor in _weights(network).items()}
    try:
        with torch.inference_mode():
            logits, second = network(images), network(images)
            reversed_order = network(images.flip(0)).flip(0)
            one_by_one = torch.cat(
                [network(images[place : place + 1]) for place in range(len(images))]
            )
    except (Exception, SystemExit) as error:
        return f"fails on a single image: {brief(error)}"
    if changed := [
        name for name, tensor in _weights(network).items() if not torch.equal(tensor, before[name])
    ]:
        return (
            f"changes {changed[0]} in evaluation mode; let eval() stop the update, e.g. of "
            "running statistics"
        )
    if not _same(logits, second, SAME):
        return (
            "predictions differ between two passes over the same images; let eval() stop "
            "dropout and other randomness"
        )
    if not _same(logits, one_by_one, SAME_ALONE):
        return (
            "prediction of an image depends on the rest of its batch; normalise by running "
            "statistics, not the batch's"
        )
    if not _same(logits, reversed_order, SAME_ALONE):
        return "answers images differently in another order; treat each image by itself"
    if (logits >= 0).all() and (logits.sum(dim=1) - 1).abs().max() < PROBABILITIES:
        return "expected logits, got probabilities; remove the softmax, or return their logarithm"
    return ""


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers; what else modules keep as extra state is left out."""
    return {
        name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)
    }


def _same(one: Tensor, other: Tensor, tolerance: float) -> bool:
    return one.shape == other.shape and bool(
        (one - other).abs().max() <= tolerance * one.abs().max()
    )


def channels_last(network: nn.Module) -> nn.Module:
    """`network` with the channels of its kernels last in memory; kernels of nn.Conv3d, which have
    rank 5, stay.

    A kernel of one channel, as in depthwise convolutions, has both orders at once. Unless its
    strides show the order, torch takes the other one on a 1x1 map, which has both too, and needs a
    hundred times as long.
    """
    for tensor in chain(network.parameters(), network.buffers()):
        if tensor.dim() == 4:
            ordered = tensor.data.to if tensor.shape[1] == 1 else tensor.data.contiguous
            tensor.data = ordered(memory_format=torch.channels_last)
    return network


def parameters_and_macs(network: nn.Module, image_shape: list[int]) -> tuple[int, int]:
    """Number of parameters, and of multiply-accumulate operations for one image of shape H, W, 3.

    Convolutions and matrix products count, those of attention included, as in PyTorch's FLOP
    counter (one MAC is two FLOPs), which sees into attention only where it is computed step by
    step.
    """
    height, width, channels = image_shape
    image = torch.zeros(1, channels, height, width, device=next(network.parameters()).device)
    network.eval()
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    # The FLOP counter fails on a parameter that asks for gradients and that a module is called
    # with.
    network.requires_grad_(False)
    try:
        with (
            torch.inference_mode(),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            network(image)
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2


def logits_and_features(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits BxK, of the network's own outputs, and features BxD that its classifier is applied to.

    Features are those that timm calls so, or for another network the input of the `nn.Linear` that
    is applied last, flattened.

    Raises:
        Fault: the network is not timm's and applies no `nn.Linear`.
    """
    network = unwrapped(network)
    if hasattr(network, "forward_head"):
        features = network.forward_features(images)
        return network.forward_head(features), network.forward_head(features, pre_logits=True)
    last: dict[str, Tensor] = {}
    linears = [module for module in network.modules() if isinstance(module, nn.Linear)]
    with hooked(linears, lambda _, inputs, output: last.update(features=inputs[0])):
        logits = network(images)
    if not last:
        raise Fault(
            f"{type(network).__name__}: must end in nn.Linear, because its input is used as the "
            "features; add one"
        )
    return logits, last["features"].flatten(1)


def normalised(images: Tensor, mean: list[float], std: list[float]) -> Tensor:
    """Images uint8 BxHxWx3 -> float32 Bx3xHxW, channels last in memory; mean and std per channel,
    of values in 0..1."""
    # A row of all pixels fills vectors; a pixel of three channels does not, and takes three times
    # as long.
    pixels = images.shape[1] * images.shape[2]
    means, stds = (
        torch.tensor(values, device=images.device).repeat(pixels) for values in (mean, std)
    )
    rows = images.flatten(1).div(255).sub_(means).div_(stds)
    return rows.view(images.shape).permute(0, 3, 1, 2)


WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")
EXAMPLES = 3


def read_checkpoint(path: str | Path, names: list[str]) -> dict[str, Tensor]:
    """Name -> tensor in a safetensors file, or in a file of torch.save, from which only tensors are
    unpickled.

    A dictionary around the weights, the first of `WRAPPERS`, is removed. So are `PREFIXES` that all
    names have, as DataParallel, torch.compile and Lightning add them, in any order.

    Args:
        names: names of the network's own weights; a prefix that these have too is kept.

    Raises:
        Fault: the file is missing, or holds anything but tensors.
    """
    content = _from_checkpoint(Path(path))
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(t, Tensor) for t in content.values())
    ):
        got = (
            excerpt(list(map(str, content)), EXAMPLES)
            if isinstance(content, dict)
            else type(content).__name__
        )
        raise Fault(
            f"{path}: expected a state dict of tensors, or one in {WRAPPERS}, got "
            f"{got or 'nothing'}"
        )
    if not all(isinstance(name, str) for name in content):
        keys = excerpt(list(map(repr, content)), EXAMPLES)
        raise Fault(f"{path}: contains keys that are not strings, e.g. {keys}; save a state_dict()")
    if odd := [
        name for name, tensor in content.items() if tensor.layout != torch.strided or tensor.is_meta
    ]:
        raise Fault(
            f"{path}: contains tensors that are sparse or have no values "
            f"({excerpt(odd, EXAMPLES)}); save dense ones"
        )
    while common := [
        p for p in PREFIXES if _all_have(list(content), p) and not _all_have(names, p)
    ]:
        content = {name.removeprefix(common[0]): tensor for name, tensor in content.items()}
    return content


def load_weights(network: nn.Module, weights: dict[str, Tensor]) -> str:
    """Load `weights` into `network`, which must have exactly these.

    Returns:
        What does not fit, such as "of 62 weights, 2 missing (fc.weight, fc.bias)"; empty if all do.
    """
    own = network.state_dict()
    other = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    keys = network.load_state_dict(
        {name: weights[name] for name in weights if name not in other}, strict=False
    )
    groups = {
        "missing": [name for name in keys.missing_keys if name not in other],
        "unknown": keys.unexpected_keys,
        "of another type": [
            f"{name} {_type(weights[name])}, not {_type(own[name])}"
            for name in own
            if name in weights and _kind(weights[name]) != _kind(own[name])
        ],
        "not finite": not_finite(weights),
        "of another shape": [
            f"{name} {_size(weights[name])}, not {_size(own[name])}" for name in other
        ],
    }
    differences = [
        f"{len(names):,} {group} ({excerpt(names, EXAMPLES)})"
        for group, names in groups.items()
        if names
    ]
    return f"of {len(own):,} weights, {', '.join(differences)}" if differences else ""


def not_finite(weights: dict[str, Tensor]) -> list[str]:
    """Names of the weights that hold NaN or infinity."""
    return [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]


def _from_checkpoint(path: Path) -> object:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise Fault(f"{path}: there is no such file") from error
    except Exception as error:
        reason = (
            "it holds more than tensors" if "Unsupported" in str(error) else type(error).__name__
        )
        raise Fault(
            f"{path}: refused ({reason}); save the network's state_dict(), as safetensors or "
            "with torch.save"
        ) from error


def _all_have(names: list[str], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    """Numbers of different kinds are cast only with a loss that nobody asked for; those of
    different lengths may be."""
    return tensor.is_floating_point(), tensor.is_complex()


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def write_member(folder: str | Path, network: nn.Module, member: Member) -> None:
    """Write `weights.safetensors` and `member.json` to `folder`.

    Raises:
        Fault: a weight is NaN or infinite.
    """
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in unwrapped(network).state_dict().items()
    }
    if names := not_finite(weights):
        raise Fault(
            f"{Path(folder).name}: {len(names):,} of {len(weights):,} weights are NaN or "
            f"infinite, e.g. {names[0]}"
        )
    with replacing(Path(folder, "weights.safetensors")) as temporary:
        temporary.write_bytes(save(weights))
    member.write(Path(folder, "member.json"))


SUPERNETWORK, SUBNETWORK = (
    f"resiliency.search.network:{name}" for name in ("supernetwork", "residual")
)


def _refuse_code(path: Path, member: Member, allow: Collection[str]) -> None:
    """Raise a Fault if `member`, read from `path`, would run other code than timm's networks and
    allowed factories."""
    if member.factory and member.factory not in (*allow, SUPERNETWORK, SUBNETWORK):
        raise Fault(
            f"{path}: factory {short(member.factory)} would run code that neither the study nor "
            "the caller names; "
            "if you trust it, name it in the study, or in load_ensemble(..., "
            f"allow={{{short(member.factory)}}})"
        )
    if member.architecture and member.architecture.partition(".")[0] not in architectures():
        raise Fault(
            f"{path}: timm has no architecture {short(member.architecture)}; delete it and run "
            "again"
        )
    if member.architecture and (reserved := RESERVED & (member.arguments or {}).keys()):
        raise Fault(
            f"{path}: arguments must not contain {', '.join(sorted(reserved))}; delete it and "
            "run again"
        )


def read_member(folder: str | Path, allow: Collection[str] = ()) -> tuple[nn.Module, Member]:
    """The network in `folder`, in evaluation mode on the device, and the description of its member.

    Its logits are of the member's classes, in their order.

    Args:
        allow: factories that may be called, such as "my_networks:resnet20"; others are refused,
            those of the search excepted.

    Raises:
        Fault: a file is missing, damaged, or holds weights of another network; or the factory is
            not allowed.
    """
    path = Path(folder, "member.json")
    member = Member.read(path)
    _refuse_code(path, member, allow)
    network = build(member, member.network_outputs, seed=0)
    path = Path(folder, "weights.safetensors")
    try:
        misfit = load_weights(network, load_file(path))
    except Exception as error:
        misfit = str(error)
    if misfit:
        raise Fault(
            f"{path}: not the weights of {member.network} ({misfit}); delete it and run again"
        )
    if (
        member.outputs is not None
        and not {*range(member.network_outputs or 0)} >= {*member.outputs} > set()
    ):
        raise Fault(
            f"{path}: {expected('outputs of the network', short(member.outputs))}; delete it and "
            "run again"
        )
    return select_outputs(network, member.outputs).eval().to(device()), member
