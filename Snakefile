import os

from snakemake.utils import min_version

min_version("9.20")


configfile: f"{workflow.current_basedir}/config.yaml"


# The image that Dockerfile makes, for jobs of `snakemake --sdm apptainer`: docker://<address>, or a
# file.
if image := os.environ.get("RESILIENCY_IMAGE"):

    container: image


include: "rules/study.smk"
include: "rules/files.smk"
include: "rules/jobs.smk"
include: "rules/data.smk"
include: "rules/members.smk"
include: "rules/search.smk"
include: "rules/external.smk"
include: "rules/diversity.smk"
include: "rules/analysis.smk"
include: "rules/report.smk"
include: "rules/export.smk"


if RUN.main:

    report: "rules/overview.rst"


localrules:
    all,
    tables,
    export,


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/provenance.json",
        CHART_FILES,
        all_tables(),
        made_on_the_way(),


rule tables:
    input:
        all_tables(),
        made_on_the_way(),


if RUN.plans:
    or_stop(check_records, RESULTS, RUN.makes)
    if changed := changes(RESULTS, STUDY.resolved()):
        logger.info(changed)


onstart:
    or_stop(sign, RESULTS, STUDY.resolved())
    if RUN.plans:
        scripts = SCRIPTS.glob("*.py") if RUN.elsewhere else ()
        os.environ[BEGUN] = json.dumps(
            {path.stem: fingerprint(path, root=LIBRARY.parent) for path in scripts}
        )
    RUN.begin()


onsuccess:
    ran = RUN.ran()
    if "report" in ran:
        logger.info(f"Report: {RESULTS}/report.html", extra={"last": True})
    elif "export" in ran:
        chosen = export_folder(f"{RESULTS}/ensembles/exported.json")
        logger.info(f"Export: {chosen}; open evidence.html there", extra={"last": True})
    else:
        logger.info("No report: it is not among the targets of this run", extra={"last": True})
