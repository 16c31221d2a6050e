"""Nothing finished is lost by killed jobs and runs, or by a rerun that fails."""

import os
import subprocess
import time
from contextlib import suppress
from random import Random

import psutil
import pytest

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("RESILIENCY_KILLS", "2"))
# A file that a job of the stage makes.
MADE = {
    "dataset": "data/card.json",
    "corrupt": "corrupted/contrast.npy",
    "train": "members/convnext-s1/weights.safetensors",
    "train_jointly": "members/balanced-l0.5-s0-m1/weights.safetensors",
    "train_supernet": "search/supernet/weights.safetensors",
    "search": "search/evaluations.csv",
    "predict": "predictions/densenet_s-s0/clean.npy",
    "attribute": "attributions/convnext-s0/skipped.json",
    "pairwise_diversity": "diversity/pairs.parquet",
    "score_members": "tables/members.csv",
    "score_ensembles": "tables/ensembles.parquet",
    "correlate": "tables/correlations.csv",
    "observe": "tables/observations.csv",
    "choose_ensembles": "tables/deployment.csv",
    "assess_ensembles": "tables/temperatures.csv",
}
STAGES = (*MADE, "train", "train_jointly", "train_supernet", "search")


def jobs_of(study) -> list[psutil.Process]:
    """The processes of the scripts that run for a study; forks are killed with them."""
    words = f"{study.directory}/.snakemake/scripts"
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if words in " ".join(process.info["cmdline"] or [])
    ]


def kill(study, run, target: str, random: Random) -> None:
    """SIGKILL a job of a run, Snakemake alone, or all at once, as a power cut does."""
    jobs = jobs_of(study)
    while target == "a job" and run.poll() is None and not jobs:
        time.sleep(0.05)
        jobs = jobs_of(study)
    killed = {"everything": jobs, "snakemake": [], "a job": random.sample(jobs, min(1, len(jobs)))}[
        target
    ]
    for process in killed:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    if target != "a job":
        run.kill()
    run.wait()


def contents(study) -> dict[str, bytes]:
    """All results of a study but its pictures, what tells of the run itself, and what other tests
    export of it."""
    others = ("logs", ".records", ".study.json")
    others += ("charts", "report.html", "provenance.json", "export")
    paths = [
        path
        for path in study.results.rglob("*")
        if path.is_file() and not set(path.parts) & set(others)
    ]
    return {str(path.relative_to(study.results)): path.read_bytes() for path in paths}


def wait_for(study, run, stage: str, seconds: float) -> None:
    """Wait until a run is `seconds` into a job of `stage`, or ends."""
    while run.poll() is None:
        if any(f".{stage}.py" in " ".join(job.info["cmdline"]) for job in jobs_of(study)):
            with suppress(subprocess.TimeoutExpired):
                run.wait(timeout=seconds)
            return
        time.sleep(0.05)


def test_jobs_killed_at_any_stage_end_with_the_same_files(workflow, tmp_path):
    """RESILIENCY_KILLS says how often; each kill is of a job that makes again what was deleted of a
    finished study."""
    random = Random(0)
    killed = workflow.copied(tmp_path / "killed")
    left = [*STAGES] * (KILLS // len(STAGES)) + random.sample(STAGES, KILLS % len(STAGES))
    while left:
        stage, victim = left[-1], random.choice(["a job", "snakemake", "everything"])
        path = killed.results / MADE[stage]
        path.unlink(missing_ok=True)
        target = "--cores", "1", str(path.relative_to(killed.directory))
        run = killed.start(*target)
        wait_for(killed, run, stage, random.uniform(0, 1))
        if run.poll() is None:
            kill(killed, run, victim, random)
            left.pop()
            print(f"killed in {stage}: {victim}; {len(left)} kills left", flush=True)
            killed.snakemake("--unlock")
            run = killed.start(*target)
        assert run.wait() == 0, (killed.directory / "snakemake.log").read_text()
    assert contents(killed) == contents(workflow)
    assert killed.planned() == {}


def test_what_a_failed_rerun_lost_is_made_again(workflow, tmp_path):
    """Snakemake removes the older results of a job that fails; tables that were made from them must
    not hide it."""
    copy = workflow.copied(tmp_path / "copy")
    diverging = "designs={convnext: {training: {optimizer: sgd, learning_rate: 100}}}"
    run = copy.snakemake("--cores", "1", "--config", diverging)
    assert run.returncode != 0
    assert "training loss is nan; lower learning_rate" in run.stdout
    assert "Traceback" not in run.stdout
    lost = [
        seed
        for seed in (0, 1)
        if not (copy.results / f"members/convnext-s{seed}/weights.safetensors").exists()
    ]
    assert lost
    jobs = copy.planned()
    assert jobs["train"] == len(lost)
    assert {"predict", "attribute", "score_members", "report"} < set(jobs)
