# Files that several rules read, and helpers that list files. Dictionaries hold a rule's inputs by
# their keywords.
from importlib.util import find_spec

from resiliency import tables
from resiliency.base.names import CLEAN
from resiliency.data.settings import table_of
from resiliency.export.settings import PACKAGES
from resiliency.external.predictions import array_files
from resiliency.report.settings import CHARTS
from resiliency.storage import read_json

# Images are one array, or a list of files that are decoded on the fly.
IMAGES = ".json" if STUDY.data.on_the_fly else ".npy"
TEST = {
    "images": f"{RESULTS}/data/test/images{IMAGES}",
    "labels": f"{RESULTS}/data/test/labels.npy",
}
VALIDATION = {
    "validation_images": f"{RESULTS}/data/validation/images{IMAGES}",
    "validation_labels": f"{RESULTS}/data/validation/labels.npy",
}
VALIDATION_INPUTS = VALIDATION if "validation" in STUDY.splits else {}
TRAINING = {
    "images": f"{RESULTS}/data/train/images{IMAGES}",
    "labels": f"{RESULTS}/data/train/labels.npy",
    **VALIDATION,
    "card": f"{RESULTS}/data/card.json",
}
CORRUPTED = [f"{RESULTS}/corrupted/{corruption}{IMAGES}" for corruption in STUDY.corruptions.names]


def further(test_set):
    """Files of a further test set."""
    folder, files = f"{RESULTS}/data/test_sets/{test_set}", STUDY.test_sets[test_set].on_the_fly(
        STUDY.data.side
    )
    images = f"{folder}/images{'.json' if files else '.npy'}"
    return {"images": images, "labels": f"{folder}/labels.npy", "card": f"{folder}/card.json"}


def of_further(name):
    """The file of this name of each further test set."""
    return [further(test_set)[name] for test_set in STUDY.test_sets]


# Conditions and labels by which members are evaluated, the labels of each test set in order; also
# with units, which say which images belong together.
EVALUATION = {
    "conditions": f"{RESULTS}/conditions.csv",
    "labels": [TEST["labels"], *of_further("labels")],
}
if not STUDY.dataset:
    EVALUATION["labels"] = [
        f"{RESULTS}/data/{name}/labels.npy" for name in PLAN.test_sets if PLAN.elsewhere.predicted
    ]


def beside_labels(name):
    """The file of this name beside the labels of each test set."""
    return [path.replace("labels.npy", name) for path in EVALUATION["labels"]]


EVALUATION_UNITS = EVALUATION | {"units": beside_labels("units.npy")}


def of_dataset(files):
    """These files if the study has images; none if it has only predictions from elsewhere."""
    return files if STUDY.dataset else []


def made(path, table=""):
    """The path, if the study makes the table: that of this name, or the one of the path."""
    return path if (table or Path(path).stem) in PLAN.tables else []


def in_report(path):
    """A table or a chart that `snakemake --report` shows too; none if there is none."""
    if not path:
        return path
    folder, listed = ("charts", CHARTS) if path.endswith(".svg") else ("tables", tables.TABLES)
    entry = listed[Path(path).stem]
    return report(
        path, category=folder.capitalize(), labels={"about": entry.topic, folder[:-1]: entry.title}
    )


def all_tables():
    """The tables that the study makes."""
    return [f"{RESULTS}/{tables.TABLES[name].path}" for name in PLAN.tables]


def given(wildcards):
    """The files from outside that a member is loaded from, or that its training starts from."""
    design, seed = wildcards
    index = 0 if design in STUDY.fine_tuned_designs() else int(seed)
    return STUDY.designs[design].inputs(index)


def together_first(wildcards):
    """What a member waits for that one job predicts with others, whose images it decodes once.

    It is one file for all, whose time does not count: a new member makes no other stale.
    """
    predicted = ancient(f"{RESULTS}/predicted_together/all.done")
    return predicted if PLAN.together and wildcards.member in PLAN.loaded else []


def predictions(members):
    """The logits of these members on all test sets."""
    return [
        f"{RESULTS}/predictions/{member}/{test_set}.npy"
        for member in members
        for test_set in PLAN.test_sets
    ]


LOGITS = predictions(PLAN.networks + PLAN.elsewhere.predicted)
DESCRIPTIONS = expand(
    f"{RESULTS}/members/{{member}}/member.json", member=PLAN.networks + list(PLAN.elsewhere.kinds)
)


def made_on_the_way():
    """One file of each job that tables are made from, to be asked for beside them.

    A job that fails loses its older results, and Snakemake does not miss what only finished tables
    were made from.
    """
    return [
        of_dataset([f"{RESULTS}/data/card.json", f"{RESULTS}/data/gallery.parquet", *CORRUPTED]),
        expand(f"{RESULTS}/members/{{member}}/weights.safetensors", member=PLAN.networks),
        DESCRIPTIONS,
        [f"{RESULTS}/search/supernet/weights.safetensors"] if PLAN.searched else [],
        LOGITS,
        expand(
            f"{RESULTS}/attributions/{{member}}/skipped.json", member=PLAN.networks_in_ensembles
        ),
        of_further("labels"),
    ]


def grouped_name(wildcards):
    """The name of the test set in a folder of `data/`."""
    return CLEAN if wildcards.grouped == "test" else wildcards.grouped.removeprefix("test_sets/")


def grouped_files(wildcards):
    """The files of a test set whose images are grouped, and those from outside that it is read from
    again."""
    name = grouped_name(wildcards)
    table = table_of(STUDY.data.test_groups if name == CLEAN else STUDY.test_sets[name].groups)
    listed = [table] if table else []
    if name == CLEAN:
        return TEST | {"listed": [*STUDY.data.files, *listed]}
    files = dict(zip(("pixels", "numbers"), STUDY.test_sets[name].inputs().values())) | {
        "listed": listed
    }
    return further(name) | files | {"classes": f"{RESULTS}/data/card.json"}


def external_files(source, labels_alone=False):
    """The files that predictions from elsewhere, or the labels beside them alone, are read from."""
    if source.kind in ("decisions", "scores"):
        return [source.file]
    members = source.members[:1] if labels_alone else source.members
    return array_files(source.file, members, PLAN.elsewhere.layout(source))


def reading(source):
    """What a source is read with, beside its files."""
    read = {"kind": source.kind, "file": source.file, "members": source.members}
    read |= {
        "layout": PLAN.elsewhere.layout(source),
        "classes": as_it_is(STUDY.external.known_classes),
    }
    if source.kind == "scores":
        read |= STUDY.external.model_dump(include={"score_type", "n_images", "clean_on"})
        read |= {"clean": as_it_is(STUDY.external.clean)}
    return read


def export_folder(choice) -> str:
    """The folder of the export of the row that was chosen last."""
    return f"{RESULTS}/export/{read_json(choice)['number']}"


def export_of_row(wildcards):
    """The files of the export, in a folder named by the row, which is known once it is chosen; none
    is replaced."""
    folder = export_folder(checkpoints.choose_export.get().output[0])
    if Path(folder).exists() and not RUN.forces("write_export"):
        # Snakemake drops the text of an exit once jobs have run.
        print(
            f"export: {folder} exists; move it elsewhere, or add --force to replace it",
            file=sys.stderr,
            flush=True,
        )
        sys.exit(1)
    return [f"{folder}/{Path(path).name}" for path in rules.write_export.output]


def command_for(row):
    """The command that exports a row of deployment.csv, as it is pasted in this folder."""
    if RUN.imported:
        return f"snakemake --cores all {RESULTS}/export/{row}/model.py"
    return export_command(RUN.named, {**RUN.given, "ensemble": row}, SCRIPTS.parent, Path.cwd())


def exportable(wildcards):
    """The tables that an ensemble is exported by; where the study or this machine lacks something,
    one line says so."""
    lacking = [name for name in PACKAGES if not find_spec(name)]
    if lacking:
        sys.exit(f"export: {', '.join(lacking)}: not installed; pip install -e '.[export]'")
    if not PLAN.networks:
        sys.exit(
            "export: cannot export: only predictions of the members are available, "
            "not their networks"
        )
    return {
        name: f"{RESULTS}/tables/{name}.csv"
        for name in ("deployment", "temperatures", "thresholds")
    }
