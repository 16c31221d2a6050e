"""The study: its defaults, how files are merged, a line for every fault, and what it asks of its
data and a cluster."""

import copy
import os
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from fault_messages import fault_of, lines_of
from PIL import Image
from pydantic import BaseModel
from snakemake.cli import parse_config
from snakemake.utils import update_config

from resiliency.corruptions.settings import Corruptions
from resiliency.data.settings import Dataset
from resiliency.diversity.metrics import METRICS
from resiliency.diversity.settings import Attribution
from resiliency.ensembles.combination import RULES
from resiliency.ensembles.settings import Ensembles
from resiliency.prediction.attributions import METHODS
from resiliency.study.checks import preflight
from resiliency.study.files import INSTALLED, export_command, load, merged, read, read_merged
from resiliency.study.plan import minutes
from resiliency.training.objectives import OBJECTIVES
from resiliency.training.settings import Joint

REPOSITORY = Path(__file__).parents[2]
CONFIG = yaml.safe_load((REPOSITORY / "config.yaml").read_text())


def changed(path: str, value: object) -> dict:
    """The default configuration with one key set."""
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    inner = config
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return config


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
def test_views_and_augmentation_suit_the_data_set(
    name, size, side, on_the_fly, margin, shift, mirrored
):
    dataset = Dataset(
        name=name,
        image_size=size,
        folder="photos" if name in ("image_folder", "imagenet") else None,
    )
    for view in (dataset, dataset.resolved()):
        assert (view.side, view.on_the_fly, view.margin) == (side, on_the_fly, margin)
    assert dataset.resolved().model_dump(warnings="error")["crop"] == margin
    assert (dataset.largest_shift, dataset.mirrored) == (shift, mirrored)


def test_names_of_members():
    """Those of joint training have no +, which separates members."""
    config = changed("joint.objectives", {"balanced": [0, 0.5], "ncl": [1e6]})
    config["joint"] |= {"designs": ["vit", "vit"], "seeds": 1}
    config["members"] |= {"designs": ["vit", "resnet50"], "seeds": 2}
    config["ensembles"]["sizes"] = [2]
    study = load(config)
    assert study.independent_members() == ["vit-s0", "vit-s1", "resnet50-s0", "resnet50-s1"]
    settings = {
        "balanced-l0": ("balanced", 0),
        "balanced-l0.5": ("balanced", 0.5),
        "ncl-l1e06": ("ncl", 1e6),
    }
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
    assert {metric.source for metric in METRICS.values() if metric.kind == "attribution"} == set(
        METHODS
    )


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
    assert study.combined_members() == [
        f"{name}-s{seed}" for name, count in seeds.items() for seed in range(count)
    ]
    for name, members in {"theirs": ["a-s0", "a-s1", "b-s0", "c-s0"], "mine": ["d"]}.items():
        rows = [["test_set", "image", "label", *members]]
        rows += [["clean", str(image), str(image % 2), *"0" * len(members)] for image in range(12)]
        (tmp_path / f"{name}.csv").write_text("\n".join(map(",".join, rows)))
    config = {
        "study": "mine",
        "dataset": None,
        "designs": {},
        "members": {"designs": [], "baseline": "a-s0"},
    }
    config |= {
        "external": {"decisions": str(tmp_path / "theirs.csv")},
        "add": [str(tmp_path / "mine.csv")],
    }
    config |= {"ensembles": {"sizes": [2], "rules": ["plurality_vote"], "designs": ["a", "c"]}}
    assert load(config).combined_members() == ["a-s0", "a-s1", "c-s0", "d"]


def files(folder: Path, *texts: str) -> list[Path]:
    """Write files, each a text; their paths in order."""
    paths = [folder / f"{index}.yaml" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (
            "search: {elastic: {depth: [1], width: [1]}}",
            "search: {elastic: {width: [1, 0.5]}}",
            "search: {elastic: {depth: [1], width: [1, 0.5]}}",
        ),
        ("joint: null", "joint: {objectives: {kl: [1]}}", "joint: {objectives: {kl: [1]}}"),
        (
            "designs: {a: {w: 1, x: {y: 1}}}",
            "designs: {a: {x: {z: 1}}}",
            "designs: {a: {x: {z: 1}}}",
        ),
        (
            "test_sets: {a: {folder: x, classes: all}}",
            "test_sets: {a: {folder: y}}",
            "test_sets: {a: {folder: y}}",
        ),
        (
            "members: {seeds: {a: 2}, baseline: c}",
            "members: {seeds: {b: 3}}",
            "members: {seeds: {b: 3}, baseline: c}",
        ),
        (
            "external: {n_images: {a: 1}, clean_on: {a: b}, classes: 10}",
            "external: {n_images: {c: 1}, clean_on: {}}",
            "external: {n_images: {c: 1}, clean_on: {}, classes: 10}",
        ),
    ],
)
def test_sections_are_merged_and_names_are_replaced(tmp_path, first, second, together):
    assert read_merged(files(tmp_path, first, second)) == yaml.safe_load(together)
    assert read_merged(files(tmp_path, first)) == yaml.safe_load(first)


def test_the_command_line_changes_single_keys(tmp_path):
    first = (
        "designs: {a: {architecture: x, stem: auto, arguments: {d: 1, w: 2}}}\nmembers: "
        "{seeds: {a: 2, b: 2}}"
    )
    second = "designs: {a: {architecture: y}}\nmembers: {seeds: {c: 3}}"
    given = {
        "designs": {"a": {"arguments": {"d": 1}, "family": None}},
        "members": {"seeds": {"b": 2}},
    }
    assert merged(map(read, files(tmp_path, first, second)), given) == {
        "designs": {"a": {"architecture": "y", "arguments": {"d": 1}, "family": None}},
        "members": {"seeds": {"c": 3, "b": 2}},
    }


def test_snakemake_reads_files_in_order_and_the_command_line_on_top(tmp_path, snakemake):
    first, second = (
        "study: mine\ndesigns: {vit: {factory: a:b}}\n",
        "joint: null\ndesigns:\n  vit: {stem: original}\n",
    )
    paths = files(tmp_path, first, second)
    arguments = ["--snakefile", str(REPOSITORY / "Snakefile"), "--dry-run", "--cores", "1"]
    arguments += ["--configfile", *map(str, paths), "--config", "designs={resnet18: {stm: auto}}"]
    prefix = "study 0.yaml 1.yaml: designs."
    run = snakemake(arguments, tmp_path)
    assert run.returncode != 0
    assert f"\n{prefix}vit.architecture: required; give it, or a factory" in run.stdout
    assert f"\n{prefix}resnet18.stm: unknown key; did you mean stem?" in run.stdout


def test_the_command_that_makes_something_again_is_read_as_the_first():
    here, photos = Path("/home/me/resiliency"), Path("/home/me/photos")
    given = {
        "ensemble": "best under 5 M MACs",
        "seed": 3,
        "search": None,
        "folder": "a 'quoted' $HOME",
    }
    given["dataset"] = {"name": "image_folder", "classes": ["a", "b, c"]}
    words = shlex.split(export_command([here / "studies/tiny.yaml"], given, here, here))
    assert words[:7] == [
        "snakemake",
        "export",
        "--cores",
        "all",
        "--configfile",
        "studies/tiny.yaml",
        "--config",
    ]
    assert parse_config(words[7:]) == given
    words = shlex.split(
        export_command([photos / "my study.yaml", here / "studies/tiny.yaml"], {}, here, photos)
    )
    files = ["my study.yaml", "$CHECKOUT/studies/tiny.yaml"]
    assert words[4:] == ["--snakefile", "$CHECKOUT/Snakefile", "--configfile", *files]
    installed = [photos / "my study.yaml", INSTALLED / "studies/tiny.yaml"]
    words = shlex.split(export_command(installed, given, INSTALLED, photos))
    assert words[:6] == [
        "resiliency",
        "export",
        "my study.yaml",
        "studies/tiny.yaml",
        "--",
        "--config",
    ]
    assert parse_config(words[6:]) == given


FEW = {"design": "resnet18", "elastic": {"depth": [2, 2, 2, 1], "width": [1, 0.5]}}
FAULTS = [
    ("designs.vit.training", {"epoch": 3}, "designs.vit.training.epoch: unknown key; did you mean "
        "epochs?"),
    ("designs.vit.architecture", "resnet51", "designs.vit.architecture: timm has no 'resnet51'; "
        "did you mean resnet5"),
    ("designs.vit.family", "ResNet", "designs: families 'resnet' and 'ResNet' differ only in case; "
        "rename one"),
    ("designs.vit.training", {"shift": 32}, "designs.vit: shift 32 must be below the side of the "
        "images, 32 px"),
    ("corruptions.names", ["fog", "fog"], "corruptions.names: ['fog', 'fog']: must name each one "
        "once"),
    ("corruptions", {"engine": "imagecorruptions", "table": "cifar-10-c"}, "corruptions.table: the "
        "engine "),
    ("dataset.image_size", 32.5, "dataset.image_size: 32.5: must be auto, or a whole number from "
        "32 to 1024"),
    ("dataset.name", "image_folder", "dataset.folder: required; give the folder with the images of "
        "image_folder"),
    ("dataset.images_per_class", {"tests": 9}, "'tests': Input should be 'train', 'validation' or "
        "'test'"),
    ("dataset.validation_fraction", 0.001, "dataset: validation_fraction and test_fraction must "
        "leave at least 10"),
    ("test_sets", {"photos": {"images": "a.npy"}}, "test_sets.photos.folder: a test set needs "
        "either a folder, or"),
    ("costs", "nowhere.csv", "costs: there is no file nowhere.csv"),
    ("deployment", {"objective": "cost"}, "deployment.objective: cost needs a table of costs, got "
        "costs: null"),
    ("requirements", {"corupted_error": 0.05}, "requirements.corupted_error"),
    ("requirements", {"wrong": 2}, "requirements.wrong: "),
    ("deployment", {"margin": 1}, "deployment.margin: expected a fraction"),
    ("corruptions", {"source": "precomputed", "folder": "x{y}"}, "corruptions.folder: x{y}: must "
        "not contain braces"),
    ("test_sets", {"fog": {"folder": "."}}, "test_sets.fog: a column would have two meanings; "
        "expected a name other"),
    ("training.train", "head", "training.train: unknown key"),
    ("designs.vit.training", {"epochs": 1}, "designs.vit: warmup_epochs 1 must be below epochs 1"),
    ("designs.vit.training", {"batch_size": 5000}, "designs.vit: batch_size 5000 is more than the "
        "1078"),
    ("members.baseline", "resnet50-s2", "members.baseline: 'resnet50-s2' is not a member; did you "
        "mean resnet50-s"),
    ("members.seeds", {"vitt": 2}, "members.seeds: 'vitt' is not among the designs; did you mean "
        "vit?"),
    ("ensembles.sizes", [2, 25], "ensembles.sizes: 25 is more than the 24 members"),
    ("ensembles.designs", ["resnet18", "vit", "resnet5"], "ensembles.designs.2: 'resnet5' is not "
        "the design of"),
    ("search.design", "resnet1", "search.design: 'resnet1' is not among the designs; did you mean "
        "resnet18?"),
    ("search.elastic.depth", [3, 1, 1, 1], "must have at most as many blocks per stage as "
        "resnet18: [2, 2, 2, 2]"),
    ("search.elastic.width", [1, 0.5, 0.49], "stage 1 would have [8, 4, 4] channels; choose "
        "shares"),
    ("search", FEW | {"members": 33}, "search.members: 33 is more than the 32 distinct "
        "sub-networks"),
    ("search.training", {"batch_size": 5000}, "search: batch_size 5000 is more than the 1078 "
        "training images"),
    ("probe.n_images", 540, "probe.n_images: 540 is more than the 539 test images"),
    ("designs.vit.arguments", {"num_classes": 3}, "designs.vit.arguments: must not contain "
        "num_classes; the study"),
    ("designs.vit.classes", [], "designs.vit.classes: []: must be a text file with one class name "
        "per line, or a list"),
    ("designs.vit.arguments", {"a": {1, 2}}, "designs.vit.arguments: must contain only text, "),
    ("joint.training", {"mixup": 0.2}, "joint.training: mixup and label_smoothing must be 0, "
        "because the objectives "),
    ("joint.objectives", {"ncl": [-1]}, "joint.objectives.ncl.0: -1: Input should be greater than "
        "or equal to 0"),
    ("joint.objectives", {"balanced": [0.5, 0.50000001]}, "must list distinct weights, 0 or from "
        "1e-06 to 1, of"),
    ("statistics.reference", "standard", "'standard' is not the recipe of a member: only a table "
        "of external.members"),
    ("statistics.accuracy_on", "photos", "statistics.accuracy_on: 'photos' is not an additional "
        "test set of the study"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "message"), FAULTS, ids=[f"{path}-{i}" for i, (path, *_) in enumerate(FAULTS)]
)
def test_each_fault_is_one_line(path, value, message):
    line = fault_of(load, changed(path, value))
    assert message in line
    assert line.startswith(path.partition(".")[0])


SMALL = CONFIG | {"joint": None, "search": None, "ensembles": {"sizes": [2]}}
SMALL |= {"members": {"designs": ["resnet18"], "baseline": "resnet18-s0"}}
PHOTOS = {"name": "image_folder", "folder": "photos", "image_size": 32, "validation_fraction": 0.4}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def photos(here):
    for split, count in (("train", 14), ("val", 6)):
        for name in ("cat", "dog"):
            (here / "photos" / split / name).mkdir(parents=True)
            for index in range(count):
                Image.new("RGB", (32, 32), (index, 0, 0)).save(
                    here / f"photos/{split}/{name}/{index}.png"
                )
    return here / "photos"


@pytest.mark.parametrize(
    ("dataset", "faults"),
    [
        ({"folder": "photo"}, ["dataset.folder: there is no folder photo (relative to "]),
        ({"folder": "untrained"}, ["designs.resnet18: needs training images, but untrained: found "
            "val/ but no train/"]),
        ({}, ["probe.n_images: 13 is more than the 12 test "
            "images", "designs.resnet18: batch_size 18 is more than"]),
        (
            {"images_per_class": {"test": 3}, "validation_fraction": 0.01},
            ["probe.n_images: 13 is more than the 6 test", "images for validation, got "
                "0;", "images for test, got 6;"],
        ),
        (
            {"images": "list.txt"},
            ["13 is more than the 2 test images in photos", "designs.resnet18: "
                "", "images for test, got 2; add images"],
        ),
        ({"groups": "<number>.*", "validation_fraction": 0.01}, ["probe.n_images: 13 is more than "
            "the 12 test images"]),
        (
            {"folder": "photos/train", "test_fraction": 0.5},
            ["than the 14 test images", "more than the 3 "
                "training", "images for train, got 3; add images"],
        ),
    ],
)  # fmt: skip
def test_folders_are_counted(photos, dataset, faults):
    shutil.copytree(photos / "val", photos.with_name("untrained") / "val")
    photos.with_name("list.txt").write_text("cat/0.png\n\ndog/1.png\n")
    config = SMALL | {
        "dataset": PHOTOS | dataset,
        "training": CONFIG["training"] | {"batch_size": 18},
    }
    config["probe"] = {"n_images": 15 if "test_fraction" in dataset else 13}
    for line, words in zip(lines_of(preflight, load(config)), faults, strict=True):
        assert words in line


def test_pictures_that_cannot_be_decoded_are_named_where_all_are_used(photos):
    config = SMALL | {
        "dataset": PHOTOS,
        "training": CONFIG["training"] | {"batch_size": 4},
        "probe": {"n_images": 12},
    }
    config["test_sets"] = {"field": {"folder": "field"}}
    shutil.copytree(photos / "val", photos.with_name("field"))
    broken = ["field/cat/5.png", "photos/val/dog/1.png"]
    for name in broken:
        os.truncate(name, 60)
    lines = sorted(lines_of(preflight, load(config)))
    assert [line.partition(" (")[0] for line in lines] == [
        f"{name}: cannot be decoded" for name in broken
    ]
    # Some of the others may be broken.
    config["dataset"] = PHOTOS | {"images_per_class": {"test": 6}}
    assert fault_of(preflight, load(config)) == lines[0]


def minutes_of_cifar10(**changes) -> dict[str, int]:
    config = read_merged([REPOSITORY / "config.yaml", REPOSITORY / "studies/cifar10.yaml"])
    update_config(config, changes)
    return minutes(load(config))


def test_minutes_of_cifar10_by_hand(tmp_path):
    """45,000 training, 5,000 validation and 10,000 test images of 32 px, clean and under 75
    corruptions.

    An explanation takes 3 + 3 x 50 + 3 predictions: saliency, 50 steps of integrated gradients,
    Grad-CAM. There are 36 members, 15 ensembles of three and 5 members of the search: 86 members,
    685 pairs, and 630 + 7,140 + 10 + 10 ensembles, by two rules; 8 x 41 more are tried. They have
    7.6 million probabilities.
    """
    assert minutes_of_cifar10() == {
        "corrupt": 11,
        "train": 60 + 30,
        "train_jointly": 60 + 90,
        "train_supernet": 60 + 90,
        "search": 60 + 1_100,
        "predict": 30 + 25,
        "predict_test_set": 30 + 3,
        "attribute": 60 + 5,
        "gallery": 60 + 1,
        "score_members": 60,
        "pairwise_diversity": 60,
        "score_ensembles": 60 + 11,
        "choose_ensembles": 60 + 6,
    }
    large = minutes_of_cifar10(dataset={"name": "image_folder", "folder": str(tmp_path)})
    assert large["attribute"] == 60 + 64  # 12.25 times the area of 64 x 64 px
    # 7.6 billion probabilities.
    assert (large["score_members"], large["pairwise_diversity"]) == (60 + 435, 60 + 520)
    assert minutes_of_cifar10(attribution={"methods": ["occlusion"]})["attribute"] == 60 + 2
