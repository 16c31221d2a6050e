import os

from snakemake.utils import min_version

min_version("9.20")


configfile: f"{workflow.current_basedir}/config.yaml"


if workflow.modifier.is_main_snakefile():

    report: "rules/overview.rst"


# The image that Dockerfile makes, for jobs of `snakemake --sdm apptainer`: docker://<address>, or a file.
if IMAGE := os.environ.get("RESILIENCY_IMAGE"):

    container: IMAGE


include: "rules/study.smk"
include: "rules/files.smk"
include: "rules/jobs.smk"
include: "rules/data.smk"
include: "rules/members.smk"
include: "rules/heuristics.smk"
include: "rules/search.smk"
include: "rules/external.smk"
include: "rules/diversity.smk"
include: "rules/analysis.smk"
include: "rules/report.smk"
include: "rules/export.smk"


localrules:
    all,
    members,
    tables,
    export,


# One file of each job that tables are made from. A run asks for these too: a job that fails loses its older results, and
# Snakemake does not miss what only finished tables were made from.
INTERMEDIATE = [
    [f"{RESULTS}/data/card.json", GALLERY, CORRUPTED] if STUDY.dataset else [],
    MEMBER_FILES["weights"],
    MEMBER_FILES["descriptions"],
    [f"{RESULTS}/search/supernet/weights.safetensors"] if SEARCHED else [],
    LOGITS,
    attributed(ENSEMBLE_NETWORKS)["skipped"],
    [files["labels"] for files in TEST_SET_FILES.values()],
]


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/provenance.json",
        CHART_FILES,
        [TABLES[name] for name in TABLE_NAMES],
        INTERMEDIATE,


rule members:
    input:
        MEMBER_FILES["weights"],


rule tables:
    input:
        [TABLES[name] for name in TABLE_NAMES],
        INTERMEDIATE,


if workflow.is_main_process:
    or_stop(check_records, RESULTS, lambda path: any(rule.is_producer(path) for rule in workflow.rules))
    if changed := changes(RESULTS, RESOLVED):
        logger.info(changed)


onstart:
    or_stop(sign, RESULTS, RESOLVED)
    if workflow.is_main_process:
        scripts = SCRIPTS.glob("*.py") if workflow.non_local_exec else ()
        os.environ[BEGUN] = json.dumps({path.stem: fingerprint(path, root=LIBRARY.parent) for path in scripts})
    if workflow.is_main_process and not workflow.non_local_exec:
        warm_start.install(sum(1 for job in workflow.dag.needrun_jobs()))
    # With a limit, each job that ends leaves one more timer that looks at all ready jobs every second (Snakemake 9.27).
    if not workflow.non_local_exec:
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    ran = {job.rule.name for job in workflow.dag.jobs}
    if "report" in ran:
        logger.info(f"Report: {RESULTS}/report.html", extra={"last": True})
    elif "export" in ran:
        chosen = export_folder(f"{RESULTS}/ensembles/exported.json")
        logger.info(f"Export: {chosen}; open evidence.html there", extra={"last": True})
    else:
        logger.info("No report: it is not among the targets of this run", extra={"last": True})
