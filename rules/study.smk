# The study, and what it has: members, test sets and tables.
import re
import sys
from pathlib import Path

SCRIPTS = Path(str(workflow.current_basedir)).parent / "scripts"
if not SCRIPTS.is_dir():
    sys.exit(f"study: {SCRIPTS.parent}: expected a clone on this machine, got another place; clone the repository")
sys.path.insert(0, str(SCRIPTS))

import resiliency
from snakemake_warm_start import client as warm_start
from resiliency import tables
from resiliency.base.faults import Fault
from resiliency.base.names import FEWEST_IMAGES, FEWEST_UNITS
from resiliency.base.names import CLEAN, design_of
from resiliency.study.preflight import preflight
from resiliency.study.files import load, merged, read
from resiliency.study.records import changes, check_records, sign


def or_stop(check, *arguments, of="study"):
    """What a function returns; a fault in the study or in its results ends Snakemake, in a line for each."""
    try:
        return check(*arguments)
    except Fault as fault:
        sys.exit("\n".join(f"{of}: {line}" for line in str(fault).splitlines()))


LIBRARY = Path(resiliency.__file__).parent
# Another workflow that imports this one as a module gives the configuration; Snakemake then reads no file of defaults.
IMPORTED = workflow.modifier.skip_configfile
# Snakemake lists files of the command line first, and merges them last.
FILES = [*workflow.configfiles[len(workflow.overwrite_configfiles) :], *workflow.overwrite_configfiles]


def given_settings():
    """The configuration of the study: in files, and on the command line or, as a module, of the other workflow."""
    if IMPORTED:
        return merged([read(SCRIPTS.parent / "config.yaml"), config])
    return merged(map(read, FILES), workflow.config_settings.config)


GIVEN = or_stop(given_settings)
STUDY = or_stop(load, GIVEN, of=" ".join(["study", *(Path(file).name for file in workflow.overwrite_configfiles)]))
RESULTS = f"results/{STUDY.study}"
RESOLVED = STUDY.model_dump(mode="json", exclude={"ensemble"})
if workflow.is_main_process:
    or_stop(preflight, STUDY)

# Members that are networks: trained or loaded independently, trained jointly by settings, or found by the search.
TRAINED, FINE_TUNED, LOADED = STUDY.trained_designs(), STUDY.fine_tuned_designs(), STUDY.loaded_designs()
INDEPENDENT = STUDY.independent_members()
LOADED_MEMBERS = [member for member in INDEPENDENT if design_of(member) in LOADED]
SETTINGS = STUDY.joint_settings()
SEARCHED = STUDY.searched_members()
MEMBERS = INDEPENDENT + STUDY.joint_members() + SEARCHED
# Members from elsewhere: what files hold of them, and those that are known by more than scores.
EXTERNAL = STUDY.contents()
SOURCES = EXTERNAL.sources if EXTERNAL else []
EXTERNAL_MEMBERS, EXTERNAL_PREDICTED = (list(EXTERNAL.kinds), EXTERNAL.predicted) if EXTERNAL else ([], [])
if EXTERNAL and workflow.is_main_process:
    for what, why in EXTERNAL.left_out.items():
        print(f"study: external: left out: {what} ({why})", file=sys.stderr)
# Those of whose ensembles all are scored.
POOLED_MEMBERS = STUDY.combined_members()
POOLED_NETWORKS = [member for member in INDEPENDENT if member in set(POOLED_MEMBERS)]
# Those that are in any ensemble, and the networks among them, which are compared in what they attend to.
ENSEMBLE_MEMBERS = POOLED_MEMBERS + STUDY.joint_members() + SEARCHED
ENSEMBLE_NETWORKS = POOLED_NETWORKS + STUDY.joint_members() + SEARCHED

TEST_SETS = [CLEAN, *(STUDY.test_sets if STUDY.dataset else EXTERNAL.test_sets)]
CORRUPTIONS = STUDY.corruptions.names if STUDY.dataset else EXTERNAL.corruptions
VALIDATED = "validation" in STUDY.splits
METHODS = STUDY.attribution.methods
RESAMPLING = STUDY.statistics.model_dump(include={"resamples", "confidence"}) | {"seed": STUDY.seed}

# What tables and charts need, and the tables that the study makes.
HAS = {
    "ensembles": len(POOLED_MEMBERS) >= min(STUDY.ensembles.sizes),
    "images": bool(STUDY.dataset) or not EXTERNAL_PREDICTED or EXTERNAL.clean_images >= FEWEST_IMAGES,
    "networks": bool(MEMBERS),
    "probabilities": bool(MEMBERS) or any(source.kind in ("logits", "probabilities") for source in SOURCES),
    "corruptions": bool(CORRUPTIONS),
    "robustness": bool(CORRUPTIONS or STUDY.statistics.robustness),
    "shifts": bool(CORRUPTIONS) or len(TEST_SETS) > 1,
    "search": bool(SEARCHED),
    "joint": bool(SETTINGS),
    "costs": bool(STUDY.costs),
}
HAS = {name for name, has in HAS.items() if has}
TABLE_NAMES = tables.made(HAS)
TABLES = {name: f"{RESULTS}/{table.path}" for name, table in tables.TABLES.items()}


def one_of(names):
    """A pattern of these names."""
    return "|".join(map(re.escape, names)) or "none"


wildcard_constraints:
    design=one_of(TRAINED),
    loaded=one_of(LOADED),
    member=one_of(MEMBERS),
    setting=one_of(SETTINGS),
    seed=r"\d+",
    number=r"\d+",
    corruption=r"\w+",
    test_set=one_of(STUDY.test_sets),
