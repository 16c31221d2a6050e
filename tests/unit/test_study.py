"""The study: its defaults, and one line for every fault in it."""

import pytest
from default_study import changed, imported
from pydantic import BaseModel

from resiliency.corruptions.settings import Corruptions
from resiliency.data.settings import Dataset
from resiliency.diversity.metrics import METRICS
from resiliency.diversity.settings import Attribution
from resiliency.ensembles.combination import RULES
from resiliency.ensembles.settings import Ensembles
from resiliency.prediction.attributions import METHODS
from resiliency.study.files import load
from resiliency.training.objectives import OBJECTIVES
from resiliency.training.settings import Joint


@pytest.mark.parametrize(
    ("name", "size", "side", "on_the_fly", "margin", "shift", "mirrored"),
    [
        ("digits", "auto", 32, False, 1, 2, False),
        ("svhn", "auto", 32, False, 1, 4, False),
        ("stl10", "auto", 96, False, 0.875, 12, True),
        ("imagenette", "auto", 224, True, 0.875, 0, True),
        ("image_folder", 32, 32, False, 1, 4, True),
        ("imagenet", 65, 65, True, 0.875, 0, True),
        ("fashion_mnist", 224, 224, False, 0.875, 28, True),
    ],
)
def test_views_and_augmentation_suit_the_data_set(name, size, side, on_the_fly, margin, shift, mirrored):
    dataset = Dataset(name=name, image_size=size, folder="photos" if name in ("image_folder", "imagenet") else None)
    resolved = dataset.resolved()
    assert (resolved["side"], resolved["on_the_fly"], resolved["margin"]) == (side, on_the_fly, margin)
    assert (dataset.largest_shift, dataset.mirrored) == (shift, mirrored)


def test_names_of_members():
    """Those of joint training have no +, which separates members."""
    config = changed("joint.objectives", {"balanced": [0, 0.5], "ncl": [2.5e22]})
    config["joint"] |= {"designs": ["vit", "vit"], "seeds": 1}
    config["members"] |= {"designs": ["vit", "resnet50"], "seeds": 2}
    config["ensembles"]["sizes"] = [2]
    study = load(config)
    assert study.independent_members() == ["vit-s0", "vit-s1", "resnet50-s0", "resnet50-s1"]
    settings = {"balanced-l0": ("balanced", 0), "balanced-l0.5": ("balanced", 0.5), "ncl-l2.5e22": ("ncl", 2.5e22)}
    assert study.joint_settings() == settings
    assert study.joint_ensembles() == [[f"{name}-s0-m0", f"{name}-s0-m1"] for name in settings]
    assert study.joint_members() == [name for names in study.joint_ensembles() for name in names]


def choices(model: type[BaseModel], key: str) -> set[str]:
    """The names that the settings allow for a key that holds a list, or a dictionary by name."""
    return set(model.model_fields[key].annotation.__args__[0].__args__)


def test_settings_and_registries_name_the_same():
    assert choices(Joint, "objectives") == set(OBJECTIVES)
    assert choices(Attribution, "methods") == set(METHODS)
    assert choices(Ensembles, "rules") == set(RULES)
    assert {metric.source for metric in METRICS.values() if metric.kind == "attribution"} == set(METHODS)


@pytest.mark.parametrize(
    ("settings", "size", "table"),
    [
        ({}, 64, "cifar-10-c"),
        ({}, 65, "imagenet-c"),
        ({"table": "imagenet-c"}, 32, "imagenet-c"),
        ({"engine": "imagecorruptions"}, 32, "imagenet-c"),
    ],
)
def test_the_table_of_severities_suits_the_images(settings, size, table):
    assert Corruptions(**settings).table_at(size) == table


def test_ensembles_are_of_the_designs_that_a_study_names(tmp_path):
    study = load(changed("ensembles.designs", ["resnet18", "vit"]))
    seeds = {design: study.members.seed_count(design) for design in ("resnet18", "vit")}
    assert study.combined_members() == [f"{name}-s{seed}" for name, count in seeds.items() for seed in range(count)]
    for name, members in {"theirs": ["a-s0", "a-s1", "b-s0", "c-s0"], "mine": ["d"]}.items():
        rows = [["test_set", "image", "label", *members]]
        rows += [["clean", str(image), str(image % 2), *"0" * len(members)] for image in range(12)]
        (tmp_path / f"{name}.csv").write_text("\n".join(map(",".join, rows)))
    config = imported({"decisions": str(tmp_path / "theirs.csv")}, "a-s0") | {"add": [str(tmp_path / "mine.csv")]}
    config |= {"ensembles": {"sizes": [2], "rules": ["plurality_vote"], "designs": ["a", "c"]}}
    assert load(config).combined_members() == ["a-s0", "a-s1", "c-s0", "d"]
