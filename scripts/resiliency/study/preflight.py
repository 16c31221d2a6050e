"""Needs of a study on this machine and in its data, checked before the first job; and needs of its jobs on a cluster.

Each further attempt at a job asks a cluster for as much again. The figures are generous rather than exact: asking for
too little costs an attempt. They change no result."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import ceil, comb, inf
from pathlib import Path

from resiliency.base.faults import Fault
from resiliency.data.card import FEWEST
from resiliency.data.folder import broken_pictures, count_images, folder_classes, folders_read, training_fault
from resiliency.data.settings import PUBLISHED, Dataset
from resiliency.data.source import ALL, SPLITS
from resiliency.study.checks import used_recipes
from resiliency.study.fingerprint import unfollowed_code
from resiliency.study.model import Study


def preflight(study: Study) -> None:
    """Check what a study needs that is not in its keys.

    Raises:
        Fault: one line for each fault: a folder that is missing or has too few images; or a picture that cannot be
            decoded.
    """
    if sys.flags.optimize > 1:
        reason = "removes docstrings, without which Altair, which draws the charts, cannot be imported"
        raise Fault(f"PYTHONOPTIMIZE: {sys.flags.optimize} {reason}; expected 0 or 1. Unset it")
    for warning in _unwatched_code(study):
        print(f"study: {warning}", file=sys.stderr)
    if faults := [*_data_faults(study), *_broken_pictures(study)]:
        raise Fault("\n".join(faults))


def _data_faults(study: Study) -> Iterator[str]:
    if not study.data.folder:
        return
    folder = Path(study.data.folder)
    if not folder.is_dir():
        yield f"dataset.folder: there is no folder {folder} (relative to {Path.cwd()})"
        return
    if fault := training_fault(folder, study.splits):
        keys = ", ".join(study.learning()) or "ensembles.rules: weighted_mean"
        images = "training" if study.learning() else "validation"
        yield f"{keys}: needs {images} images, but {fault}"
        return
    batches = {f"{path}: batch_size": recipe.batch_size for path, recipe in used_recipes(study)}
    needed = {"test": max(study.probe.n_images, FEWEST), "train": max(batches.values(), default=0)}
    counts = _count(study.data, needed, study.splits)
    if study.probe.n_images > counts["test"]:
        yield f"probe.n_images: {study.probe.n_images} is more than the {counts['test']} test images in {folder}"
    for name, size in batches.items():
        if size > counts["train"]:
            yield f"{name} {size} is more than the {counts['train']} training images in {folder}"
    for split in study.splits:
        if counts[split] < FEWEST:
            yield f"dataset: expected at least {FEWEST} images for {split}, got {counts[split]}; add images"


def _broken_pictures(study: Study) -> Iterator[str]:
    """Pictures that cannot be decoded, in folders that the study takes whole; the stage decodes what it draws."""
    folders = [Path(test_set.folder) for test_set in study.test_sets.values() if test_set.folder]
    if study.data.folder and not (study.data.images_per_class or study.data.images):
        folders += folders_read(study.data.name, Path(study.data.folder), study.splits)
    for folder in folders:
        with suppress(Fault):  # of the layout, which `_data_faults`, or the stage of a test set, tells
            yield from broken_pictures([folder])


def _count(dataset: Dataset, needed: dict[str, int], splits: Sequence[str]) -> dict[str, int]:
    """Number of images that each split can have at most, counted up to the number `needed`."""
    folder, held_out, test = dataset.place, dataset.validation_fraction, dataset.test_fraction
    smallest = max(min(test, held_out, 1 - held_out - test), 1e-3)
    counts: dict[str, float] = dict(count_images(folder, ceil(max(needed.values()) / smallest) + 1, splits))
    if dataset.groups:  # a share may be larger if groups are not split
        whole = counts.get(ALL, counts.get("train", 0))
        sizes = dict.fromkeys(SPLITS, whole) | counts
    elif ALL in counts:
        shares = {"test": test, "validation": held_out, "train": 1 - held_out - test}
        sizes = {split: counts[ALL] * share for split, share in shares.items()}
    else:
        train = counts.get("train", 0)
        split_off = 0 if "validation" in counts else train * held_out
        sizes = {"validation": split_off, "train": train - split_off} | counts | {"train": train - split_off}
    if dataset.images:
        lines = Path(dataset.images).read_text(encoding="utf-8", errors="replace").splitlines()
        sizes["test"] = min(sizes["test"], sum(bool(line.strip()) for line in lines))
    classes = len(folder_classes(folder, splits))
    most = {str(split): most for split, most in dataset.images_per_class.items()}
    return {split: round(min(size, classes * most.get(split, inf))) for split, size in sizes.items()}


def _unwatched_code(study: Study) -> Iterator[str]:
    """Warnings of factories that run code which the fingerprint of their members does not contain."""
    names = dict.fromkeys([*study.members.designs, *(study.joint.designs if study.joint else [])])
    names |= {study.search.design: None} if study.search else {}
    for name in names:
        factory = study.designs[name].factory
        if factory and (calls := unfollowed_code(factory, Path.cwd())):
            yield (
                f"designs.{name}.factory: no change of the code that is run in {', '.join(calls)} is noticed; "
                "import it by its name, or delete the results of its members after a change"
            )


# Longest run time to ask for, in minutes. Training that takes longer goes on from its checkpoint in the next attempt.
DAY = 24 * 60
# Assumed number of images of a split, and of classes, of an image folder or an additional test set.
UNCOUNTED, UNCOUNTED_CLASSES = 100_000, 1_000
# Images per minute: in training of one network, and in prediction.
TRAINED, PREDICTED = 60_000, 30_000
# Predictions that take as long as a gradient, and as occlusion, which hides an image by 49 windows in turn. An image of
# more than `SIDE` pixels a side takes longer, in proportion to its area.
GRADIENT, OCCLUSION = 3, 50
SIDE = 64
# Pixels per minute of the slowest corruption on one core.
CORRUPTED = 30_000_000
# Probabilities per minute: scored members, compared pairs, and ensembles combined by one rule.
SCORED, COMPARED, COMBINED = 1_500_000_000, 10_000_000_000, 10_000_000_000


def network_memory(decoding: int) -> int:
    """Megabytes of a process that computes with networks, while `decoding` others decode images."""
    return 8000 + 2000 * decoding


def minutes(study: Study) -> dict[str, int]:
    """Rule -> minutes of one attempt, for the rules whose run time grows with the size of the study."""
    most = study.data.most_images()
    train, validation, test = (most.get(split, UNCOUNTED) for split in ("train", "validation", "test"))
    severities = len(study.corruptions.severities)
    conditions = 1 + severities * len(study.corruptions.names)
    joint, search = study.joint, study.search
    methods, pictured = study.attribution.methods, len(study.pictured_members())
    epochs = [study.recipe(design).epochs for design in study.trained_designs()]
    estimates = {
        "corrupt": 10 + test * severities * study.data.side**2 // CORRUPTED,
        "train": 60 + train * max(epochs, default=0) // TRAINED,
        "predict": 30 + test * conditions // PREDICTED,
        "predict_test_set": 30 + UNCOUNTED // PREDICTED,
        "attribute": 60 + round(study.probe.n_images * _explanation(study, methods) / PREDICTED),
        "gallery": 60 + round(study.probe.n_images * pictured * _explanation(study, methods[:1]) / PREDICTED),
    }
    if study.prediction.members_per_job > 1:
        predicted = test * conditions + UNCOUNTED * len(study.test_sets)
        estimates["predict_together"] = 30 + predicted * study.prediction.members_per_job // PREDICTED
    if joint:
        estimates["train_jointly"] = 60 + train * study.joint_recipe().epochs * len(joint.designs) // TRAINED
    if search:
        estimates["train_supernet"] = (
            60 + train * study.search_recipe().epochs * (2 + search.random_subnetworks) // TRAINED
        )
        estimates["search"] = 60 + search.evaluations * (search.n_calibration_images + validation) // PREDICTED
    return estimates | _minutes_of_ensembles(study, test * conditions + UNCOUNTED * len(study.test_sets))


def _explanation(study: Study, methods: list[str]) -> float:
    """How many predictions take as long as explaining one image by all `methods`."""
    passes = {"integrated_gradients": GRADIENT * study.attribution.steps, "occlusion": OCCLUSION}
    return sum(passes.get(method, GRADIENT) for method in methods) * max(1, study.data.side / SIDE) ** 2


def _minutes_of_ensembles(study: Study, predictions: int) -> dict[str, int]:
    """Rule -> minutes, for the rules that process all members, pairs or ensembles of `predictions` each."""
    name, ensembles = study.data.name, study.ensembles
    probabilities = predictions * (PUBLISHED[name].classes if name in PUBLISHED else UNCOUNTED_CLASSES)
    alone, joint = [study.independent_members(), study.searched_members()], study.joint_ensembles()
    alone[0] += study.contents().predicted if study.external else []
    members = sum(map(len, alone + joint))
    pairs = sum(comb(len(group), 2) for group in alone + joint)
    scored = sum(min(ensembles.limit, sum(comb(len(group), size) for size in ensembles.sizes)) for group in alone)
    tried = scored + study.deployment.max_size * sum(map(len, alone))
    return {
        "score_members": 60 + members * probabilities // SCORED,
        "pairwise_diversity": 60 + pairs * probabilities // COMPARED,
        "score_ensembles": 60 + scored * probabilities * len(ensembles.rules) // COMBINED,
        "choose_ensembles": 60 + tried * probabilities // COMBINED,
    }
