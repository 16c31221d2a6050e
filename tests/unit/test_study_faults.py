"""What is wrong with a study is told, each fault in one line."""

import pytest
from default_study import changed, faults_of, imported

FEW = {"design": "resnet18", "elastic": {"depth": [2, 2, 2, 1], "width": [1, 0.5]}}
FAULTS = [
    ("studdy", 1, "studdy: unknown key; did you mean study?"),
    ("designs.vit.training", {"epoch": 3}, "designs.vit.training.epoch: unknown key; did you mean epochs?"),
    ("designs.vit.architecture", "resnet51", "designs.vit.architecture: timm has no 'resnet51'; did you mean resnet5"),
    ("designs.vit.training", {"shift": 32}, "designs.vit: shift 32 must be below the side of the images, 32 px"),
    ("corruptions.names", ["fog", "fog"], "corruptions.names: ['fog', 'fog']: must name each one once"),
    ("corruptions", {"engine": "imagecorruptions", "table": "cifar-10-c"}, "corruptions.table: the engine "),
    ("dataset.image_size", 32.5, "dataset.image_size: 32.5: must be auto, or a whole number from 32 to 1024"),
    ("dataset.name", "image_folder", "dataset.folder: required; give the folder with the images of image_folder"),
    ("dataset.images_per_class", {"tests": 9}, "'tests': Input should be 'train', 'validation' or 'test'"),
    ("dataset.validation_fraction", 0.001, "dataset: validation_fraction and test_fraction must leave at least 10"),
    ("test_sets", {"photos": {"images": "a.npy"}}, "test_sets.photos.folder: a test set needs either a folder, or"),
    ("costs", "nowhere.csv", "costs: there is no file nowhere.csv"),
    ("deployment", {"objective": "cost"}, "deployment.objective: cost needs a table of costs, got costs: null"),
    ("deployment", {"margin": 1}, "deployment.margin: expected a fraction"),
    ("corruptions", {"source": "precomputed", "folder": "x{y}"}, "corruptions.folder: x{y}: must not contain braces"),
    ("test_sets", {"fog": {"folder": "."}}, "test_sets.fog: column mean_member_fog_accuracy would have two meanings"),
    ("training.train", "head", "training.train: unknown key"),
    ("designs.vit.training", {"epochs": 1}, "designs.vit: warmup_epochs 1 must be below epochs 1"),
    ("designs.vit.training", {"batch_size": 5000}, "designs.vit: batch_size 5000 is more than the 1078"),
    ("members.baseline", "resnet50-s2", "members.baseline: 'resnet50-s2' is not a member; did you mean resnet50-s"),
    ("members.seeds", {"vitt": 2}, "members.seeds: 'vitt' is not among the designs; did you mean vit?"),
    ("ensembles.sizes", [2, 25], "ensembles.sizes: 25 is more than the 24 members"),
    ("ensembles.designs", ["resnet18", "vit", "resnet5"], "ensembles.designs.2: 'resnet5' is not the design of"),
    ("search.design", "resnet1", "search.design: 'resnet1' is not among the designs; did you mean resnet18?"),
    ("search.elastic.depth", [3, 1, 1, 1], "must have at most as many blocks per stage as resnet18: [2, 2, 2, 2]"),
    ("search.elastic.width", [1, 0.5, 0.49], "stage 1 would have [8, 4, 4] channels; choose shares"),
    ("search", FEW | {"members": 33}, "search.members: 33 is more than the 32 distinct sub-networks"),
    ("search.training", {"batch_size": 5000}, "search: batch_size 5000 is more than the 1078 training images"),
    ("probe.images", 540, "probe.images: 540 is more than the 539 test images"),
    ("designs.vit.arguments", {"a": {1, 2}}, "designs.vit.arguments: must contain only text, "),
    ("joint.training", {"mixup": 0.2}, "joint.training: mixup and label_smoothing must be 0, because the objectives "),
    ("joint.objectives", {"ncl": [-1]}, "ncl must list distinct weights from 0 up, of at most six digits"),
    ("joint.objectives", {"balanced": [0.5, 0.50000001]}, "must list distinct weights from 0 to 1"),
    ("statistics.reference", "standard", "'standard' is not the recipe of a member: only a table of external.members"),
    ("statistics.accuracy_on", "photos", "statistics.accuracy_on: 'photos' is not an additional test set of the study"),
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
