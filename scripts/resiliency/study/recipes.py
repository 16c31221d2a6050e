"""The recipes of a study that are used, and what is wrong with them, in lines that begin with a key's path."""

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

from pydantic import ValidationError

from resiliency.study.messages import booleans_for_numbers, messages
from resiliency.study.model import Study
from resiliency.training.settings import Recipe


def used_recipes(study: Study) -> Iterator[tuple[str, Recipe]]:
    """Where each recipe that is used comes from, and the recipe."""
    yield from ((f"designs.{name}", study.recipe(name)) for name in study.trained_designs())
    if study.joint:
        yield "joint", study.joint_recipe()
    if study.search:
        yield "search", study.search_recipe()


def joint_faults(study: Study) -> Iterator[str]:
    """What is wrong with the recipe of joint training."""
    if study.joint:
        yield from recipe_faults("joint", study.joint.training, study.joint_recipe)


def supernet_faults(study: Study) -> Iterator[str]:
    """What is wrong with the recipe of the super-network."""
    if study.search:
        yield from recipe_faults("search", study.search.training, study.search_recipe)


def recipe_faults(
    path: str, changes: dict[str, Any], recipe: Callable[..., Recipe], *arguments: str, kind: type[Recipe] = Recipe
) -> Iterator[str]:
    """What is wrong with the `changes` to a recipe under `path`."""
    try:
        made = recipe(*arguments)
    except ValidationError as error:
        yield from (f"{path}.training.{line}" for line in messages(kind, error))
    except TypeError:
        yield f"{path}.training: keys must be words"
    else:
        yield from booleans_for_numbers(changes, made, f"{path}.training")


def warmup_faults(study: Study) -> Iterator[str]:
    """Trainings that end before their learning rate has fallen."""
    for path, recipe in used_recipes(study):
        if recipe.warmup_epochs >= recipe.epochs:
            yield f"{path}: warmup_epochs {recipe.warmup_epochs:g} must be below epochs {recipe.epochs}"


def shift_faults(study: Study) -> Iterator[str]:
    """Shifts that leave nothing of an image."""
    for path, recipe in () if study.data.on_the_fly else used_recipes(study):
        if recipe.shift >= study.data.side:
            yield f"{path}: shift {recipe.shift} must be below the side of the images, {study.data.side} px"


def batch_faults(study: Study) -> Iterator[str]:
    """Batches that the training images do not fill, and those of joint training that mix or smooth labels."""
    train = study.data.most_images().get("train", inf)
    for path, recipe in used_recipes(study):
        if recipe.batch_size > train:
            yield f"{path}: batch_size {recipe.batch_size} is more than the {train} training images"
        if path == "joint" and (recipe.mixup or recipe.label_smoothing):
            yield "joint.training: mixup and label_smoothing must be 0, because the objectives need hard labels"
