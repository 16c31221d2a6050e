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
    ("joint.seed", 1, "joint.seed: unknown key; did you mean seeds?"),
    ("designs.vit.argument", {}, "designs.vit.argument: unknown key; did you mean arguments?"),
    ("designs.vit.training", {"epoch": 3}, "designs.vit.training.epoch: unknown key; did you mean epochs?"),
    ("designs.vit.architecture", "resnet51", "designs.vit.architecture: timm has no 'resnet51'; did you mean resnet5"),
    ("study", REMOVE, "study: required; give it"),
    ("study", "a/b", "study: 'a/b': String should match pattern"),
    ("seed", -1, "seed: -1: Input should be greater than or equal to 0"),
    ("seed", True, "seed: True: must be a number, not true or false"),
    ("corruptions.severities", [True, 2], "corruptions.severities.0: True: must be a number, not true or false"),
    ("designs.vit.training", {"epochs": True}, "designs.vit.training.epochs: True: must be a number, not true or"),
    ("designs.vit.training", {"shift": 32}, "designs.vit: shift 32 must be below the side of the images, 32 px"),
    ("corruptions.names", ["fog", "gausian_noise"], "corruptions.names.1: expected one of "),
    ("corruptions.names", ["fog", "fog"], "corruptions.names: ['fog', 'fog']: must name each one once"),
    ("corruptions", {"engine": "imagecorruptions", "table": "cifar-10-c"}, "corruptions.table: the engine "),
    ("dataset.image_size", 32.5, "dataset.image_size: 32.5: must be auto, or a whole number from 32 to 1024"),
    ("dataset.name", "image_folder", "dataset.folder: required; give the folder with the images of image_folder"),
    ("dataset.folder", "photos", "dataset.folder: digits does not use it; remove it"),
    ("dataset.images_per_class", 0, "dataset.images_per_class: 0: must be 1 or more"),
    ("dataset.images_per_class", {"tests": 9}, "expected one of 'train', 'validation' or 'test', got 'tests'"),
    ("corruptions.source", "precomputed", "corruptions.folder: goes with source precomputed only"),
    ("dataset.validation_fraction", 0.001, "dataset: validation_fraction and test_fraction must leave at least 10"),
    ("test_sets", {"photos": {"images": "a.npy"}}, "test_sets.photos.folder: a test set needs either a folder, or"),
    ("costs", "nowhere.csv", "costs: there is no file nowhere.csv"),
    ("test_sets", {"photos": {"folder": "nowhere"}}, "test_sets.photos.folder: there is no folder nowhere"),
    ("corruptions", {"source": "precomputed", "folder": "x{y}"}, "corruptions.folder: x{y}: must not contain braces"),
    ("test_sets", {"fog": {"folder": "."}}, "test_sets.fog: column mean_member_fog_accuracy would have two meanings"),
    ("test_sets", {"a b": {"folder": "."}}, "test_sets.a b: expected a name of letters, digits and '_', the first a"),
    ("training.learning_rate", float("nan"), "training.learning_rate: nan: Input should be"),
    ("training.train", "head", "training.train: only designs with loaded weights have it, under designs"),
    ("designs.vit.training", {"epochs": 1}, "designs.vit: warmup_epochs 1 must be below epochs 1"),
    ("designs.vit.training", {"batch_size": 5000}, "designs.vit: batch_size 5000 is more than the 1078"),
    ("members.baseline", "resnet50-s2", "members.baseline: 'resnet50-s2' is not a member; did you mean resnet50-s"),
    ("members.designs", ["resnet18", "resnet50", "vitt"], "is not among the designs; did you mean vit?"),
    ("members.designs", ["resnet50", "vit", "vit"], "members.designs: must name each design once"),
    ("members.seeds", {"vit": True}, "members.seeds: {'vit': True}: must be a whole number from 1 to 1,000, or such a"),
    ("members.seeds", {"vitt": 2}, "members.seeds: 'vitt' is not among the designs; did you mean vit?"),
    ("ensembles.sizes", [2, 25], "ensembles.sizes: 25 is more than the 24 members"),
    ("ensembles.designs", ["resnet18", "vit", "resnet5"], "ensembles.designs.2: 'resnet5' is not the design of"),
    ("probe.images", 540, "probe.images: 540 is more than the 539 test images"),
    ("joint.designs", ["vit", "densenet"], "joint.designs.1: 'densenet' is not among the designs; did you"),
    ("designs.vit.arguments", {"a": {1, 2}}, "arguments: {'a': 'set'}: must contain only text, "),
    ("joint.training", {"mixup": 0.2}, "joint.training: mixup and label_smoothing must be 0, because the objectives "),
    ("joint.objectives", {"ncl": [-1]}, "ncl must list distinct weights from 0 up, of at most six digits"),
    ("training.shift", True, "training.shift: True: must be auto, or a whole number from 0 to 256"),
    ("joint.objectives", {"balanced": [0.5, 0.50000001]}, "must list distinct weights from 0 to 1"),
    ("statistics.accuracy_on", "photos", "statistics.accuracy_on: 'photos' is not an additional test set of the study"),
    ("statistics.reference", "standard", "'standard' is not the recipe of a member: only a table of external.members"),
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
