"""What a run prints: progress, and each failure once."""

import logging
import time
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_resiliency as console


def handler():
    return console.LogHandler(SimpleNamespace(stdout=True, dryrun=False), None)


def record(message="", level=logging.INFO, event=None, **extra):
    made = logging.LogRecord("snakemake", level, "file", 1, message, None, None)
    vars(made).update(extra | ({"event": event} if event else {}))
    return made


def started(jobid, rule, log):
    return record(
        event=LogEvent.JOB_INFO,
        jobid=jobid,
        rule_name=rule,
        log=[str(log)],
        reason="",
        benchmark=None,
    )


def failed(jobid, rule, log):
    named = {"jobid": jobid, "rule_name": rule, "log": [str(log)], "rule_msg": None}
    return record("Error in rule", logging.ERROR, LogEvent.JOB_ERROR, **named)


def test_the_time_left_is_that_of_the_jobs_that_are_left(capsys, tmp_path):
    run = handler()
    run.emit(record("Job stats", event=LogEvent.RUN_INFO, stats={"train": 3, "all": 1, "total": 4}))
    run.start -= 100
    run.emit(started(1, "train", tmp_path / "resnet18-s0.log"))
    run.running[1] = run.running[1][0], run.start
    run.written -= 100
    run.emit(record(event=LogEvent.JOB_FINISHED, job_id=1))
    run.emit(record(event=LogEvent.PROGRESS, done=1, total=4))
    run.emit(record("Select jobs to execute..."))
    assert capsys.readouterr().out.splitlines()[-1] == "[1/4 jobs, about 0:03:20 left] 1 × train"


def test_no_time_is_given_while_most_work_is_of_rules_of_which_no_job_has_ended():
    run = handler()
    run.left.update(train=2, predict=10, report=1)
    run.spent["train"] = [100, 100]
    now = run.start + 100
    assert run.remaining(now) is None
    run.left.update(train=10)
    slower = 100 / console.TYPICAL["train"]
    others = 10 * slower * console.TYPICAL["predict"] + slower * 1
    assert run.remaining(now) == pytest.approx((12 * 100 + others) * 100 / 200)


def test_a_failure_is_last_with_its_rule_its_error_and_its_log(capsys, tmp_path):
    """A job that succeeds when it is tried again has not failed."""
    log = tmp_path / "resnet18-s0.log"
    log.write_text(
        "epoch 1\nerror: photos/a.jpg: cannot be decoded; replace it\nepilogue\n", encoding="utf-8"
    )
    run = handler()
    run.emit(started(1, "train", log))
    run.emit(failed(1, "train", log))
    run.emit(failed(2, "train", tmp_path / "again.log"))
    run.emit(started(2, "train", tmp_path / "again.log"))
    run.emit(record(event=LogEvent.JOB_FINISHED, job_id=2))
    run.emit(
        record(
            "Exiting because a job execution failed. Look below for error messages", logging.ERROR
        )
    )
    run.emit(record("Complete log(s): a.log"))
    run.close()
    assert capsys.readouterr().out.splitlines() == [
        f"failed: train; log: {log}",
        f"failed: train; log: {tmp_path / 'again.log'}",
        "Exiting because a job execution failed. Look below for error messages",
        "Complete log(s): a.log",
        "[0/0 jobs] 1 × train",
        "",
        "Failed: 1. Finished results are kept; run the same command to resume.",
        "rule train: error: photos/a.jpg: cannot be decoded; replace it",
        f"  log: {log}",
    ]


def test_a_silent_run_says_what_its_jobs_said_last(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "SILENCE", 0)
    log = tmp_path / "resnet18-s0.log"
    log.write_text("[3/25, 40 s left] training loss 0.2\n", encoding="utf-8")
    run = handler()
    run.emit(started(1, "train", log))
    end, out = time.monotonic() + 60, ""
    while "left" not in out and time.monotonic() < end:
        time.sleep(0.05)
        out += capsys.readouterr().out
    run.close()
    assert f"  {log}: [3/25, 40 s left] training loss 0.2\n" in out
