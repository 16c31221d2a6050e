# Files that rules read or write, and helpers that list them. Dictionaries hold a rule's inputs by their keywords:
#   TRAIN, VALIDATION, TEST            images and labels of each split; TEST_ITEMS: names and classes of the test images
#   TRAINING_DATA, VALIDATION_INPUTS   what trainings read; the validation images that are predicted, if there are any
#   TEST_SET_FILES, CORRUPTED          files of each further test set; test images under each corruption
#   EVALUATION, EVALUATION_UNITS       conditions and labels by which members are evaluated, without and with units
#   UNITS, TABLE_OF_UNITS, IMAGE_NAMES units of each test set, the table that names them, and the names of its images
#   MEMBER_FILES, LOGITS               files of all members, and their predictions on all test sets
# Lists of members are in rules/study.smk: POOLED_MEMBERS form ensembles of which all are scored, ENSEMBLE_MEMBERS take
# part in any ensemble, and POOLED_NETWORKS and ENSEMBLE_NETWORKS are those of them that are known by their networks.
from importlib.util import find_spec

from resiliency.export.settings import PACKAGES
from resiliency.data.settings import table_of
from resiliency.external.arrays import array_files
from resiliency.report.registry import CHARTS
from resiliency.storage.files import read_json
from resiliency.study.files import command

# Images are one array, or a list of files that are decoded on the fly.
IMAGES = ".json" if STUDY.data.on_the_fly else ".npy"
TRAIN, VALIDATION, TEST = (
    {"images": f"{RESULTS}/data/{split}/images{IMAGES}", "labels": f"{RESULTS}/data/{split}/labels.npy"}
    for split in ("train", "validation", "test")
)
VALIDATION_FILES = {f"validation_{name}": path for name, path in VALIDATION.items()}
TRAINING_DATA = TRAIN | VALIDATION_FILES | {"card": f"{RESULTS}/data/card.json"}
VALIDATION_INPUTS = VALIDATION_FILES if VALIDATED else {}
DIGESTS = f"{RESULTS}/data/digests.npy"
TEST_ITEMS = f"{RESULTS}/data/test/items.csv"
CORRUPTED = [f"{RESULTS}/corrupted/{corruption}{IMAGES}" for corruption in STUDY.corruptions.names]
TEST_SET_FILES = {
    name: {
        "images": f"{RESULTS}/data/test_sets/{name}/images{'.json' if of.on_the_fly(STUDY.data.side) else '.npy'}",
        "labels": f"{RESULTS}/data/test_sets/{name}/labels.npy",
        "card": f"{RESULTS}/data/test_sets/{name}/card.json",
    }
    for name, of in STUDY.test_sets.items()
}
# What members are evaluated by: the conditions, and the labels of each test set in their order.
EVALUATION = {
    "conditions": TABLES["conditions"],
    "labels": [TEST["labels"], *(files["labels"] for files in TEST_SET_FILES.values())],
}
if not STUDY.dataset:
    EVALUATION["labels"] = (
        [f"{RESULTS}/data/{test_set}/labels.npy" for test_set in TEST_SETS] if EXTERNAL_PREDICTED else []
    )
# Which of their images belong together, and what says so, beside the labels of each test set.
UNITS = {
    name: {"units": path.replace("labels.npy", "units.npy"), "described": path.replace("labels.npy", "units.json")}
    for name, path in zip(TEST_SETS, EVALUATION["labels"])
}
TABLE_OF_UNITS = {CLEAN: table_of(STUDY.data.test_groups)}
TABLE_OF_UNITS |= {name: table_of(of.groups) for name, of in STUDY.test_sets.items()}
TABLE_OF_UNITS = {name: [path] if path else [] for name, path in TABLE_OF_UNITS.items()}
# The folder in data/ of each test set, in which a file says which of its images belong together.
GROUPED = {"test": CLEAN} | {f"test_sets/{name}": name for name in STUDY.test_sets}
EVALUATION_UNITS = EVALUATION | {"units": [files["units"] for files in UNITS.values()]}
# Names of the images, beside the labels of each test set.
IMAGE_NAMES = [path.replace("labels.npy", "items.csv") for path in EVALUATION["labels"]]


def member_files(name, members):
    """The file of this name of each of these members."""
    return [f"{RESULTS}/members/{member}/{name}" for member in members]


def given(wildcards):
    """The files from outside that a member is loaded from, or that its training starts from."""
    design, seed = wildcards
    index = 0 if design in FINE_TUNED else int(seed)
    return STUDY.designs[design].inputs(index)


def predictions(members, test_sets=TEST_SETS):
    """The logits of these members on these test sets."""
    return [f"{RESULTS}/predictions/{member}/{test_set}.npy" for member in members for test_set in test_sets]


def predicted(members):
    """What is written of the predictions of the data set's own images, and of activations, of these members."""
    return {
        "logits": predictions(members, [CLEAN]),
        "validation": [f"{RESULTS}/validation/{member}.npy" for member in members if VALIDATED],
        "features": [f"{RESULTS}/features/{member}.npy" for member in members],
        "stages": [f"{RESULTS}/features/{member}.stages.npy" for member in members],
    }


def attributed(members):
    """What is written of the attributions of these members."""
    return {
        "maps": [f"{RESULTS}/attributions/{member}/{method}.npy" for member in members for method in METHODS],
        "skipped": [f"{RESULTS}/attributions/{member}/skipped.json" for member in members],
    }


def further_images(wildcards):
    """The images of a further test set."""
    return TEST_SET_FILES[wildcards.test_set]["images"]


def grouped_files(wildcards):
    """The files of a test set whose images are grouped, and those from outside that it is read from again."""
    name = GROUPED[wildcards.grouped]
    if name == CLEAN:
        return TEST | {"listed": [*STUDY.data.files, *TABLE_OF_UNITS[name]]}
    files = dict(zip(("pixels", "numbers"), STUDY.test_sets[name].inputs().values())) | {"listed": TABLE_OF_UNITS[name]}
    return TEST_SET_FILES[name] | files | {"classes": TRAINING_DATA["card"]}


def external_files(source, labels_alone=False):
    """The files that predictions from elsewhere, or the labels beside them alone, are read from."""
    if source.kind in ("decisions", "scores"):
        return [source.file]
    members = source.members[:1] if labels_alone else source.members
    return array_files(source.file, members, EXTERNAL.layout(source))


MEMBER_FILES = {
    "weights": member_files("weights.safetensors", MEMBERS),
    "descriptions": member_files("member.json", MEMBERS + EXTERNAL_MEMBERS),
    "histories": member_files(
        "history.csv",
        [member for member in MEMBERS if member not in SEARCHED and member not in LOADED_MEMBERS],
    ),
    "errors": [f"{RESULTS}/external/{source.name}/errors.csv" for source in SOURCES if source.kind == "scores"],
}
LOGITS = predictions(MEMBERS + EXTERNAL_PREDICTED)


def made(name):
    """The file of a table; none where the study does not allow it."""
    return TABLES[name] if name in TABLE_NAMES else []


def in_report(path):
    """A table or a chart that `snakemake --report` shows too."""
    folder, listed = ("charts", CHARTS) if path.endswith(".svg") else ("tables", tables.TABLES)
    entry = listed[Path(path).stem]
    return report(path, category=folder.capitalize(), labels={"about": entry.topic, folder[:-1]: entry.title})


def export_folder(choice) -> str:
    """The folder of the export of the row that was chosen last."""
    return f"{RESULTS}/export/{read_json(choice)['number']}"


def export_of_row(wildcards):
    """The files of the export, in a folder named by the row, which is known once it is chosen; none is replaced."""
    folder = export_folder(checkpoints.choose_export.get().output[0])
    forced = workflow.dag_settings.forcetargets or "write_export" in workflow.dag_settings.forcerun
    if Path(folder).exists() and not forced:
        sys.exit(f"export: {folder} exists; move it elsewhere, or add --force to replace it")
    return [f"{folder}/{Path(path).name}" for path in rules.write_export.output]


def export_command(row):
    """The command that exports a row of deployment.csv, as it is pasted in this folder."""
    if IMPORTED:
        return f"snakemake --cores all {RESULTS}/export/{row}/model.py"
    given = {**workflow.config_settings.config, "ensemble": row}
    return command("export", workflow.overwrite_configfiles, given, SCRIPTS.parent, Path.cwd())


def exportable(wildcards):
    """The tables that an ensemble is exported by; where the study or this machine lacks something, one line says so."""
    lacking = [name for name in PACKAGES if not find_spec(name)]
    if lacking:
        sys.exit(f"export: {', '.join(lacking)}: not installed; pip install -e '.[export]'")
    if not MEMBERS:
        sys.exit("export: cannot export: only predictions of the members are available, not their networks")
    names = {"deployment": "deployment", "temperatures": "temperatures", "selective": "selective_prediction"}
    names["thresholds"] = "thresholds"
    return {name: TABLES[table] for name, table in names.items()}


def imported(source):
    """What is written of a source: the errors of its members, or their predictions."""
    if source.kind == "scores":
        return [f"{RESULTS}/external/{source.name}/errors.csv"]
    return predictions(source.members)


def reading(source):
    """What a source is read with, beside its files and its layout."""
    if source.kind == "scores":
        scores = STUDY.external.model_dump(include={"score_type", "images", "clean_on"})
        return scores | {"clean": as_it_is(STUDY.external.clean)}
    return {"members": source.members, "classes": as_it_is(STUDY.external.known_classes)}
