"""Members that are loaded: weights that somebody else trained, mapped to the classes of the data set."""

from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import save_file
from torch import nn

from resiliency.base.faults import Fault
from resiliency.base.names import SYNSET
from resiliency.data.class_names import read_class_names
from resiliency.designs.cards import design_card
from resiliency.designs.checkpoints import load_weights, read_checkpoint
from resiliency.designs.hub import download_weights
from resiliency.designs.members import WeightsKind
from resiliency.designs.network_faults import logits_fault, trial_images
from resiliency.designs.networks import build, network_name, select_outputs
from resiliency.designs.onnx import read_onnx
from resiliency.designs.settings import ONNX_FACTORY
from resiliency.designs.views import view_in_training
from resiliency.devices.choice import device
from resiliency.devices.eager import timm
from resiliency.storage.files import sha256


def load_member(description: dict, card: dict, files: dict[str, str]) -> tuple[nn.Module, dict]:
    """The network of a member with its weights, in evaluation mode on the device, and its description with its card.

    Its logits are of the data set's classes, in their order.

    Args:
        description: what is known of the member, with what `Design.description` gives.
        card: of the data set.
        files: paths: `weights`, unless they are pretrained, and `classes` where a file names these.

    Raises:
        Fault: the network cannot be built, its weights cannot be had or are those of another one, its answers are no
            logits (see `logits_fault`), or a class of the data set is not among the network's.
    """
    loaded, classes = description["loaded"], card["classes"]
    names = read_class_names(files["classes"]) if "classes" in files else loaded["classes"]
    if loaded["weights"] == "pretrained":
        network, names, weights_fields = _pretrained(description, names, classes)
    elif description["factory"] == ONNX_FACTORY:
        names = names or classes
        network, arguments, weights_fields = _from_onnx(description, len(names), Path(files["weights"]))
        description = description | {"arguments": arguments}
    else:
        names = names or classes
        network, weights_fields = _from_file(description, len(names), Path(files["weights"]))
    view = view_in_training(network, loaded, network_name(description))
    shape = [view["size"], view["size"], 3] if view else card["image_shape"]
    details = design_card(network.to(device()), description, card | {"image_shape": shape}, len(names))
    if fault := logits_fault(network, trial_images(shape[0], device())):
        raise Fault(f"{network_name(description)} with {weights_fields['weights_source']}: {fault}")
    details |= {"outputs": (outputs := _output_indices(names, classes)), "view": view, "side": shape[0]}
    details |= normalisation(network, loaded, network_name(description)) | weights_fields
    details["weights_source"] += preprocessing_words(details)
    fields = {key: value for key, value in description.items() if key != "loaded"}
    print(f"mean {details['mean']}, std {details['std']}")
    print(f"{details['weights_source']}; {len(names):,} outputs for {len(classes):,} classes")
    return select_outputs(network, outputs).eval().to(device()), fields | details


def preprocessing_words(details: dict) -> str:
    """How a member sees images, as an end to a sentence about its weights."""
    words, view = f", images normalised by {details['normalisation']}", details["view"]
    if view:
        words += f", seen at {view['size']} px ({view['interpolation']}, crop {view['margin']:g})"
    return words


def normalisation(network: nn.Module, loaded: dict, name: str) -> dict:
    """Mean and std that images are normalised with, and whose they are: the study's, or else timm's."""
    if loaded["mean"]:
        return {key: loaded[key] for key in ("mean", "std")} | {"normalisation": "the study's mean and std"}
    config = getattr(network, "pretrained_cfg", None) or {}
    if not config.get("mean") or not config.get("std"):
        raise Fault(f"mean, std: required, because timm has no defaults for {name}; give the values used in training")
    return {key: list(config[key]) for key in ("mean", "std")} | {"normalisation": f"timm's mean and std for {name}"}


def _from_file(description: dict, outputs: int, path: Path) -> tuple[nn.Module, dict]:
    network = build(description, outputs, seed=0)
    if misfit := load_weights(network, read_checkpoint(path, list(network.state_dict()))):
        raise Fault(f"{path}: not the weights of {network_name(description)} with {outputs:,} outputs: {misfit}")
    return network, {"weights_kind": WeightsKind.FILE, "weights_source": file_source(path)}


def _from_onnx(description: dict, outputs: int, path: Path) -> tuple[nn.Module, dict, dict]:
    """The network in an ONNX file, the arguments that make it again, and what is known of its weights."""
    network, arguments = read_onnx(path, description["side"], outputs)
    source = f"{file_source(path)}, run by onnxruntime"
    source += ", which gives probabilities" if arguments["probabilities"] else ""
    return network, arguments, {"weights_kind": WeightsKind.FILE, "weights_source": source}


def file_source(path: str | Path) -> str:
    return f"file {path} (sha256 {sha256(path)})"


def _pretrained(description: dict, names: list[str] | None, classes: list[str]) -> tuple[nn.Module, list[str], dict]:
    """The network from timm's hub, its classes, and what is known of its weights."""
    architecture = description["architecture"]
    config = pretrained_config(architecture)
    names = names or _published_classes(architecture, config.num_classes, classes)
    if len(names) != config.num_classes:
        raise Fault(
            f"classes: expected {config.num_classes:,} names, one per output of {architecture}, got {len(names):,}"
        )
    network, source = pretrained_network(description)
    return network, names, {"weights_kind": WeightsKind.PRETRAINED, "weights_source": source}


def pretrained_network(description: dict) -> tuple[nn.Module, str]:
    """The network from timm's hub with all its outputs, and where its weights come from.

    timm is handed what `read_checkpoint` read, for versions of it unpickle files of the hub.

    Raises:
        Fault: timm knows of none, or it cannot be had.
    """
    config, revision = pretrained_config(description["architecture"]), description["loaded"]["revision"]
    path, commit = download_weights(config.hf_hub_id, revision)
    source = f"pretrained {config.hf_hub_id}" + (f"@{commit}" if commit else f", {file_source(path)}")
    if commit and revision != commit:
        print(f"to pin these weights, set revision: {commit}")
    with TemporaryDirectory() as folder:
        weights = {name: tensor.clone().contiguous() for name, tensor in read_checkpoint(path, []).items()}
        save_file(weights, Path(folder, "weights.safetensors"))
        network = build(description, config.num_classes, seed=0, pretrained=str(Path(folder, "weights.safetensors")))
    return network, source


def pretrained_config(architecture: str) -> timm.models.PretrainedCfg:
    """What timm knows of the pretrained classifier `architecture`.

    Raises:
        Fault: it knows of none on its hub.
    """
    try:
        config = timm.get_pretrained_cfg(architecture, allow_unregistered=False)
    except Exception as error:
        raise Fault(f"architecture: timm has no {architecture!r}: {error!r}") from error
    if not config.hf_hub_id or not config.num_classes:
        raise Fault(f"weights: timm has no pretrained classifier {architecture} on its hub; name a file or train it")
    return config


def _published_classes(architecture: str, outputs: int, classes: list[str]) -> list[str]:
    """The classes of timm's weights: ImageNet's where the data set's are synsets, else they must be the data set's."""
    subset, synsets = timm.data.infer_imagenet_subset({"num_classes": outputs}), all(map(SYNSET.fullmatch, classes))
    if subset and synsets:
        return timm.data.ImageNetInfo(subset).label_names()
    if outputs != len(classes):
        mismatch = "are synsets, unlike its own" if synsets else "are not synsets"
        raise Fault(
            f"classes: required, because {architecture} has {outputs:,} outputs and the dataset {len(classes):,} "
            f"classes that {mismatch}; list those of the outputs, or fine-tune it with training: {{train: head}} or all"
        )
    return classes


def _output_indices(names: list[str], classes: list[str]) -> list[int] | None:
    """Index in `names`, the network's classes, of each of `classes`, the data set's; None if they are the same."""
    counts = Counter(names)
    missing = [name for name in classes if not counts[name]]
    if missing:
        nearest = get_close_matches(missing[0], names, n=1)
        hint = f" (is it {nearest[0]!r}?)" if nearest else ""
        more = f", nor {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise Fault(
            f"classes: the network has no {missing[0]!r}{hint}, a class of the dataset{more}; "
            "name its outputs as the dataset does"
        )
    if repeated := next((name for name in classes if counts[name] > 1), None):
        raise Fault(
            f"classes: {repeated!r} names {counts[repeated]} outputs of the network; give each output its own name"
        )
    return None if names == classes else [names.index(name) for name in classes]
