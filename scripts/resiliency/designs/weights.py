"""Members that are loaded: weights that somebody else trained, mapped to the classes of the
dataset."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import timm
import torch
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.constants import HF_HUB_OFFLINE
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.torch import save_file
from torch import Tensor, nn

from resiliency.base.faults import Fault, brief, expected, hint
from resiliency.base.names import SYNSET
from resiliency.base.settings import Keys
from resiliency.data.pictures import INTERPOLATIONS, View
from resiliency.data.source import cache_folder, read_class_names
from resiliency.designs.device import device, device_name
from resiliency.designs.layers import feature_stages, hooked, select_outputs
from resiliency.designs.members import Given, Member, described
from resiliency.designs.networks import (
    build,
    load_weights,
    network_fault,
    not_finite,
    parameters_and_macs,
    read_checkpoint,
)
from resiliency.storage import sha256

PATIENCE = 5  # timeout of the hub in seconds
NAMES = ("model.safetensors", "pytorch_model.bin")


def download_weights(repository: str, revision: str | None) -> tuple[str, str | None]:
    """The file with the weights in `repository` at `revision` (a commit or tag; None: the newest),
    and its commit.

    A file that somebody put into `manual_folder` comes first; of it no commit is known. Others are
    kept in the cache in HF_HOME, where they are found without a network too.

    Raises:
        Fault: there is no such repository, revision or file, or there is no network and none is in
            the cache.
    """
    if by_hand := _by_hand(repository):
        return str(by_hand[0]), None
    reasons: list[Exception] = []
    for name in NAMES:
        unreachable = any(isinstance(reason, LocalEntryNotFoundError) for reason in reasons)
        try:
            path = hf_hub_download(
                repository, name, revision=revision, local_files_only=unreachable
            )
            return path, Path(path).parent.name
        except Exception as error:
            reasons.append(error)
            if not isinstance(error, EntryNotFoundError):
                break
    source = repository + (f"@{revision}" if revision else "")
    cause: BaseException = reasons[0]
    while cause.__cause__ is not None:
        cause = cause.__cause__
    raise Fault(
        f"weights: {source}: not downloaded ({brief(cause)}); without a network, put its "
        f"{NAMES[0]} "
        f"into {manual_folder(repository)}, or set HF_HOME to a cache that holds it"
    ) from reasons[0]


def is_available(repository: str) -> bool:
    """Whether the weights in `repository` are on this machine, or could be downloaded now."""
    if _by_hand(repository) or any(
        isinstance(try_to_load_from_cache(repository, name), str) for name in NAMES
    ):
        return True
    if HF_HUB_OFFLINE:
        return False
    try:
        get_hf_file_metadata(hf_hub_url(repository, NAMES[0]), timeout=PATIENCE)
    except Exception:  # connections fail with many types of errors
        return False
    return True


def _by_hand(repository: str) -> list[Path]:
    return [path for path in (manual_folder(repository) / name for name in NAMES) if path.is_file()]


def manual_folder(repository: str) -> Path:
    """The folder for a manually downloaded file with the weights in `repository`."""
    return cache_folder() / "hub" / repository.rpartition("/")[2]


def refuse_unfit(network: nn.Module, member: Member, outputs: int) -> None:
    """Raise a Fault if `network` cannot be used for images of the side of `member`; see
    `network_fault`."""
    if names := not_finite(network.state_dict()):
        raise Fault(
            f"{member.network}: {len(names):,} weights are NaN or infinite, e.g. {names[0]}"
        )
    if fault := network_fault(network, member.side, outputs):
        raise Fault(f"{member.network}: {fault}")


def complete(member: Member, network: nn.Module, outputs: int) -> None:
    """Set what is measured of `network`, of `outputs` outputs, on an image of the side of `member`.

    These are parameters, macs, input_size, network_outputs and device.

    Raises:
        Fault: the network cannot be used; see `refuse_unfit`.
    """
    assert member.side is not None
    refuse_unfit(network, member, outputs)
    member.input_size, member.network_outputs, member.device = (
        [member.side, member.side, 3],
        outputs,
        device_name(),
    )
    member.parameters, member.macs = parameters_and_macs(network, member.input_size)
    print(
        f"{member.network}: {member.parameters:,} parameters, {member.macs:,} MACs per image, on "
        f"{member.device}"
    )


def head_name(network: nn.Module, images: Tensor) -> str:
    """Name of the layer whose output is the logits: timm's classifier, or the `nn.Linear` that is
    applied last.

    Args:
        images: images for `network`, float32 Bx3xHxW.

    Raises:
        Fault: there is no such layer, for example because logits are the mean of two heads.
    """
    network.eval()
    names = {module: name for name, module in network.named_modules()}
    layers = network.get_classifier() if hasattr(network, "get_classifier") else None
    candidates = (
        [layers]
        if isinstance(layers, nn.Module)
        else [m for m in names if isinstance(m, nn.Linear)]
    )
    calls: list[tuple] = []
    with torch.no_grad(), hooked(candidates, lambda *call: calls.append(call)):
        logits = network(images)
    last, _, output = calls[-1] if calls else (None, None, None)
    if not isinstance(output, Tensor) or not torch.equal(output.flatten(1), logits):
        raise Fault(
            f"{type(network).__name__}: has no single layer that gives its logits, which "
            "fine-tuning replaces"
        )
    return names[last]


def features_of(network: nn.Module, head: nn.Module, images: Tensor) -> Tensor:
    """The input of `head` in `network` for `images`: float Bx..., for an `nn.Linear` BxD."""
    features: list[Tensor] = []
    with hooked([head], lambda _, inputs, logits: features.append(inputs[0])):
        network(images)
    return features[-1]


def train_last(network: nn.Module, stages: int) -> None:
    """Freeze `network` up to its last `stages` feature stages, in the order in which it defines its
    parameters.

    Stages without parameters of their own, such as a pooling, do not count.

    Raises:
        Fault: the network lists no more stages than that.
    """
    parameters: list[nn.Parameter] = []
    upto: dict[str, int] = {}  # module -> number of parameters up to it and in it
    for name, module in network.named_modules():
        parameters += module.parameters(recurse=False)
        upto[name] = len(parameters)
    names = feature_stages(network)
    ends = [
        max(upto[name] for name in upto if f"{name}.".startswith(f"{stage}.")) for stage in names
    ]
    ends = [end for before, end in pairwise([0, *ends]) if end > before]
    if stages >= len(ends):
        raise Fault(
            f"training.train: {stages} of {len(ends)} feature stages of {type(network).__name__}; "
            "expected all, head" + (f", or a number below {len(ends)}" if len(ends) > 1 else "")
        )
    for parameter in parameters[: ends[-stages - 1]]:
        parameter.requires_grad_(False)
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    count = len([*network.parameters()])
    print(f"{len(learning):,} of {count:,} tensors of weights are trained, from {learning[0]} on")


def load_member(
    name: str, description: Keys, classes: list[str], side: int, files: dict[str, str]
) -> tuple[nn.Module, Member]:
    """The network of the member `name` with its weights, in evaluation mode on the device, and the
    member.

    Its logits are of the dataset's classes, in their order.

    Args:
        description: as from `Design.description`, with further entries of a `Member`.
        classes: classes of the dataset.
        side: height and width of its images in pixels.
        files: paths: `weights`, unless they are pretrained, and `classes` if a file names these.

    Raises:
        Fault: the network cannot be built, its weights are unavailable or those of another one, it
            cannot be used (see `refuse_unfit`), or it lacks a class of the dataset.
    """
    member, given = described(name, description), Given(**description["loaded"])
    names = read_class_names(files["classes"]) if "classes" in files else given.classes
    if given.weights == "pretrained":
        outputs = pretrained_config(member.architecture).num_classes
        names = names or _published_classes(member.architecture, outputs, classes)
        if len(names) != outputs:
            wanted = f"{outputs:,} names, one per output of {member.architecture}"
            raise Fault(f"classes: {expected(wanted, f'{len(names):,}')}")
        network, source = pretrained_network(member, given.revision)
    else:
        names = names or classes
        network, path = build(member, len(names), seed=0), Path(files["weights"])
        if misfit := load_weights(network, read_checkpoint(path, list(network.state_dict()))):
            raise Fault(
                f"{path}: not the weights of {member.network} with {len(names):,} outputs: {misfit}"
            )
        source = file_source(path)
    see_as_in_training(member, given, network, side)
    complete(member, network.to(device()), len(names))
    member.weights_kind, member.classes, member.outputs = (
        given.weights,
        classes,
        _output_indices(names, classes),
    )
    describe_source(member, source)
    print(f"{member.weights_source}; {len(names):,} outputs for {len(classes):,} classes")
    return select_outputs(network, member.outputs).eval().to(device()), member


def describe_source(member: Member, source: str) -> None:
    """Set the source of the weights of `member`, and how it sees images; tell its normalisation."""
    member.weights_source = f"{source}, images normalised by {member.normalisation}"
    if view := member.view:
        member.weights_source += (
            f", seen at {view['size']} px ({view['interpolation']}, crop {view['margin']:g})"
        )
    print(f"mean {member.mean}, std {member.std}")


def see_as_in_training(member: Member, given: Given, network: nn.Module, side: int) -> None:
    """Set how `member` sees images, of `side` pixels in the dataset, as its weights did in their
    training.

    View, mean and std are the study's, and timm's for the weights if the study leaves them open.

    Raises:
        Fault: timm has no mean and std, or the weights need images in a view that this library
            lacks.
    """
    config = getattr(network, "pretrained_cfg", None) or {}
    member.view = (
        None if given.view is None else _view_in_training(given.view, config, member.network)
    )
    member.side = member.view["size"] if member.view else side
    if not given.mean and not (config.get("mean") and config.get("std")):
        name = member.network
        raise Fault(
            f"mean, std: required, because timm has no defaults for {name}; give the values used "
            "in training"
        )
    mean, std = (given.mean, given.std) if given.mean else (config["mean"], config["std"])
    member.mean, member.std = list(mean), list(std)
    member.normalisation = (
        "the study's mean and std" if given.mean else f"timm's mean and std for {member.network}"
    )


def file_source(path: str | Path) -> str:
    return f"file {path} (sha256 {sha256(path)})"


def pretrained_network(member: Member, revision: str | None) -> tuple[nn.Module, str]:
    """The network from timm's hub with all its outputs, and where its weights come from.

    timm is handed what `read_checkpoint` read, for versions of it unpickle files of the hub.

    Raises:
        Fault: timm has no pretrained weights, or they are unavailable.
    """
    config = pretrained_config(member.architecture)
    path, commit = download_weights(config.hf_hub_id, revision)
    source = f"pretrained {config.hf_hub_id}" + (
        f"@{commit}" if commit else f", {file_source(path)}"
    )
    if commit and revision != commit:
        print(f"to pin these weights, set revision: {commit}")
    with TemporaryDirectory() as folder:
        weights = {
            name: tensor.clone().contiguous() for name, tensor in read_checkpoint(path, []).items()
        }
        save_file(weights, Path(folder, "weights.safetensors"))
        network = build(
            member, config.num_classes, seed=0, pretrained=str(Path(folder, "weights.safetensors"))
        )
    return network, source


def pretrained_config(architecture: str) -> timm.models.PretrainedCfg:
    """timm's configuration of the pretrained classifier `architecture`.

    Raises:
        Fault: timm has none on its hub.
    """
    try:
        config = timm.get_pretrained_cfg(architecture, allow_unregistered=False)
    except Exception as error:
        raise Fault(f"architecture: timm has no {architecture!r}: {error!r}") from error
    if not config or not config.hf_hub_id or not config.num_classes:
        raise Fault(
            f"weights: timm has no pretrained classifier {architecture} on its hub; name a file or "
            "train it"
        )
    return config


def _published_classes(architecture: str, outputs: int, classes: list[str]) -> list[str]:
    """The classes of timm's weights: ImageNet's where the dataset's are synsets, else they must be
    the dataset's."""
    subset, synsets = (
        timm.data.infer_imagenet_subset({"num_classes": outputs}),
        all(map(SYNSET.fullmatch, classes)),
    )
    if subset and synsets:
        return timm.data.ImageNetInfo(subset).label_names()
    if outputs != len(classes):
        mismatch = "are synsets, unlike its own" if synsets else "are not synsets"
        raise Fault(
            f"classes: required, because {architecture} has {outputs:,} outputs and the dataset "
            f"{len(classes):,} "
            f"classes that {mismatch}; list those of the outputs, or fine-tune it with training: "
            "{train: head} or all"
        )
    return classes


def _output_indices(names: list[str], classes: list[str]) -> list[int] | None:
    """Index in `names`, the network's classes, of each of `classes`, the dataset's; None if they
    are the same."""
    counts = Counter(names)
    missing = [name for name in classes if not counts[name]]
    if missing:
        more = f", nor {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise Fault(
            f"classes: the network has no {missing[0]!r}, a class of the "
            f"dataset{more}{hint(missing[0], names)}; "
            "name its outputs as the dataset does"
        )
    if repeated := next((name for name in classes if counts[name] > 1), None):
        raise Fault(
            f"classes: {repeated!r} names {counts[repeated]} outputs of the network; give each "
            "output its own name"
        )
    return None if names == classes else [names.index(name) for name in classes]


def _view_in_training(keys: Keys, config: Keys, name: str | None) -> Keys:
    """The view of the study's `keys`, and of timm's `config` of the network `name` if the study
    leaves some open."""
    chosen = {key: value for key, value in keys.items() if value is not None}
    if len(chosen) == len(keys) or not config:
        return View(**chosen)._asdict()
    channels, height, width = config["input_size"]
    mode, interpolation = (
        config.get("crop_mode") or "center",
        config.get("interpolation") or "bicubic",
    )
    if (
        channels != 3
        or height != width
        or mode not in ("center", "squash")
        or interpolation not in INTERPOLATIONS
    ):
        raise Fault(
            f"input_size: {name}: expected square images of three channels, got "
            f"{width}x{height}x{channels} ({mode}, "
            f"{interpolation}) from timm; set input_size, crop and interpolation"
        )
    return (
        View(height, config.get("crop_pct") or 0.875, interpolation, mode == "squash")._asdict()
        | chosen
    )
