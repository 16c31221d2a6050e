"""Descriptions of super-networks, and of the members that a search makes from their sub-networks."""

from pathlib import Path

import numpy as np

from resiliency.data.pictures import read_images
from resiliency.data.split import stratified_sample
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.networks import SUBNETWORK, SUPERNETWORK, read_member, write_member
from resiliency.designs.weights import design_card
from resiliency.search.network import progressive_phases, training_macs
from resiliency.search.searching import Evaluations, Evaluator, search, search_table, select_members
from resiliency.search.space import RANDOM, Search, Shape, Space
from resiliency.storage.files import read_array, read_json, sha256, write_csv
from resiliency.training.checkpoints import Checkpoint, LabelledImages, Preprocessing


def network_description(factory: str, shape: Shape, side: int) -> dict:
    """Input of `networks.build` for a network of a shape, for images of `side` pixels squared."""
    return {"architecture": None, "factory": factory, "arguments": shape, "stem": "original", "side": side}


def supernet_description(space: Space, start: str | None) -> dict:
    """The description of a super-network before training.

    Args:
        start: path of a member's weights from which training starts; None if they are random.
    """
    description = network_description(SUPERNETWORK, space.largest, space.side)
    if start:
        member = Member.read(Path(start).with_name("member.json"))
        description |= {"start": f"{member.member} (sha256 {sha256(start)})", "mean": member.mean, "std": member.std}
    return description


def search_cost(space: Space, settings: Search, trained: dict, evaluated: np.ndarray, n_images: int) -> dict:
    """The cost of all members of a search together, as `training.member.cost_of_training` gives it for one.

    Args:
        trained: `training_cost` of the super-network, of which epochs and n_images are used.
        evaluated: MACs of each evaluated sub-network.
        n_images: number of images on which each of them was evaluated.
    """
    phases = progressive_phases(space.dimensions, settings.start != RANDOM)
    macs = training_macs(space, settings.strategy, settings.random_subnetworks, phases)
    spent = 3 * macs * trained["n_images"] + int(evaluated.sum()) * n_images
    return trained | {"macs": spent, "shared_by": settings.members}


def search_members(
    folders: list[Path],
    table: Path,
    design: dict,
    descriptions: dict[str, dict],
    settings: Search,
    data: dict[str, str],
    seed: int,
    workers: int,
    code: str,
) -> None:
    """Search the super-network for sub-networks, and write the chosen ones and the table of evaluations.

    The search resumes from a checkpoint beside the table, which is removed when all are written.

    Args:
        folders: folders of the members, with their names; weights.safetensors and member.json are written to each.
        table: path to which the table of evaluations is written.
        design: description of the super-network, as from `Design.description`.
        descriptions: member -> its description before the search.
        data: paths by name: weights (of the super-network), card, images, labels, validation_images and
            validation_labels.
        workers: number of processes that decode image files.
        code: fingerprint of the code that searches.
    """
    card = read_json(data["card"])
    space = Space.of_design(design, settings.elastic.model_dump(), len(card["classes"]))
    network, supernet = read_member(Path(data["weights"]).parent)
    labels = read_array(data["labels"])
    count = min(settings.n_calibration_images, len(labels))
    calibration = read_images(data["images"])[stratified_sample(labels, count, seed, "search", "calibration")]
    validation = LabelledImages(read_images(data["validation_images"]), read_array(data["validation_labels"]))
    preprocessing = Preprocessing(supernet.mean, supernet.std, workers)
    evaluator = Evaluator(network, space, calibration, validation, preprocessing)
    dependencies = {"code": code, "search": settings.model_dump(exclude={"training"}), "seed": seed}
    dependencies |= {"data": card["splits"], "supernet": sha256(data["weights"])}
    with Checkpoint(table.with_name("checkpoint.pt"), dependencies) as checkpoint:
        evaluations = search(evaluator, settings, seed, checkpoint)
    evaluated, images_seen = evaluations.objectives[:, 1], len(calibration) + len(validation.labels)
    common = {key: getattr(supernet, key) for key in ("mean", "std", "normalisation", "precision")} | {
        "weights_kind": WeightsKind.SUPERNET,
        "weights_source": "a super-network trained here",
        "training_cost": search_cost(space, settings, supernet.training_cost, evaluated, images_seen),
        "device": checkpoint.device,
    }
    positions = dict(zip(select_members(evaluations, settings, seed), folders, strict=True))
    for position, folder in positions.items():
        _write_member(folder, evaluator, evaluations, position, descriptions[folder.name], card, common)
    write_csv(table, search_table(evaluations, {position: folder.name for position, folder in positions.items()}))
    checkpoint.remove()


def _write_member(
    folder: Path,
    evaluator: Evaluator,
    evaluations: Evaluations,
    position: int,
    description: dict,
    card: dict,
    common: dict,
) -> None:
    """Write the sub-network at a position among `evaluations` as a member; `common` is the same of all."""
    genes, space = evaluations.genes[position], evaluator.space
    network = evaluator.network(genes)
    description = network_description(SUBNETWORK, space.shape(genes), space.side) | description
    fields = design_card(network, description, card, len(card["classes"])) | common
    accuracy = float(1 - evaluations.objectives[position, 0])
    write_member(folder, network, Member(member=folder.name, validation_accuracy=accuracy, **description | fields))
