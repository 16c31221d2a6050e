"""What every script does around its work: its log, its exit status and the account of its time."""

import json
import os
import subprocess
import sys

import pytest
from edits import edited_job

from resiliency.base.machine import spent_in
from resiliency.study.stage import BEGUN, CHECKED

JOB = """
from types import SimpleNamespace
from resiliency.study.stage import stage
job = SimpleNamespace(log=[{!r}], input=[], output=[], params=SimpleNamespace(code=""))
"""


def run(tmp_path, body: str, imports: str = "") -> tuple[subprocess.CompletedProcess, str]:
    """Run a script whose stage has `body`; what came of it, and its log."""
    script, log = tmp_path / "script.py", tmp_path / "logs" / "rule" / "job.log"
    imports += "\nfrom resiliency.base.faults import Fault, Progress"
    script.write_text(f"{imports}\n{JOB.format(str(log))}with stage(job):\n    {body}\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    return done, log.read_text()


def test_a_fault_is_one_line_in_the_log(tmp_path):
    done, log = run(tmp_path, "raise Fault('a.npy: cut short')")
    assert log == "error: a.npy: cut short\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert spent_in(tmp_path / "logs" / "rule" / "job.log") is None


def test_success_logs_all_output_and_what_it_took(tmp_path):
    body = (
        "print('said'); sys.stderr.write('warned\\n'); os.write(1, b'compiled\\n'); "
        "os.system('echo child')"
    )
    body += "; held = b'1' * 300_000_000; time.sleep(0.5)"
    done, log = run(tmp_path, body, imports="import os, sys, time")
    assert sorted(log.splitlines()[:4]) == ["child", "compiled", "said", "warned"]
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    taken = spent_in(tmp_path / "logs" / "rule" / "job.log")
    assert 0 <= taken["startup_cpu_seconds"] <= taken["cpu_seconds"]
    assert taken["wall_seconds"] >= 0.5
    assert 300e6 / 2**20 < taken["max_rss_mib"] < 1000


@pytest.mark.parametrize("checked", ["1", ""])
@pytest.mark.parametrize("path", ["tables/histories.csv", "histories.csv"])
def test_tests_refuse_a_table_of_a_study_that_is_not_as_described(
    tmp_path, monkeypatch, checked, path
):
    monkeypatch.setenv(CHECKED, checked)
    table = tmp_path / path
    table.parent.mkdir(exist_ok=True)
    body = f"job.output.append({str(table)!r}); Path(job.output[0]).write_text('epoch\\n0\\n')"
    done, log = run(tmp_path, body, imports="from pathlib import Path")
    refused = bool(checked) and path.startswith("tables/")
    fault = f"{table}: not as tables.yaml describes it: epoch: 0, expected whole number, from 1"
    assert (done.returncode, fault in log) == (int(refused), refused)


def test_networks_compute_in_as_many_threads_on_any_number_of_cores(tmp_path, monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "4")  # as Snakemake sets them for a job of four threads
    body = (
        "print(torch.get_num_threads(), *{library['num_threads'] for library in threadpool_info()})"
    )
    _, log = run(
        tmp_path, body, imports="import torch, numpy\nfrom threadpoolctl import threadpool_info"
    )
    assert log.splitlines()[0] == "1 1"


def test_a_second_process_of_the_same_job_waits_for_the_first(tmp_path):
    script, log, order = tmp_path / "script.py", tmp_path / "job.log", tmp_path / "order"
    script.write_text(
        f"import sys\nfrom pathlib import Path\n{JOB.format(str(log))}"
        f"with stage(job), Path({str(order)!r}).open('a') as order:\n"
        "    print(sys.argv[1], file=order, flush=True)\n    sys.stdin.read()\n    print('by', "
        "sys.argv[1])\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first = subprocess.Popen([sys.executable, script, "first"], **pipes)
    while not order.exists() or not order.read_text():
        assert first.poll() is None
    second = subprocess.Popen([sys.executable, script, "second"], **pipes)
    assert (
        second.stdout.readline()
        == f"{log}: another process is running this job; waiting for it to finish\n"
    )
    assert order.read_text() == "first\n"
    first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert order.read_text() == "first\nsecond\n"
    assert log.read_text().startswith("by second\n")


WRITE = "(library / '{}').write_text('def {}(*_): return 0')"
REFUSED = "error: job.py: this job has other code than the run began with, and the library from "


@pytest.mark.parametrize(
    ("edit", "body", "begun", "said"),
    [
        ("def stream(*_): return 0", "", {}, REFUSED),
        ("# a comment", "", {}, "done"),
        ("", WRITE.format("base/streams.py", "stream"), {}, "done"),  # it has been imported
        ("", WRITE.format("metrics/classification.py", "cost_matrix"), {}, "done 0\n" + REFUSED),
        # The fingerprint of another machine is that of the edited code.
        ("", "", {"job": "0" * 16}, REFUSED),
    ],
)
def test_a_job_that_imports_what_was_edited_since_the_run_began_is_refused(
    tmp_path, edit, body, begun, said
):
    script = edited_job(tmp_path, edit, body)
    environment = os.environ | {BEGUN: json.dumps(begun)}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=False)
    log = (tmp_path / "job.log").read_text()
    assert (REFUSED in log, done.returncode) == (REFUSED in said, int(REFUSED in said)), log
    assert said.startswith("done") == log.startswith("done"), log
