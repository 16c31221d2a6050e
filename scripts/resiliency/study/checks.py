"""Checks of a study: of its keys together, and, before the first job, of what it needs on this
machine.

Each generates lines that begin with a key's path.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path

from pydantic import ValidationError

from resiliency.base.faults import Fault, hint, path_fault, short
from resiliency.base.names import (
    HELD_OUT,
    MAIN,
    alike,
    averaged,
    design_of,
    form_fault,
    images_fault,
)
from resiliency.base.settings import Keys
from resiliency.corruptions.settings import SEVERITIES
from resiliency.data.folder import (
    broken_pictures,
    count_images,
    folder_classes,
    folders_read,
    training_fault,
)
from resiliency.data.settings import PUBLISHED, Dataset
from resiliency.data.source import ALL, FEWEST, SPLITS
from resiliency.designs.settings import ALEXNET, VIEW, architectures
from resiliency.external.tables import class_count, name_in_tables
from resiliency.report.settings import METRIC_LABELS
from resiliency.search.space import search_faults
from resiliency.study.fingerprint import unfollowed_code
from resiliency.study.model import Study, cost_faults, file_faults, messages, odd_numbers
from resiliency.training.settings import Recipe


def _deployment(study: Study) -> Iterator[str]:
    """Selection by costs that are not given, or of members whose answers are unknown, or by a
    margin in per cent."""
    margin = study.deployment.margin
    if study.deployment.objective != "cost":
        if margin is not None and margin >= 0.5:
            yield (
                f"deployment.margin: expected a fraction below 0.5, got {margin:g}; 0.01 is one "
                "percentage point"
            )
        return
    if not study.costs:
        yield (
            "deployment.objective: cost needs a table of costs, got costs: null; name a file in "
            "costs, or set mean"
        )
    if "decisions" in study.elsewhere.kinds.values():
        yield (
            "deployment.objective: cost needs probabilities, got members with only predicted "
            "labels; set mean"
        )


def used_recipes(study: Study) -> Iterator[tuple[str, Recipe]]:
    """The origin of each recipe in use, and the recipe."""
    yield from ((f"designs.{name}", study.recipe(name)) for name in study.trained_designs())
    if study.joint:
        yield "joint", study.joint_recipe()
    if study.search:
        yield "search", study.search_recipe()


def _further_recipes(study: Study) -> Iterator[str]:
    """Faults of the recipes of joint training and of the super-network."""
    if study.joint:
        yield from recipe_faults("joint", study.joint.training, study.joint_recipe)
    if study.search:
        yield from recipe_faults("search", study.search.training, study.search_recipe)


def recipe_faults(
    path: str, changes: Keys, recipe: Callable[..., Recipe], *arguments: str
) -> Iterator[str]:
    """Faults of the `changes` to a recipe under `path`."""
    try:
        made = recipe(*arguments)
    except ValidationError as error:
        yield from (f"{path}.training.{line}" for line in messages(error))
    else:
        yield from odd_numbers(changes, made, f"{path}.training")


def _recipes(study: Study) -> Iterator[str]:
    """Trainings that end before their learning rate has fallen, shift images away, or mix or smooth
    joint labels."""
    train = study.data.most_images().get("train", inf)
    for path, recipe in used_recipes(study):
        if recipe.warmup_epochs >= recipe.epochs:
            yield (
                f"{path}: warmup_epochs {recipe.warmup_epochs:g} must be below epochs "
                f"{recipe.epochs}"
            )
        if recipe.shift >= study.data.side and not study.data.on_the_fly:
            yield (
                f"{path}: shift {recipe.shift} must be below the side of the images, "
                f"{study.data.side} px"
            )
        if recipe.batch_size > train:
            yield f"{path}: batch_size {recipe.batch_size} is more than the {train} training images"
        if path == "joint" and (recipe.mixup or recipe.label_smoothing):
            yield (
                "joint.training: mixup and label_smoothing must be 0, because the objectives "
                "need hard labels"
            )


def _references(study: Study) -> Iterator[str]:
    """Designs that are named and are not in the catalogue."""
    designs = [(f"members.designs.{i}", design) for i, design in enumerate(study.members.designs)]
    designs += (
        [(f"joint.designs.{i}", design) for i, design in enumerate(study.joint.designs)]
        if study.joint
        else []
    )
    designs += [("search.design", study.search.design)] if study.search else []
    designs += [("members.seeds", design) for design in study.members.seeds_by_design]
    for path, design in designs:
        if design not in study.designs:
            near = hint(design, list(study.designs))
            yield f"{path}: {short(design)} is not among the designs{near}"
        elif path.startswith("joint") and study.designs[design].has_given_weights:
            yield f"{path}: {design!r} has loaded weights; joint training starts from random ones"
        elif path == "search.design" and study.designs[design].fine_tuned:
            yield (
                f"{path}: {design!r} is fine-tuned; a super-network is not. Name a design with "
                "random weights"
            )
    if len(set(study.members.designs)) < len(study.members.designs):
        yield "members.designs: must name each design once"


def _catalogue(study: Study) -> Iterator[str]:
    """Names of designs, architectures and recipes that cannot be."""
    names = architectures()
    for name, design in study.designs.items():
        if fault := form_fault("design", name):
            yield f"designs.{short(name, quote=False)}: {fault}"
        architecture = (design.architecture or "").partition(".")[0]
        if names and design.architecture and architecture not in names:
            near = hint(architecture, list(names))
            yield f"designs.{name}.architecture: timm has no {short(design.architecture)}{near}"
        yield from recipe_faults(f"designs.{name}", design.training, study.recipe, name)


def _views(study: Study) -> Iterator[str]:
    """Views of members with given weights where all see images as the dataset has them."""
    for name in study.given_designs() if study.data.one_size else []:
        for key in VIEW:
            if getattr(study.designs[name], key) is not None:
                remedy = "remove it, or set dataset.image_size to auto"
                yield (
                    f"designs.{name}.{key}: all members see the images at {study.data.side} px; "
                    f"{remedy}"
                )


def _external(study: Study) -> Iterator[str]:
    """Sections that do not go together with imported members, or with none."""
    if study.dataset is None:
        of_dataset = {
            "members.designs": study.members.designs,
            "joint": study.joint,
            "search": study.search,
        }
        for key, value in (of_dataset | {"test_sets": study.test_sets}).items():
            if value:
                yield (
                    f"{key}: must be {'[]' if key.endswith('designs') else 'null'}, because "
                    "there is no dataset"
                )
        if not study.external:
            yield "external: required, because there is no dataset; give members from elsewhere"
    elif not study.members.designs:
        yield "members.designs: must name a design, unless dataset is null"
    if study.add and not study.external:
        yield (
            "add: the study has no members from elsewhere to compare with; name the files in a "
            "section external"
        )


def _files_from_elsewhere(study: Study) -> Iterator[str]:
    """Files of imported members that are wrong."""
    keys = ("decisions", "logits", "probabilities", "scores", "members") if study.external else ()
    paths = [(f"external.{key}", path) for key in keys for path in getattr(study.external, key)]
    paths += [("add", path) for path in study.add]
    if faults := [f"{key}: {path}: {fault}" for key, path in paths if (fault := path_fault(path))]:
        yield from faults
        return
    try:
        if study.external:
            study.described_elsewhere()
    except Fault as fault:
        added = any(str(fault).startswith((f"{file}:", f"{file}/")) for file in study.add)
        yield f"{'add' if added else 'external'}: {fault}"


def _members_from_elsewhere(study: Study) -> Iterator[str]:
    """Faults of the members in imported files, together with the study or with each other."""
    kinds = study.elsewhere.kinds
    predicted = {kind for kind in kinds.values() if kind != "scores"}
    if (
        predicted == {"decisions"}
        and not study.members.designs
        and study.ensembles.main_rule != "plurality_vote"
    ):
        yield (
            "ensembles.rules: the first rule must be plurality_vote, because some members have "
            "only predicted labels"
        )
    made_here = [*study.independent_members(), *study.joint_members(), *study.searched_members()]
    for member in kinds:
        if member in made_here:
            yield f"external: member {member!r} is also made here; rename it"
    for one, other in alike([*made_here, *kinds]):
        key = "external" if other in kinds else "members.designs"
        yield f"{key}: members {one!r} and {other!r} differ only in case; rename one"


def _families(study: Study) -> Iterator[str]:
    """Families that differ only in case, so that one would count as two."""
    designs = [*study.members.designs, *(study.joint.designs if study.joint else [])]
    made_here = [study.designs[design].family_name for design in designs]
    described = list(study.described_elsewhere()["family"]) if study.external else []
    for one, other in alike([*made_here, *described]):
        key = "external.members" if other in described else "designs"
        yield f"{key}: families {one!r} and {other!r} differ only in case; rename one"


def _corruptions(study: Study) -> Iterator[str]:
    """An engine, or a precomputed set, that does not have what the study asks for."""
    dataset, corruptions = study.data, study.corruptions
    if corruptions.engine == "imagecorruptions" and corruptions.table == "cifar-10-c":
        yield "corruptions.table: the engine imagecorruptions has only imagenet-c, got 'cifar-10-c'"
    if (
        corruptions.source == "precomputed"
        and dataset.name.startswith("cifar")
        and dataset.side != 32
    ):
        yield (
            f"dataset.image_size: expected 32, as in the precomputed set of {dataset.name}, got "
            f"{dataset.side}"
        )


def _baseline(study: Study) -> Iterator[str]:
    members, baseline = study.independent_members(), study.members.baseline
    members += study.elsewhere.predicted or (list(study.elsewhere.kinds) if not members else [])
    if baseline not in (*members, ALEXNET):
        yield f"members.baseline: {short(baseline)} is not a member{hint(baseline, members)}"


def _alexnet(study: Study) -> Iterator[str]:
    """AlexNet as the baseline on other images, corruptions or severities than those of its
    published errors."""
    if study.members.baseline != ALEXNET:
        return
    corruptions, dataset, imagenet = study.corruptions, study.dataset, PUBLISHED["imagenet"]
    severities = (
        corruptions.severities if dataset or not study.external else study.elsewhere.severities
    )
    needed = {
        "corruptions.names among the 15 main ones": set(averaged(corruptions.names)) <= set(MAIN),
        "corruptions.severities 1 to 5": set(severities) == set(SEVERITIES),
    }
    if dataset:
        published = (
            corruptions.source == "precomputed"
            or corruptions.table_at(dataset.side) == "imagenet-c"
        )
        needed |= {
            "dataset.name imagenet": dataset.name == "imagenet",
            f"dataset.image_size {imagenet.image_size}": dataset.side == imagenet.image_size,
            "corruptions.table imagenet-c": published,
        }
    elif study.external:
        classes = class_count(study.external.known_classes)
        needed[f"external.classes {imagenet.classes}"] = classes in (None, imagenet.classes)
    if lacking := [what for what, there in needed.items() if not there]:
        yield (
            "members.baseline: alexnet has published errors only on ImageNet-C, which needs "
            f"{', '.join(lacking)}"
        )


def _reference(study: Study) -> Iterator[str]:
    """A recipe of reference that no member has."""
    reference = study.statistics.reference
    if reference is None:
        return
    recipes = sorted({*study.described_elsewhere()["recipe"]} - {""}) if study.external else []
    if reference in recipes:
        return
    if recipes:
        near = hint(reference, recipes) or f"; available recipes: {', '.join(map(short, recipes))}"
    else:
        near = ": only a table of external.members gives recipes; null stands for all members"
    yield f"statistics.reference: {short(reference)} is not the recipe of a member{near}"


def _robustness(study: Study) -> Iterator[str]:
    """Test sets in place of corruptions, or of clean images, that the study does not have."""
    there = list(study.test_sets) if study.dataset else study.elsewhere.test_sets
    given = {f"robustness.{index}": name for index, name in enumerate(study.statistics.robustness)}
    given |= {"accuracy_on": study.statistics.accuracy_on} if study.statistics.accuracy_on else {}
    for key, name in given.items():
        if name_in_tables(name) not in there:
            near = hint(name, there) or f"; available test sets: {', '.join(there) or 'none'}"
            yield (
                f"statistics.{key}: {short(name)} is not an additional test set of the study{near}"
            )


def _ensembles(study: Study) -> Iterator[str]:
    there = [*study.members.designs, *dict.fromkeys(map(design_of, study.elsewhere.predicted))]
    for index, design in enumerate(study.ensembles.designs or []):
        if design not in there:
            yield (
                f"ensembles.designs.{index}: {short(design)} is not the design of a "
                f"member{hint(design, there)}"
            )
    members = study.combined_members()
    if members and max(study.ensembles.sizes) > len(members):
        yield (
            f"ensembles.sizes: {max(study.ensembles.sizes)} is more than the {len(members)} members"
        )


def _test_sets(study: Study) -> Iterator[str]:
    """Names of test sets, by whatever road they come, that cannot be."""
    places = {f"test_sets.{short(name, quote=False)}": name for name in study.test_sets}
    if study.external and not study.dataset:
        source = study.elsewhere.sources[0]
        places |= {
            f"external: {source.file}: test set {short(source.names[n])}": n
            for n in study.elsewhere.test_sets
        }
    for place, name in places.items():
        if fault := form_fault("test set", name) or images_fault(
            name, (*MAIN, *HELD_OUT), METRIC_LABELS
        ):
            yield f"{place}: {fault}"
    for one, other in alike(places.values()):
        yield f"test_sets: {one!r} and {other!r} differ only in case; rename one"


def _splits(study: Study) -> Iterator[str]:
    """Splits with fewer images than are used of them."""
    most = study.data.most_images()
    if min((count for split, count in most.items() if split in study.splits), default=inf) < 10:
        yield (
            "dataset: validation_fraction and test_fraction must leave at least 10 images to "
            "each split that is used"
        )
    if study.probe.n_images > most.get("test", inf):
        yield f"probe.n_images: {study.probe.n_images} is more than the {most['test']} test images"


def _search(study: Study) -> Iterator[str]:
    """A search that the network of its design does not allow."""
    if study.search:
        design, data, classes = study.designs[study.search.design], study.data, 1
        with suppress(Fault):  # of folders that cannot be read, which the rule `dataset` reports
            classes = (
                PUBLISHED[data.name].classes
                if data.name in PUBLISHED
                else len(folder_classes(data.place))
            )
        yield from search_faults(
            study.search, design, data.side, classes, study.independent_members()
        )


# In their order: each relies on what those before it have checked, and so do all `CHECKS`.
FIRST = (
    *(_references, _catalogue, _further_recipes),
    *(_external, _files_from_elsewhere, _members_from_elsewhere),
)
CHECKS = (
    *(_families, _views, file_faults, cost_faults, _deployment),
    *(_corruptions, _baseline, _alexnet, _reference, _robustness, _ensembles),
    *(_test_sets, _splits, _recipes, _search),
)


def cross_checks(study: Study) -> list[str]:
    """A line for each fault that the `CHECKS` find in a study, or those of the first of `FIRST`
    that finds any."""
    for check in FIRST:
        if lines := list(check(study)):
            return lines
    return [line for check in CHECKS for line in check(study)]


def preflight(study: Study) -> None:
    """Check what a study needs that is not in its keys.

    Raises:
        Fault: one line for each fault: a folder that is missing or has too few images; or a picture
            that cannot be decoded.
    """
    if sys.flags.optimize > 1:
        reason = (
            "removes docstrings, without which Altair, which draws the charts, cannot be imported"
        )
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
        yield f"{', '.join(study.learning())}: needs training images, but {fault}"
        return
    counts = _count(study.data, study.splits)
    if study.probe.n_images > counts["test"]:
        yield (
            f"probe.n_images: {study.probe.n_images} is more than the {counts['test']} test "
            f"images in {folder}"
        )
    for path, recipe in used_recipes(study):
        if recipe.batch_size > counts["train"]:
            images = f"{counts['train']} training images in {folder}"
            yield f"{path}: batch_size {recipe.batch_size} is more than the {images}"
    for split in study.splits:
        if counts[split] < FEWEST:
            yield (
                f"dataset: expected at least {FEWEST} images for {split}, got {counts[split]}; "
                "add images"
            )


def _broken_pictures(study: Study) -> Iterator[str]:
    """Pictures that cannot be decoded, in folders that the study takes whole; the stage decodes
    what it draws."""
    folders = [Path(test_set.folder) for test_set in study.test_sets.values() if test_set.folder]
    if study.data.folder and not (study.data.images_per_class or study.data.images):
        folders += folders_read(study.data.name, Path(study.data.folder), study.splits)
    for folder in folders:
        # Of the layout, which `_data_faults`, or the stage of a test set, tells.
        with suppress(Fault):
            yield from broken_pictures([folder])


def _count(dataset: Dataset, splits: Sequence[str]) -> dict[str, int]:
    """Number of images that each split can have at most."""
    folder, held_out, test = dataset.place, dataset.validation_fraction, dataset.test_fraction
    counts: dict[str, float] = dict(count_images(folder, splits))
    if dataset.groups:  # a share may be larger if groups are not split
        whole = counts.get(ALL, counts.get("train", 0))
        sizes = dict.fromkeys(SPLITS, whole) | counts
    elif ALL in counts:
        shares = {"test": test, "validation": held_out, "train": 1 - held_out - test}
        sizes = {split: counts[ALL] * share for split, share in shares.items()}
    else:
        train = counts.get("train", 0)
        split_off = 0 if "validation" in counts else train * held_out
        sizes = (
            {"validation": split_off, "train": train - split_off}
            | counts
            | {"train": train - split_off}
        )
    if dataset.images:
        lines = Path(dataset.images).read_text(encoding="utf-8", errors="replace").splitlines()
        sizes["test"] = min(sizes["test"], sum(bool(line.strip()) for line in lines))
    classes = len(folder_classes(folder, splits))
    most = {str(split): most for split, most in dataset.images_per_class.items()}
    return {
        split: round(min(size, classes * most.get(split, inf))) for split, size in sizes.items()
    }


def _unwatched_code(study: Study) -> Iterator[str]:
    """Warnings of factories that run code which the fingerprint of their members does not
    contain."""
    names = dict.fromkeys([*study.members.designs, *(study.joint.designs if study.joint else [])])
    names |= {study.search.design: None} if study.search else {}
    for name in names:
        factory = study.designs[name].factory
        if factory and (calls := unfollowed_code(factory, Path.cwd())):
            remedy = "import it by its name, or delete the results of its members after a change"
            unnoticed = f"no change of the code that is run in {', '.join(calls)} is noticed"
            yield f"designs.{name}.factory: {unnoticed}; {remedy}"
