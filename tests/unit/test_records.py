"""The records of Snakemake, of what results were made with; and what provenance adds up of the jobs
of each rule."""

import os
import subprocess
from pathlib import Path

import pytest
from attacks.records import RESULTS

from resiliency.designs.members import Member
from resiliency.report.provenance import provenance
from resiliency.study.records import changes, differences, sign


def test_keys_that_changed_are_those_of_the_last_run_that_was_finished(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert changes(RESULTS, {"seed": 1}) == ""
    sign(RESULTS, {"seed": 1})
    sign(RESULTS, {"seed": 2})  # the first run was killed: some of its results may stand
    assert changes(RESULTS, {"seed": 2}) == "Changed in the study:\n  seed: 1 -> 2"
    Path(RESULTS, "provenance.json").write_text('{"study": {"seed": 2}}')
    assert changes(RESULTS, {"seed": 2}) == ""
    sign(RESULTS, {"seed": 3})
    Path(RESULTS, "provenance.json").unlink()  # as before its job
    assert changes(RESULTS, {"seed": 3}) == "Changed in the study:\n  seed: 2 -> 3"


def test_each_key_that_differs_is_named_with_both_values():
    before = {
        "study": "a",
        "training": {"epochs": 2, "flip": True},
        "joint": {"seeds": 2},
        "search": None,
    }
    after = {
        "study": "a",
        "training": {"epochs": 3, "flip": True},
        "joint": None,
        "search": None,
        "costs": "a.csv",
    }
    expected = {
        "training.epochs": ("2", "3"),
        "joint": ('{"seeds": 2}', "null"),
        "costs": ("–", "a.csv"),
    }
    assert differences(before, after) == expected
    assert differences(before, before) == {}
    assert (
        differences({}, {"costs": None, "designs": {}})
        == differences({"costs": None, "designs": {}}, {})
        == {}
    )


def job(results, name, line, ended=1000):
    """The log of a job as `stage` writes it."""
    log = results / f"logs/{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"work\n{line}\n")
    os.utime(log, (ended, ended))


LINE = (
    "CPU seconds: start-up and imports {}, total {}; seconds by the clock: {}; peak memory: {} MiB"
)


def test_jobs_of_a_rule_are_added_up(tmp_path):
    job(tmp_path, "train/a-s0", LINE.format("2.00", "9.00", "10.00", "300.5"))
    job(tmp_path, "train/a-s1", LINE.format("2.00", "19.00", "20.00", "299.9"))
    job(tmp_path, "train/a-s2", "killed", ended=3000)
    job(tmp_path, "charts/all", LINE.format("1.00", "4.00", "4.00", "100.0"), ended=2000)
    record = provenance({"seed": 3}, str(tmp_path), tmp_path, [])
    rules = {row.pop("rule"): row for row in record["rules"]}
    seconds = {"wall_seconds": 30.0, "cpu_seconds": 28.0, "startup_cpu_seconds": 4.0}
    assert rules["train"] == {"jobs": 2, "max_rss_mib": 300.5} | seconds
    assert record["startup_share"] == pytest.approx(5 / 32, abs=1e-4)
    assert (record["cpu_seconds"], record["wall_seconds"], record["seed"]) == (32.0, 34.0, 3)
    assert (record["started"], record["ended"]) == (
        "1970-01-01T00:16:20+00:00",
        "1970-01-01T00:33:20+00:00",
    )


def test_the_commit_is_that_of_the_repository(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    first = provenance({"seed": 0}, str(tmp_path), tmp_path, [])
    assert (first["git_commit"], first["started"]) == (None, None)
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "file").touch()
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert provenance({"seed": 0}, str(tmp_path), tmp_path, [])["git_commit"] == head
    (tmp_path / "site-packages").mkdir()  # an environment inside the repository of another project
    assert (
        provenance({"seed": 0}, str(tmp_path / "site-packages"), tmp_path, [])["git_commit"] is None
    )


def test_devices_and_designs_in_bfloat16_are_those_of_the_members(tmp_path):
    """On a cluster provenance is written where no GPU is."""
    devices = {"b-s1": "A100", "c-s0": "H100", "b-s0": "A100", "d-s0": "A100"}
    for name, device in devices.items():
        precision = "float32" if device == "H100" else "bfloat16"
        Member(name, device=device, precision=precision, design=name[0]).write(
            tmp_path / f"{name}.json"
        )
    told = provenance(
        {"seed": 0}, str(tmp_path), tmp_path, [tmp_path / f"{name}.json" for name in devices]
    )
    assert (told["device"], told["bfloat16"]) == ("A100; H100", ["b", "d"])
