# The study, and what it has: members, test sets and tables.
import re
import sys
from pathlib import Path

SCRIPTS = Path(str(workflow.current_basedir)).parent / "scripts"
if not SCRIPTS.is_dir():
    sys.exit(
        f"study: {SCRIPTS.parent}: expected a clone on this machine, got another place; "
        "clone the repository"
    )
sys.path.insert(0, str(SCRIPTS))

import resiliency
from resiliency.base.faults import Fault
from resiliency.study.checks import preflight
from resiliency.study.files import export_command, load, merged, read
from resiliency.study.plan import Plan
from resiliency.study.records import changes, check_records, sign
from snakemake_internals import Run


def or_stop(check, *arguments, of="study"):
    """What a function returns; a fault in the study or in its results ends Snakemake, in a line for
    each."""
    try:
        return check(*arguments)
    except Fault as fault:
        sys.exit("\n".join(f"{of}: {line}" for line in str(fault).splitlines()))


LIBRARY = Path(resiliency.__file__).parent
RUN = Run(workflow)


def given_settings():
    """The configuration of the study: in files, and on the command line or, as a module, of the
    other workflow."""
    if RUN.imported:  # then Snakemake reads no file of defaults
        return merged([read(SCRIPTS.parent / "config.yaml"), config])
    return merged(map(read, RUN.files), RUN.given)


STUDY = or_stop(
    load, or_stop(given_settings), of=" ".join(["study", *(Path(file).name for file in RUN.named)])
)
RESULTS = f"results/{STUDY.study}"
PLAN = Plan(STUDY)
if RUN.plans:
    or_stop(preflight, STUDY)
    for what, why in PLAN.elsewhere.left_out.items():
        print(f"study: external: left out: {what} ({why})", file=sys.stderr)
METHODS = STUDY.attribution.methods
RESAMPLING = STUDY.statistics.model_dump(include={"resamples", "confidence"}) | {"seed": STUDY.seed}


def one_of(names):
    """A pattern of these names."""
    return "|".join(map(re.escape, names)) or "none"


wildcard_constraints:
    design=one_of(STUDY.trained_designs()),
    loaded=one_of(STUDY.loaded_designs()),
    member=one_of(PLAN.networks),
    setting=one_of(STUDY.joint_settings()),
    seed=r"\d+",
    number=r"\d+",
    corruption=r"\w+",
    test_set=one_of(STUDY.test_sets),
