import re
import sys
from functools import partial
from importlib.util import find_spec
from math import inf
from pathlib import Path

SCRIPTS = Path(str(workflow.current_basedir)).parent / "scripts"
sys.path.insert(0, str(SCRIPTS))

from resiliency import names
from resiliency.data.state import folder_state
from resiliency.export.choice import PACKAGES
from resiliency.external.arrays import array_files
from resiliency.faults import Fault
from resiliency.fingerprint import fingerprint
from resiliency.gpus import visible_gpus
from resiliency.names import CLEAN, design_of
from resiliency.report import topics
from resiliency.report.registry import CHARTS
from resiliency.report.settings import CHART_SUFFIXES, PAGE_FILES, without
from resiliency.preflight import preflight
from resiliency.resources import DAY, minutes, network_memory
from resiliency.study import load
from resiliency.study_files import read_places
from resiliency.study_merging import without_inherited

# Snakemake lists files of the command line first, and merges them last.
FILES = [*workflow.configfiles[len(workflow.overwrite_configfiles) :], *workflow.overwrite_configfiles]
try:
    STUDY = load(*without_inherited(config, read_places(FILES), workflow.config_settings.config))
    if workflow.is_main_process:
        preflight(STUDY)
except Fault as fault:
    sys.exit("\n".join(f"study: {line}" for line in str(fault).splitlines()))

RESULTS = f"results/{STUDY.study}"
MEMBER = "{design}-s{seed}"
SETTINGS = STUDY.joint_settings()
JOINT = (  # members of one setting
    [f"{{setting}}-s{s}-m{m}" for s in range(STUDY.joint.seeds) for m in range(len(STUDY.joint.designs))]
    if SETTINGS
    else []
)
INDEPENDENT = STUDY.independent_members()
TRAINED, LOADED = STUDY.trained_designs(), STUDY.loaded_designs()
LOADED_MEMBERS = [member for member in INDEPENDENT if design_of(member) in LOADED]
SEARCHED = STUDY.searched_members()
MEMBERS = INDEPENDENT + STUDY.joint_members() + SEARCHED
# Members from elsewhere: what files hold of them, and those that are known by more than scores.
EXTERNAL = STUDY.contents()
SOURCES = EXTERNAL.sources if EXTERNAL else []
ELSEWHERE, PREDICTED = (list(EXTERNAL.kinds), EXTERNAL.predicted) if EXTERNAL else ([], [])
METHODS = STUDY.attribution.methods
STATISTICS = STUDY.statistics.model_dump(include={"resamples", "confidence"})
ENGINE = {
    "seed": STUDY.seed,
    "engine": STUDY.corruptions.engine,
    "table": STUDY.corruptions.table_at(STUDY.data.side),
}

# Images are one array, or a list of files that are decoded on the fly.
IMAGES = ".json" if STUDY.data.on_the_fly else ".npy"
DECODERS = 7 if STUDY.data.on_the_fly else 0
MINUTES, NETWORK_MEMORY = minutes(STUDY), network_memory(DECODERS)
TRAIN, VALIDATION, TEST = (
    {"images": f"{RESULTS}/data/{split}/images{IMAGES}", "labels": f"{RESULTS}/data/{split}/labels.npy"}
    for split in ("train", "validation", "test")
)
TEST_SETS = [CLEAN, *(STUDY.test_sets if STUDY.dataset else EXTERNAL.test_sets)]
FURTHER = {
    name: {
        "images": f"{RESULTS}/data/test_sets/{name}/images{'.json' if of.on_the_fly(STUDY.data.side) else '.npy'}",
        "labels": f"{RESULTS}/data/test_sets/{name}/labels.npy",
        "card": f"{RESULTS}/data/test_sets/{name}/card.json",
    }
    for name, of in STUDY.test_sets.items()
}
# What members are judged by: the conditions, and the labels of each test set in their order.
JUDGED = {
    "conditions": f"{RESULTS}/conditions.csv",
    "labels": [TEST["labels"], *(files["labels"] for files in FURTHER.values())],
}
if not STUDY.dataset:
    JUDGED["labels"] = [f"{RESULTS}/data/{test_set}/labels.npy" for test_set in TEST_SETS] if PREDICTED else []
HELD_OUT = {f"validation_{name}": path for name, path in VALIDATION.items()}
LEARNED = TRAIN | HELD_OUT | {"card": f"{RESULTS}/data/card.json"}
VALIDATED = "validation" in STUDY.splits
HELD_OUT = HELD_OUT if VALIDATED else {}
START = STUDY.search.start if SEARCHED else "random"
STARTED = {} if START == "random" else {"start": f"{RESULTS}/members/{START}/weights.safetensors"}
STARTED |= {"start_description": f"{RESULTS}/members/{START}/member.json"} if STARTED else {}
# One job decodes the images for several loaded members and predicts them; then a job of each member completes what is
# kept of it. These jobs depend on one file for all, whose time does not count: a new member makes no other stale.
EACH = STUDY.prediction.members_a_job
LOADED_JOBS = [LOADED_MEMBERS[start : start + EACH] for start in range(0, len(LOADED_MEMBERS), EACH)]
PREDICTED_TOGETHER = f"{RESULTS}/predicted_together/all.json"
TOGETHER_FIRST = ancient(PREDICTED_TOGETHER) if len(LOADED_JOBS) < len(LOADED_MEMBERS) else []
ITEMS = f"{RESULTS}/data/test/items.csv"
GALLERY = f"{RESULTS}/data/gallery.parquet"
ATTRIBUTION_GALLERY = f"{RESULTS}/data/attribution_gallery.parquet"
CORRUPTED = [f"{RESULTS}/corrupted/{corruption}{IMAGES}" for corruption in STUDY.corruptions.names]


def member_files(name, members):
    """The file of this name of each of these members."""
    return [f"{RESULTS}/members/{member}/{name}" for member in members]


MEMBER_FILES = {
    "weights": member_files("weights.safetensors", MEMBERS),
    "descriptions": member_files("member.json", MEMBERS + ELSEWHERE),
    "histories": member_files(
        "history.csv",
        [member for member in MEMBERS if member not in SEARCHED and member not in LOADED_MEMBERS],
    ),
    "errors": [f"{RESULTS}/external/{source.name}/errors.csv" for source in SOURCES if source.kind == "scores"],
}


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


def further_images(wildcards):
    """The images of a further test set."""
    return FURTHER[wildcards.test_set]["images"]


def attributed(members):
    """What is written of the attributions of these members."""
    return {
        "maps": [f"{RESULTS}/attributions/{member}/{method}.npy" for member in members for method in METHODS],
        "skipped": [f"{RESULTS}/attributions/{member}/skipped.json" for member in members],
    }


LOGITS = predictions(MEMBERS + PREDICTED)
TABLES = {
    "members": f"{RESULTS}/tables/members.csv",
    "errors": f"{RESULTS}/tables/corruption_errors.csv",
    "histories": f"{RESULTS}/tables/histories.csv",
    "calibration": f"{RESULTS}/tables/calibration.csv",
    "ensembles": f"{RESULTS}/tables/ensembles.parquet",
    "correlations": f"{RESULTS}/tables/correlations.csv",
    "differences": f"{RESULTS}/tables/correlation_differences.csv",
    "observations": f"{RESULTS}/tables/observations.csv",
    "coincident_failures": f"{RESULTS}/tables/coincident_failures.csv",
    "attribution_distances": f"{RESULTS}/tables/attribution_distances.csv",
    "skipped": f"{RESULTS}/tables/skipped.csv",
    "origins": f"{RESULTS}/tables/origins.csv",
    "ensemble_sizes": f"{RESULTS}/tables/ensemble_sizes.csv",
    "deployment": f"{RESULTS}/tables/deployment.csv",
    "selective_prediction": f"{RESULTS}/tables/selective_prediction.csv",
    "temperatures": f"{RESULTS}/tables/temperatures.csv",
    "early_exit": f"{RESULTS}/tables/early_exit.csv",
    "contenders": f"{RESULTS}/tables/contenders.csv",
    "contender_calibration": f"{RESULTS}/tables/contender_calibration.csv",
    "effective_robustness": f"{RESULTS}/tables/effective_robustness.csv",
    "best_ensembles": f"{RESULTS}/tables/best_ensembles.csv",
}
# What the study allows of these tables.
CORRUPTIONS = STUDY.corruptions.names if STUDY.dataset else EXTERNAL.corruptions
COMBINED = INDEPENDENT + PREDICTED
LACKING = without(
    ensembles=len(COMBINED) >= min(STUDY.ensembles.sizes),
    networks=bool(MEMBERS),
    probabilities=bool(MEMBERS) or any(source.kind in ("logits", "probabilities") for source in SOURCES),
    corruptions=bool(CORRUPTIONS),
    shifts=bool(CORRUPTIONS) or len(TEST_SETS) > 1,
)
MADE = [name for name in TABLES if name not in LACKING]
EVALUATIONS = f"{RESULTS}/search/evaluations.csv" if SEARCHED else []
# One file of each job that tables are made from. A run asks for these too: a job that fails loses its older results, and
# Snakemake does not miss what only finished tables were made from.
INTERMEDIATE = [
    [f"{RESULTS}/data/card.json", GALLERY, CORRUPTED] if STUDY.dataset else [],
    f"{RESULTS}/conditions.csv",
    MEMBER_FILES["weights"],
    MEMBER_FILES["descriptions"],
    [f"{RESULTS}/search/supernet/weights.safetensors"] if SEARCHED else [],
    LOGITS,
    attributed(MEMBERS)["skipped"],
    [files["labels"] for files in FURTHER.values()],
]
CHART_TABLES = {name: TABLES[name] for name in MADE} | {"corruption_errors": TABLES["errors"]}
CHART_TABLES |= {"gallery": GALLERY} if STUDY.dataset else {}
CHART_TABLES |= {"attribution_gallery": ATTRIBUTION_GALLERY} if MEMBERS else {}
CHART_TABLES |= {"evaluations": EVALUATIONS} if SEARCHED else {}
CHART_TABLES |= {"candidates": f"{RESULTS}/ensembles/candidates.parquet"} if "deployment" in MADE else {}
CHART_TABLES |= {"risk_coverage": f"{RESULTS}/ensembles/risk_coverage.parquet"} if "deployment" in MADE else {}
AVAILABLE = CHART_TABLES.keys() | ({"corruptions"} if CORRUPTIONS else set()) | ({"joint"} if SETTINGS else set())
DRAWN = {name: chart for name, chart in CHARTS.items() if chart.needs <= AVAILABLE}
CHART_TABLES = {name: path for name, path in CHART_TABLES.items() if any(name in of.needs for of in DRAWN.values())}
CHART_FILES = [f"{RESULTS}/charts/{chart}{suffix}" for chart in DRAWN for suffix in CHART_SUFFIXES]


wildcard_constraints:
    design="|".join(map(re.escape, TRAINED)) or "none",
    loaded="|".join(map(re.escape, LOADED)) or "none",
    setting="|".join(map(re.escape, SETTINGS)) or "none",
    seed=r"\d+",
    number=r"\d+",
    corruption=r"\w+",
    test_set="|".join(map(re.escape, STUDY.test_sets)) or "none",


def in_report(path):
    """A table or a chart that `snakemake --report` shows too."""
    folder, name = ("charts", Path(path).stem) if path.endswith(".svg") else ("tables", Path(path).name)
    listed = (CHARTS if folder == "charts" else topics.TABLES)[name]
    labels = {"about": listed.topic, folder.removesuffix("s"): listed.title}
    return report(path, caption=f"captions/{folder}/{name}.rst", category=folder.capitalize(), labels=labels)


def code(script, *files):
    """The fingerprint of a script, of what it imports from the library and of other files that it uses there."""
    return fingerprint(SCRIPTS / f"{script}.py", *(SCRIPTS / "resiliency" / file for file in files))


PREDICTING = {"precision": STUDY.prediction.precision, "logits": code("predict_together")}


def decoding(wildcards):
    """Threads of a job that computes with networks: one for them, and where a GPU waits for images those to decode."""
    return 1 + (DECODERS if workflow.non_local_exec or visible_gpus() else 0)


def state_of(folder, wildcards):
    """The state of a folder of images, if there is one: a change in it makes what was read from it stale."""
    return folder_state(folder) if folder else ""


def growing(amount, most=inf):
    """An amount of a resource that grows with each attempt at a job, up to `most`."""
    return lambda wildcards, attempt: min(amount * attempt, most)


def needing(megabytes, minutes, most=inf, **others):
    """Resources of a job, which grow with each attempt at it, run time up to `most` minutes; others do not grow."""
    return {"mem_mb": growing(megabytes), "runtime": growing(minutes, most)} | others


def log_of(rule, job="all"):
    """The log of a job of a rule; `job` may hold wildcards."""
    return f"{RESULTS}/logs/{rule}/{job}.log"


def benchmark_of(rule, job="all"):
    """What Snakemake measures of a job of a rule."""
    return f"{RESULTS}/benchmarks/{rule}/{job}.tsv"


def made(name):
    """The file of a table; none where the study does not allow it."""
    return TABLES[name] if name in MADE else []


def described(design, seed, **others):
    """What is known of a member of `design` before it is made; fields of `resiliency.designs.members.Member`."""
    description = {"origin": names.INDEPENDENT, "design": design, "family": STUDY.family(design), "seed": int(seed)}
    return STUDY.described(design) | description | others


def external_files(source, labels_alone=False):
    """The files that predictions from elsewhere, or the labels beside them alone, are read from."""
    if source.kind in ("decisions", "scores"):
        return [source.file]
    members = source.members[:1] if labels_alone else source.members
    return array_files(source.file, members, EXTERNAL.layout(source))


def exportable(wildcards):
    """The tables that an ensemble is exported by; where the study or this machine lacks something, one line says so."""
    lacking = [name for name in PACKAGES if not find_spec(name)]
    if lacking:
        sys.exit(f"export: {', '.join(lacking)}: not installed; pip install -e '.[export]'")
    if not MEMBERS:
        sys.exit("export: members are known by predictions alone; only networks are exported")
    names = {"deployment": "deployment", "temperatures": "temperatures", "selective": "selective_prediction"}
    return {name: TABLES[table] for name, table in names.items()}
