"""Studies on a real SLURM cluster: the tiny one to its end, and trainings that meet with all that
happens there."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cluster import GPU_NODES, Cluster, wait_for

pytestmark = pytest.mark.slurm

REPOSITORY = Path(__file__).parents[2]
PROFILE = ("--profile", "profiles/slurm")
# Sooner than a user needs to.
POLLING = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")
MEMBERS = ("densenet_s-s0", "densenet_s-s1", "convnext-s0")
# So many that a training can be met in its middle.
EPOCHS = 12
EPOCH = rf"\[\d+/{EPOCHS}"  # in the log, when one has ended
RESUMED = "resuming at step"
# Some of what each stage makes, so that all stages run, but not for all members. The corrupted
# images, which are the same again, are made alone, so that not all members predict anew.
CORRUPTED = "corrupted/contrast.npy"
REMOVED = (
    CORRUPTED,
    "search/supernet/weights.safetensors",
    "members/convnext-s1/weights.safetensors",
)
REMOVED += ("members/balanced-l1-s0-m0/weights.safetensors",)
FILES = ("weights.safetensors", "member.json", "history.csv")


@pytest.fixture(scope="session")
def finished(cluster, workflow, workflow_in, tmp_path_factory):
    """The tiny study without `REMOVED`, finished on the cluster by the commands of docs/cluster.md.

    What these printed is in `output`. Jobs of SLURM only wait for forks, of which it does not know;
    those of `trainings` are processes as a user has them.
    """
    directory = tmp_path_factory.mktemp("cluster")
    shutil.copytree(workflow.directory, directory, dirs_exist_ok=True)
    study = workflow_in(directory, environment=cluster.environment, forked=True)
    for path in REMOVED:
        (study.results / path).unlink()
    study.finish(f"results/{study.results.name}/{CORRUPTED}", *PROFILE, *POLLING)
    for options in readme_commands()[0]:
        study.output = study.finish(*options, *POLLING)
    return study


def readme_commands() -> list[list[list[str]]]:
    """For each block of the page with commands for the cluster, the options of its Snakemakes, the
    study left out."""
    blocks = re.findall(
        r"```sh\n(.*?)```", (REPOSITORY / "docs" / "cluster.md").read_text(), re.DOTALL
    )
    start, study = "snakemake --profile ", "--configfile studies/cifar10.yaml"
    blocks = [block for block in blocks if start in block]
    commands = [[line for line in block.splitlines() if line.startswith(start)] for block in blocks]
    assert all(study in line for block in commands for line in block)
    return [
        [line.removeprefix("snakemake ").replace(study, "").split() for line in block]
        for block in commands
    ]


def jobs(cluster: Cluster, output: str) -> list[dict[str, str]]:
    """What SLURM knows of the jobs of the run with this output."""
    run = re.search(r"SLURM run ID: (\S+)", output)[1]
    names = (
        "JobID",
        "Comment",
        "State",
        "Partition",
        "TimeLimit",
        "MinMemory",
        "tres-per-job",
        "RestartCnt",
    )
    fields = ",".join(f"{name}:;" for name in names)
    lines = cluster.run(
        "squeue", "--noheader", "--states", "all", "--name", run, "--Format", fields
    ).splitlines()
    return [dict(zip(names, line.split(";"), strict=False)) for line in lines]


def in_folder(directory: Path, workflow_in, environment: dict[str, str] | None = None):
    """A study of trainings that take a while."""
    tiny = yaml.safe_load((REPOSITORY / "studies/tiny.yaml").read_text())
    settings = tiny | {"study": "trainings", "training": {"epochs": EPOCHS}}
    return workflow_in(directory, settings, environment=environment)


def targets(members: Sequence[str]) -> list[str]:
    return [f"results/trainings/members/{member}/weights.safetensors" for member in members]


class Trainings:
    """The trainings of all members, on the cluster, and what happens to them.

    Attributes:
        outputs: what the Snakemakes printed, in order.
        resumed: the log of the first member's training after Snakemake was killed.
        slow, cancelled: the SLURM jobs that are made to exceed their time, and cancelled by hand.
        lost: the one whose node fails.
    """

    def __init__(self, study, cluster: Cluster):
        self.study, self.cluster, self.outputs = study, cluster, []

    def log(self, member: str) -> str:
        path = self.study.results / "logs/train" / f"{member}.log"
        return path.read_text() if path.exists() else ""

    def start(self, members: Sequence[str]) -> None:
        """Start Snakemake, with a minute for the first attempt at a training, two for the second,
        ..."""
        options = (
            "--set-resources",
            "train:slurm_partition=gpu",
            "train:runtime=attempt",
            "--retries",
            "5",
        )
        self.snakemake = self.study.start(*targets(members), *PROFILE, *POLLING, *options)

    def end(self, seconds: float) -> int | None:
        """Wait for the end of Snakemake; its status, or None if it goes on for longer."""
        with suppress(subprocess.TimeoutExpired):
            self.snakemake.wait(seconds)
        self.outputs.append((self.study.directory / "snakemake.log").read_text())
        return self.snakemake.returncode

    def processes(self, member: str) -> list[int]:
        """The processes that write the log of the training of `member`."""
        log, pids = self.study.results / "logs/train" / f"{member}.log", []
        for output in Path("/proc").glob("[0-9]*/fd/1"):
            with suppress(OSError):  # it ended, or is another user's
                pids += [int(output.parts[2])] if output.readlink() == log else []
        return pids

    def hold(self, patterns: Mapping[str, str]) -> None:
        """Stop the training of each member as soon as its log has the member's pattern; return when
        all are."""
        held = set()

        def all_held() -> bool:
            for member in patterns.keys() - held:
                if re.search(patterns[member], self.log(member)):
                    for pid in self.processes(member):
                        os.kill(pid, signal.SIGSTOP)
                    held.add(member)
            return len(held) == len(patterns)

        wait_for(all_held, 240, f"all log {patterns}")

    def kill_snakemake(self) -> None:
        """Kill Snakemake in the middle of a training, and do what the guide says before it is
        started again."""
        self.start(MEMBERS[:1])
        self.hold({MEMBERS[0]: EPOCH})
        self.snakemake.kill()
        self.end(10)
        run = re.search(r"SLURM run ID: (\S+)", self.outputs[0])[1]
        self.cluster.run("scancel", "--name", run)
        # Jobs that are still ending keep their GPUs, and others would be placed elsewhere.
        wait_for(lambda: not self.cluster.squeue("%A", "--name", run), 60, "all jobs ended")
        unlock, _ = readme_commands()[1]
        self.study.finish(*unlock)

    def fail_in_every_way(self) -> None:
        """Go on from a checkpoint; let a training exceed its time, cancel one, lose a node, restart
        the controller."""
        self.start(MEMBERS)
        self.hold(dict.fromkeys(MEMBERS, EPOCH) | {MEMBERS[0]: RESUMED})
        self.resumed = self.log(MEMBERS[0])
        running = [line.split() for line in self.cluster.squeue("%A %N", "--states", "running")]
        placed = {node: [job for job, on in running if on == node] for node in GPU_NODES}
        (self.slow, self.cancelled), (self.lost,) = placed[GPU_NODES[0]], placed[GPU_NODES[1]]
        # The first stays stopped, and exceeds its time.
        self.cluster.run("scancel", self.cancelled)
        self.cluster.lose_node(GPU_NODES[1])
        self.cluster.start_node(GPU_NODES[1])
        self.cluster.restart_controller()
        assert self.end(400) == 0, self.outputs[-1]


@pytest.fixture(scope="session")
def trainings(cluster, workflow_in, tmp_path_factory) -> Trainings:
    """The trainings, finished after all; their images are read beforehand, on this machine."""
    directory = tmp_path_factory.mktemp("trainings")
    in_folder(directory, workflow_in).finish("--cores", "1", "results/trainings/data/card.json")
    study = in_folder(directory, workflow_in, cluster.environment)
    run = Trainings(study, cluster)
    try:
        run.kill_snakemake()
        run.fail_in_every_way()
    finally:
        run.snakemake.kill()
    return run


def test_interrupted_trainings_end_with_the_same_bytes(trainings, workflow_in, tmp_path):
    local = in_folder(tmp_path, workflow_in)
    local.finish("--cores", "2", *targets(MEMBERS))
    assert RESUMED in trainings.resumed
    for member in MEMBERS:
        for name in FILES:
            one, other = (
                study.results / "members" / member / name for study in (local, trainings.study)
            )
            assert one.read_bytes() == other.read_bytes(), f"{member}/{name}"


def test_jobs_that_end_early_are_made_again_and_go_on(trainings):
    """Attempts in the order of their submission, the second on time unless the machine is busy;
    that of a failed node goes back to the queue.
    """
    attempts = pd.DataFrame(jobs(trainings.cluster, trainings.outputs[-1])).sort_values(
        "JobID", key=pd.to_numeric
    )
    comments = attempts.set_index("JobID").Comment
    slow, cancelled, lost = (
        attempts[attempts.Comment == comments[job]]
        for job in (trainings.slow, trainings.cancelled, trainings.lost)
    )
    *late, last = slow.State
    assert (set(late), last) == ({"TIMEOUT"}, "COMPLETED")
    assert slow.TimeLimit.tolist()[:2] == ["1:00", "2:00"]
    assert slow.MinMemory.tolist()[:2] == ["8000M", "16000M"]
    assert cancelled.State.tolist() == ["CANCELLED", "COMPLETED"]
    assert int(lost.RestartCnt.iloc[0]) == 1
    assert lost.State.iloc[-1] == "COMPLETED"
    for comment in (comments[trainings.slow], comments[trainings.cancelled]):
        assert RESUMED in trainings.log(
            re.sub(r"rule_train_wildcards_(.+)_(\d+)", r"\1-s\2", comment)
        )


def test_tables_are_those_of_a_local_run_to_the_last_byte(finished, workflow):
    tables = sorted((workflow.results / "tables").glob("[!.]*"))
    assert len(tables) >= 7
    assert {path.name: path.read_bytes() for path in tables} == {
        path.name: path.read_bytes() for path in sorted((finished.results / "tables").glob("[!.]*"))
    }
    assert (finished.results / "report.html").stat().st_size > 100_000


def test_jobs_ask_for_what_their_stage_needs(finished, cluster):
    requests = {
        job["Comment"].removeprefix("rule_").split("_wildcards")[0]: job
        for job in jobs(cluster, finished.output)
    }
    with_gpu = {rule for rule, job in requests.items() if "gpu" in job["tres-per-job"]}
    assert with_gpu == {rule for rule, job in requests.items() if job["Partition"] == "gpu"}
    assert {
        "train",
        "train_jointly",
        "train_supernet",
        "search",
        "predict",
        "attribute",
    } <= with_gpu
    assert "score_ensembles" not in with_gpu
    assert (requests["train"]["TimeLimit"], requests["train"]["MinMemory"]) == ("1:00:00", "8000M")
