"""What a run prints: progress, each failure once, and the report last."""

import logging
from collections import Counter
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_resiliency as console
from snakemake_logger_plugin_resiliency import OTHER, TYPICAL, Pace


@pytest.fixture
def handler(capsys):
    def made(dryrun=False):
        return console.LogHandler(SimpleNamespace(stdout=True, dryrun=dryrun), None)

    return made


def record(message="", level=logging.INFO, event=None, **extra):
    made = logging.LogRecord("snakemake", level, "file", 1, message, None, None)
    vars(made).update(extra | ({"event": event} if event else {}))
    return made


def started(jobid, rule, log, reason="Missing output files: results/a.npy", benchmark=None):
    logs = [str(log)] if log else []
    named = {"jobid": jobid, "rule_name": rule, "log": logs, "reason": reason, "benchmark": benchmark}
    return record(event=LogEvent.JOB_INFO, **named)


def finished(jobid):
    return record(event=LogEvent.JOB_FINISHED, job_id=jobid)


def failed(jobid, rule, log, message=None):
    logs = [str(log), "slurm.log"] if message else [str(log)]
    named = {"jobid": jobid, "rule_name": rule, "log": logs, "rule_msg": message}
    return record("Error in rule", logging.ERROR, LogEvent.JOB_ERROR, **named)


def progress(done, total):
    return record(event=LogEvent.PROGRESS, done=done, total=total)


def test_the_time_left_is_that_of_the_jobs_that_are_left(handler, capsys, tmp_path):
    run = handler()
    run.emit(record("Job stats", event=LogEvent.RUN_INFO, stats={"train": 3, "all": 1, "total": 4}))
    run.start = run.pace.start = run.start - 100
    run.emit(started(1, "train", tmp_path / "resnet18-s0.log"))
    run.pace.running[1] = "train", run.start
    run.written -= 100
    run.emit(finished(1))
    run.emit(progress(1, 4))
    assert capsys.readouterr().out.splitlines()[-1] == "[1/4 jobs, about 3 min 20 s left] train resnet18-s0"


def test_a_run_that_goes_on_judges_by_what_jobs_took_before(handler, tmp_path):
    measured = {"train/a": "200.0", "train/b": "100.0", "predict/a": "NA", "predict/b": "30.0", "conditions/all": "6"}
    measured |= {"compare_members/all": "0.00"}
    for name, seconds in measured.items():
        file = tmp_path / "benchmarks" / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\tcpu_time\n1000\t{seconds}\n", encoding="utf-8")
    (tmp_path / "benchmarks" / "train" / "empty.tsv").touch()
    run = handler()
    run.emit(record("Job stats", event=LogEvent.RUN_INFO, stats={"conditions": 1, "train": 3, "attribute": 5}))
    run.pace.start = 0
    run.emit(started(1, "conditions", None, benchmark=str(tmp_path / "benchmarks" / "conditions" / "all.tsv")))
    run.pace.running[1] = "conditions", 0
    run.pace.end(1, 12, done=True)
    earlier = (200 + 100 + 30 + 6) / (2 * TYPICAL["train"] + TYPICAL["predict"] + OTHER)
    assert run.pace.remaining(12) == pytest.approx(12 / 6 * (3 * 150 + 5 * earlier * TYPICAL["attribute"]))


# Rule, jobs and CPU seconds of a job, in the order of the jobs: a default study.
RECORDED = [("dataset", 1, 2), ("conditions", 1, 1), ("train", 8, 12), ("corrupt", 15, 1), ("train_jointly", 15, 9)]
RECORDED += [("train", 16, 9), ("train_supernet", 1, 13), ("predict", 56, 8)]
RECORDED += [("search", 1, 13), ("attribute", 56, 4), ("pairwise_diversity", 1, 11)]
RECORDED += [("correlate", 1, 13), ("score_ensembles", 1, 24), ("assess_ensembles", 1, 16), ("charts", 1, 17)]


def test_the_time_left_of_a_default_study_is_right_after_a_tenth_of_its_jobs():
    pace, free = Pace(0), [0.0, 0.0]
    jobs = [(rule, seconds) for rule, count, seconds in RECORDED for _ in range(count)]
    pace.left = Counter(rule for rule, _ in jobs)
    spans = []
    for rule, seconds in jobs:
        core = free.index(min(free))
        spans.append((rule, free[core], free[core] + seconds))
        free[core] += seconds
    now = sorted(end for _, _, end in spans)[len(jobs) // 10]
    for number, (rule, start, end) in enumerate(spans):
        if start <= now:
            pace.begin(number, rule, start)
        if end <= now:
            pace.end(number, end, done=True)
    assert pace.remaining(now) == pytest.approx(max(free) - now, rel=0.3)


def test_a_job_that_failed_is_still_left_and_one_that_is_late_counts_for_nothing():
    pace = Pace(0)
    pace.left = Counter(train=3)
    pace.begin(0, "train", 0)
    pace.end(0, 10, done=True)
    pace.begin(1, "train", 10)
    pace.end(1, 15, done=False)
    assert pace.left["train"] == 2
    pace.begin(1, "train", 15)
    pace.end(7, 16, done=True)
    assert pace.remaining(45) == pytest.approx(10 / (40 / 45))


def test_a_failure_is_last_with_its_rule_its_error_and_its_log(handler, capsys, tmp_path):
    log = tmp_path / "resnet18-s0.log"
    log.write_text("epoch 1\nerror: photos/a.jpg: cannot be decoded; replace it\nepilogue\n", encoding="utf-8")
    run = handler()
    run.emit(started(1, "train", log))
    run.emit(failed(1, "train", log))
    run.emit(record("Exiting because a job execution failed. Look below for error messages", logging.ERROR))
    run.emit(record("Complete log(s): a.log"))
    run.close()
    assert capsys.readouterr().out.splitlines() == [
        f"failed: train resnet18-s0; log: {log}",
        "Complete log(s): a.log",
        "",
        "1 job failed. Finished results are kept; run the same command again to resume.",
        "rule train: error: photos/a.jpg: cannot be decoded; replace it",
        f"  log: {log}",
    ]


def test_a_job_that_succeeds_when_tried_again_has_not_failed(handler, capsys, tmp_path):
    run, log = handler(), tmp_path / "none.log"
    run.emit(failed(1, "train", log))
    run.emit(started(1, "train", log))
    run.emit(finished(1))
    run.emit(progress(1, 1))
    run.close()
    assert capsys.readouterr().out.splitlines() == [f"failed: train none; log: {log}", "[1/1 jobs] train none"]


@pytest.mark.parametrize(
    "message",
    [
        "Report: results/digits/report.html",
        "Export: results/digits/export",
        "No report: it is not among the targets of this run",
    ],
)
def test_the_report_or_that_there_is_none_is_the_last_line(handler, capsys, message):
    run = handler()
    run.emit(record(message))
    run.emit(record("Complete log(s): a.log"))
    run.start -= 3720
    run.close()
    assert capsys.readouterr().out.splitlines() == ["Complete log(s): a.log", "", f"Done in 1 h 2 min. {message}"]


CODE, OLD_CODE, FILES, OLD_FILES = ("0123456789abcdef", "1123456789abcdef", "2123456789abcdef", "3123456789abcdef")


def params_changed(before: str, now: str) -> str:
    """Why Snakemake runs a job whose parameters are others."""
    union = "Union of exclusive params before and now across all output"
    return f"Params have changed since last execution: {union}: before: {before} now: {now} "


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("200", "300", "the study changed"),
        ("{'epochs': 2}", "{'epochs': 3}", "the study changed"),
        ("<nothing exclusive>", "['a.csv']", "the study changed"),
        (f"'{OLD_CODE}'", f"'{CODE}'", "code changed"),
        (f"'{OLD_CODE}{OLD_CODE}'", f"'{CODE}{CODE}'", "code changed"),
        (f"'{OLD_FILES}'", f"'{FILES}'", "files from outside changed"),
        (f"'{OLD_CODE}',200", f"'{CODE}',300", "the study and code changed"),
        (f"'{OLD_FILES}','{OLD_CODE}'", f"'{CODE}','{FILES}'", "code and files from outside changed"),
    ],
)
def test_a_dry_run_says_whether_study_code_or_files_changed(handler, capsys, monkeypatch, before, now, said):
    monkeypatch.setattr(console, "CODES", {CODE, CODE + CODE})
    run, keys = handler(dryrun=True), "Changed in the study:\n  training.epochs: 2 -> 3"
    run.emit(record(keys))
    run.emit(record("Job stats:\ntable", event=LogEvent.RUN_INFO, stats={}))
    run.emit(started(1, "train", None))
    run.emit(started(2, "train", None))
    run.emit(started(3, "charts", None, params_changed(before, now)))
    run.emit(record("Some jobs were triggered by provenance information, see 'reason' section in the rule displays."))
    run.close()
    assert capsys.readouterr().out.splitlines() == [
        *("Job stats:", "table", "", *keys.splitlines(), "", "Reasons:"),
        *("  missing output files: 2 × train", f"  {said}: 1 × charts"),
    ]
