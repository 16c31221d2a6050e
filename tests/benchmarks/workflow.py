"""What Snakemake's main thread and predictions take, before and after; the two sides take turns,
times are CPU seconds.

    python tests/benchmarks/workflow.py checksums|predictions|planning [--other CHECKOUT] [--members
    1008] [--repeats 5]

- checksums: a run of 24 jobs with 4 outputs and 64 MB of inputs each, where Snakemake hashes each
  input for each output, and where `remember_checksums` has it read once; the records of both are
  equal.
- predictions: logits of the designs of the default study for 539 images of 32 px, in batches of 256
  images and of `BATCH_BYTES`; the logits are equal to the byte.
- planning: a dry run of the tiny study with many members, by the code of another checkout and of
  this one; and of one more, under the profiler, the time of our own rules and functions.
"""

import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch
from shared import ROOT, options, study, timed

from resiliency.base.machine import keep_freed_memory
from resiliency.data.loading import in_order
from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.prediction import writing

JOBS = """
rule all:
    input: expand("made/{job}/{part}", job=range(24), part=range(4))
rule job:
    input: expand("images/{number}", number=range(16))
    output: touch(expand("made/{{job}}/{part}", part=range(4)))
"""
BY_BYTES = writing.batches_of
RUN = "import sys, snakemake.cli, snakemake_internals as own; {}snakemake.cli.main(sys.argv[1:])"


def spent(command: list[str], **options) -> float:
    """CPU seconds of a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def checksums(remembered: bool) -> tuple[float, list]:
    """CPU seconds of the run, and the checksums in its records."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Snakefile").write_text(JOBS)
        (folder / "images").mkdir()
        for number in range(16):
            (folder / f"images/{number}").write_bytes(
                np.random.default_rng(number).bytes(4_000_000)
            )
        program = RUN.format("own.remember_checksums(); " if remembered else "")
        options = ["--cores", "1", "--quiet", "all", "--max-checksum-file-size", "200000000"]
        seconds = spent(
            [sys.executable, "-c", program, *options],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        )
        records = sorted((folder / ".snakemake/metadata").iterdir())
        return seconds, [json.loads(record.read_bytes())["input_checksums"] for record in records]


def predictions(by_bytes: bool) -> tuple[float, list[bytes]]:
    """CPU seconds of the predictions, and the logits."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as jobs do
    settings, seconds, made = study(), 0.0, []
    images = np.random.default_rng(0).integers(0, 256, (539, 32, 32, 3), np.uint8)
    writing.batches_of = BY_BYTES if by_bytes else lambda images, _: in_order(len(images), 256)
    for design in settings.members.designs:
        network = build(Member(design, **settings.description(design)), 10, 0).eval()
        member = network, Member(design, classes=list("0123456789"), mean=[0.5] * 3, std=[0.25] * 3)
        logits, taken = timed(
            lambda member=member: [part for (part,) in writing.logits([member], images)]
        )
        seconds, made = seconds + taken, [*made, np.concatenate(logits).tobytes()]
    return seconds, made


def planned(checkout: Path, members: int) -> list[str]:
    """The arguments of Snakemake for the dry run."""
    given = [
        "--snakefile",
        str(checkout / "Snakefile"),
        "--configfile",
        str(checkout / "studies/tiny.yaml"),
    ]
    return [
        "-n",
        "--quiet",
        "all",
        "--cores",
        "1",
        *given,
        "--config",
        f"members={{seeds: {members // 2}}}",
    ]


def planning(checkout: Path, members: int) -> tuple[float, None]:
    """CPU seconds of the dry run."""
    environment = os.environ | {"PYTHONPATH": str(checkout / "scripts")}
    with TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--directory",
            folder,
            *planned(checkout, members),
        ]
        return spent(command, env=environment), None


def own_share(members: int) -> str:
    """Seconds of the planning that are spent in our rules and functions, and in what they call, by
    the profiler."""
    from snakemake.cli import main

    profile = cProfile.Profile()
    with TemporaryDirectory() as folder, suppress(SystemExit):
        profile.runcall(main, ["--directory", folder, *planned(ROOT, members)])
    stats = pstats.Stats(profile)
    ours = {of for of in stats.stats if of[0].startswith(str(ROOT)) and of[2] != "<module>"}
    called = [
        calls[3]
        for of in ours
        for by, calls in stats.stats[of][4].items()
        if "/snakemake/" in by[0]
    ]
    read = [
        times[3]
        for of, times in stats.stats.items()
        if of[0] == str(ROOT / "Snakefile") and of[2] == "<module>"
    ]
    ours = f"{sum(read):.1f} s to read the rules, {sum(called):.1f} s in functions that they name"
    return f"ours: {ours}, of {stats.total_tt:.1f} s"


if __name__ == "__main__":
    parser = options(__doc__, members=1008, repeats=5)
    parser.add_argument("what", choices=["checksums", "predictions", "planning"])
    parser.add_argument("--other", type=Path, help="checkout of the code before")
    given = parser.parse_args()
    sides = {
        "checksums": [lambda: checksums(False), lambda: checksums(True)],
        "predictions": [lambda: predictions(False), lambda: predictions(True)],
        "planning": [
            lambda: planning(given.other, given.members),
            lambda: planning(ROOT, given.members),
        ],
    }[given.what]
    times = []
    for repeat in range(given.repeats):
        (before, one), (after, other) = (
            [work() for work in sides] if repeat % 2 else [w() for w in sides[::-1]][::-1]
        )
        assert one == other, "the two sides differ"
        times.append((before, after))
        print(f"before {before:.2f} s, after {after:.2f} s", flush=True)
    ratios = [before / after for before, after in times]
    before, after = np.median(times, axis=0)
    print(
        f"{before:.2f} s -> {after:.2f} s: {median(ratios):.2f} times ({min(ratios):.2f} to "
        f"{max(ratios):.2f})"
    )
    if given.what == "planning":
        print(own_share(given.members))
