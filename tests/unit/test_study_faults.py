"""What is wrong with a study is told, each fault in one line."""

import pytest
from default_study import CONFIG, REMOVE, changed, faults_of, imported
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.base.faults import Fault
from resiliency.study.files import load
from resiliency.study.model import Study
from resiliency.training.settings import Recipe

FAULTS = [
    ("studdy", 1, "studdy: unknown key; did you mean study?"),
    ("training.epoch", 1, "training.epoch: unknown key; did you mean epochs?"),
    ("joint.seed", 1, "joint.seed: unknown key; did you mean seeds?"),
    ("designs.vit.argument", {}, "designs.vit.argument: unknown key; did you mean arguments?"),
    ("designs.vit.training", {"epoch": 3}, "designs.vit.training.epoch: unknown key; did you mean epochs?"),
    ("designs.vit.architecture", "resnet51", "designs.vit.architecture: timm has no 'resnet51'; did you mean resnet5"),
    ("designs.vit.architecture", REMOVE, "designs.vit.architecture: required; give it"),
    ("study", REMOVE, "study: required; give it"),
    ("members.baseline", REMOVE, "members.baseline: required; give it"),
    ("study", "a/b", "study: 'a/b': String should match pattern"),
    ("study", "..", "study: '..': String should match pattern"),
    ("seed", -1, "seed: -1: Input should be greater than or equal to 0"),
    ("seed", "x", "seed: 'x': Input should be a valid integer"),
    ("seed", True, "seed: True: must be a number, not true or false"),
    ("corruptions.severities", [True, 2], "corruptions.severities.0: True: must be a number, not true or false"),
    ("dataset.images_per_class", True, "dataset.images_per_class: True: must be a number, not true or false"),
    ("training.epochs", True, "training.epochs: True: must be a number, not true or false"),
    ("designs.vit.training", {"epochs": True}, "designs.vit.training.epochs: True: must be a number, not true or"),
    ("joint.training", {"learning_rate": True}, "joint.training.learning_rate: True: must be a number, not true or"),
    ("designs.vit.training", {"shift": 32}, "designs.vit: shift 32 must be below the side of the images, 32 px"),
    ("corruptions.names", ["fog", "gausian_noise"], "corruptions.names.1: expected one of "),
    ("corruptions.names", ["fog", "fog"], "corruptions.names: ['fog', 'fog']: must name each one once"),
    ("corruptions", {"engine": "imagecorruptions", "table": "cifar-10-c"}, "corruptions.table: the engine "),
    ("corruptions.names", [], "corruptions.names: []: List should have at least 1 item"),
    ("corruptions.severities", [1, 6], "corruptions.severities.1: 6: Input should be less than or equal to 5"),
    ("dataset.name", "cifar-10", "dataset.name: expected one of 'digits', 'cifar10', 'cifar100', 'svhn', "),
    ("dataset.name", "cifar-10", "got 'cifar-10'; did you mean cifar10?"),
    ("dataset.image_size", 16, "dataset.image_size: 16: must be auto, or a whole number from 32 to 1024"),
    ("dataset.image_size", "big", "dataset.image_size: 'big': must be auto, or a whole number from 32 to 1024"),
    ("dataset.image_size", 32.5, "dataset.image_size: 32.5: must be auto, or a whole number from 32 to 1024"),
    ("dataset.crop", 1.5, "dataset.crop: 1.5: must be auto, or a number from 0.1 to 1"),
    ("dataset.name", "image_folder", "dataset.folder: required; give the folder with the images of image_folder"),
    ("dataset.folder", "photos", "dataset.folder: digits does not use it; remove it"),
    ("dataset.images_per_class", 0, "dataset.images_per_class: 0: must be 1 or more"),
    ("dataset.images_per_class", {"tests": 9}, "expected one of 'train', 'validation' or 'test', got 'tests'"),
    ("corruptions.source", "precomputed", "corruptions.folder: goes with source precomputed only"),
    ("corruptions.folder", "CIFAR-10-C", "corruptions.folder: goes with source precomputed only"),
    ("dataset.validation_fraction", 0.001, "dataset: validation_fraction and test_fraction must leave at least 10"),
    ("test_sets", {"photos": {}}, "test_sets.photos.folder: a test set needs either a folder, or images and labels"),
    ("test_sets", {"photos": {"images": "a.npy"}}, "test_sets.photos.folder: a test set needs either a folder, or"),
    ("costs", "nowhere.csv", "costs: there is no file nowhere.csv"),
    ("test_sets", {"photos": {"folder": "nowhere"}}, "test_sets.photos.folder: there is no folder nowhere"),
    ("test_sets", {"c1": {"images": "a", "labels": __file__}}, "test_sets.c1.images: there is no file a"),
    ("corruptions", {"source": "precomputed", "folder": "x{y}"}, "corruptions.folder: x{y}: must not contain braces"),
    ("test_sets", {"photos": {"folder": ".", "classes": "some"}}, "expected one of 'present' or 'all', got 'some'"),
    ("test_sets", {"fog": {"folder": "."}}, "test_sets.fog: column mean_member_fog_accuracy would have two meanings"),
    ("test_sets", {"a b": {"folder": "."}}, "test_sets.a b: expected a name of letters, digits and '_', the first a"),
    ("training.optimizer", "adam", "training.optimizer: expected one of 'adamw', 'muon' or 'sgd', got 'adam'; did"),
    ("training.gradient_clip", 0, "training.gradient_clip: 0: Input should be greater than 0"),
    ("training.learning_rate", float("nan"), "training.learning_rate: nan: Input should be"),
    ("designs.vit.training", {"epochs": -1}, "designs.vit.training.epochs: -1: Input should be greater than"),
    ("training.train", "head", "training.train: only designs with loaded weights have it, under designs"),
    ("designs.vit.training", {"epochs": 1}, "designs.vit: warmup_epochs 1 must be below epochs 1"),
    ("joint.training", {"epochs": 5, "warmup_epochs": 6}, "joint: warmup_epochs 6 must be below epochs 5"),
    ("designs.vit.training", {"batch_size": 5000}, "designs.vit: batch_size 5000 is more than the 1078"),
    ("members.baseline", "resnet50-s2", "members.baseline: 'resnet50-s2' is not a member; did you mean resnet50-s"),
    ("members.designs", ["resnet18", "resnet50", "vitt"], "is not among the designs; did you mean vit?"),
    ("members.designs", ["resnet50", "vit", "vit"], "members.designs: must name each design once"),
    ("members.seeds", 0, "members.seeds: 0: must be a whole number from 1 to 1,000, or such a number for each design"),
    ("members.seeds", {"vit": 1001}, "members.seeds: {'vit': 1001}: must be a whole number from 1 to 1,000, or such a"),
    ("members.seeds", {"vit": True}, "members.seeds: {'vit': True}: must be a whole number from 1 to 1,000, or such a"),
    ("members.seeds", [2, 2], "members.seeds: [2, 2]: must be a whole number from 1 to 1,000, or such a number for"),
    ("members.seeds", {"vitt": 2}, "members.seeds: 'vitt' is not among the designs; did you mean vit?"),
    ("ensembles.sizes", [2, 25], "ensembles.sizes: 25 is more than the 24 members"),
    ("ensembles.sizes", [1], "ensembles.sizes.0: 1: Input should be greater than or equal to 2"),
    ("ensembles.sizes", [2, 2], "ensembles.sizes: [2, 2]: must name each one once"),
    ("ensembles.designs", ["resnet18", "vit", "resnet5"], "ensembles.designs.2: 'resnet5' is not the design of"),
    ("ensembles.rules", ["mean_probabilty"], "ensembles.rules.0: expected one of 'mean_probability'"),
    ("probe.images", 540, "probe.images: 540 is more than the 539 test images"),
    ("joint.designs", ["vit", "densenet"], "joint.designs.1: 'densenet' is not among the designs; did you"),
    ("joint.designs", ["vit"], "joint.designs: ['vit']: List should have at least 2 items"),
    ("joint.seeds", 10**9, "joint.seeds: 1000000000: Input should be less than or equal to 1000"),
    ("designs.vit.arguments", {"a": {1, 2}}, "arguments: {'a': 'set'}: must contain only text, "),
    ("designs.vit.arguments", {"a": float("nan")}, "must contain only text, finite numbers, true"),
    ("joint.training", {"epochs": 0}, "joint.training.epochs: 0: Input should be greater than or equal to 1"),
    ("joint.training", {"epoch": 3}, "joint.training.epoch: unknown key; did you mean epochs?"),
    ("joint.training", {"mixup": 0.2}, "joint.training: mixup and label_smoothing must be 0, because the objectives "),
    ("joint.objectives", {"ncl": [-1]}, "ncl must list distinct weights from 0 up, of at most six digits"),
    ("training.flip", "yes", "training.flip: 'yes': must be auto, true or false"),
    ("training.shift", -1, "training.shift: -1: must be auto, or a whole number from 0 to 256"),
    ("training.shift", True, "training.shift: True: must be auto, or a whole number from 0 to 256"),
    ("joint.objectives", {"balanced": [0, 1.5]}, "must list distinct weights from 0 to 1"),
    ("joint.objectives", {"balanced": [0.5, 0.5]}, "must list distinct weights from 0 to 1"),
    ("joint.objectives", {"balanced": [0.5, 0.50000001]}, "must list distinct weights from 0 to 1"),
    ("joint.objectives", {"balancd": [0.5]}, "expected one of 'independent', 'balanced', 'gncl', "),
    ("attribution.target", "labels", "expected one of 'label' or 'prediction', got 'labels'; did you mean label?"),
    ("statistics.confidence", 1, "statistics.confidence: 1: Input should be less than 1"),
    ("statistics.accuracy_on", "photos", "statistics.accuracy_on: 'photos' is not an additional test set of the study"),
    ("statistics.reference", "standard", "'standard' is not the recipe of a member: only a table of external.members"),
    ("charts", {"colours": ["red"]}, "charts.colours.0: 'red': String should match pattern"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "message"), FAULTS, ids=[f"{path}-{i}" for i, (path, *_) in enumerate(FAULTS)]
)
def test_each_fault_is_one_line(path, value, message):
    lines = faults_of(changed(path, value))
    assert len(lines) == 1
    assert message in lines[0]
    assert lines[0].startswith(path.partition(".")[0])


def test_families_that_differ_in_case_only_are_refused(tmp_path):
    (tmp_path / "scores.csv").write_text("member,clean\na,90\nb,80\nc,70\n")
    (tmp_path / "about.csv").write_text("member,family\na,ResNet\nb,resnet\nc,vit\n")
    config = imported({"scores": str(tmp_path / "scores.csv"), "members": str(tmp_path / "about.csv")}, "a")
    assert faults_of(config) == ["external.members: families 'ResNet' and 'resnet' differ only in case; rename one"]
    made_here = changed("designs.vit.family", "ResNet")
    assert faults_of(made_here)[0].startswith("designs: families 'resnet' and 'ResNet' differ only in case")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


paths = st.sampled_from(
    [
        *CONFIG,
        *(f"{key}.{inner}" for key, value in CONFIG.items() if isinstance(value, dict) for inner in value),
        "designs.vit.training",
        "designs.vit.arguments",
        "designs.vit.family",
        "charts",
        "joint.objectives.balanced",
    ]
)


@given(paths, values)
@settings(max_examples=300, deadline=None)
def test_rubbish_is_a_fault_or_a_study(path, value):
    try:
        assert isinstance(load(changed(path, value)), Study)
    except Fault as fault:
        lines = str(fault).splitlines()
        assert lines and all(lines)  # noqa: PT018


def test_a_key_that_is_gone_says_why():
    sections = {"statistics": {"error_margin": 0.02}, "joint": CONFIG["joint"] | {"training": {"compile": True}}}
    for section, keys in sections.items():
        (line,) = faults_of(CONFIG | {section: keys})
        assert line.startswith(f"{section}.")
        assert ": this key is gone, because " in line
    assert "compile" not in Recipe.model_fields
    assert "error_margin" not in Study.model_fields["statistics"].annotation.model_fields
