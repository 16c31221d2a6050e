"""A console for runs of hundreds of jobs: finished jobs, time to the end, and each failure once.

Snakemake finds this module by its name, and `profiles/default` asks for it (`logger:
[resiliency]`).
"""

import logging
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from statistics import mean

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

PAUSE = 10  # seconds between two lines of progress
SILENCE = 30  # seconds without a line before the last words of running jobs are shown
# Seconds of a job of each rule in the default study, of which only the ratios count.
TYPICAL = {
    "train": 2.7,
    "train_jointly": 3.6,
    "train_supernet": 6.4,
    "search": 11,
    "attribute": 0.6,
    "predict": 2.3,
}
TYPICAL |= {
    "pairwise_diversity": 4.6,
    "score_ensembles": 7,
    "choose_ensembles": 10,
    "assess_ensembles": 27,
}
TYPICAL |= {
    "correlate": 6,
    "observe": 6,
    "leave_out_images": 2,
    "choose_members": 4,
    "charts": 12,
    "gallery": 1,
}
TYPICAL |= {"corrupt": 0.2, "all": 0}


class LogHandler(LogHandlerBase):
    """Writes a line for jobs that have finished, at most every few seconds, and at the end the jobs
    that failed."""

    writes_to_stream = True
    writes_to_file = has_filter = has_formatter = needs_rulegraph = False

    def __post_init__(self) -> None:
        self.start = self.written = time.monotonic()
        # Job -> what it is, and when it began.
        self.running: dict[int, tuple[logging.LogRecord, float]] = {}
        self.failed: dict[int, logging.LogRecord] = {}
        # Rule -> jobs that have finished since the last line.
        self.finished: Counter[str] = Counter()
        self.left: Counter[str] = Counter()  # rule -> jobs that have not finished
        # Rule -> seconds of its finished jobs.
        self.spent: defaultdict[str, list[float]] = defaultdict(list)
        # Reason -> rule -> jobs.
        self.reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.done = self.total = 0
        self.last, self.ended = "", threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self._write(record.getMessage())
            self.left = Counter(record.stats)
            self.total = self.left.pop("total", 0)
        elif event == LogEvent.JOB_INFO:
            self.running[record.jobid] = record, time.monotonic()
            self.reasons[record.reason.partition(":")[0].rstrip(".").lower()][record.rule_name] += 1
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.running:
            job, began = self.running.pop(record.job_id)
            self.failed.pop(record.job_id, None)
            self.left[job.rule_name] -= 1
            self.spent[job.rule_name].append(time.monotonic() - began)
            self.finished[job.rule_name] += 1
        elif event == LogEvent.JOB_ERROR:
            self.running.pop(record.jobid, None)
            self.failed[record.jobid] = record
            self._write(f"failed: {record.rule_name}; log: {', '.join(record.log) or 'none'}")
        elif event == LogEvent.PROGRESS:
            self.done, self.total = record.done, record.total
            if self.done == self.total or time.monotonic() - self.written >= PAUSE:
                self._tell_finished()
        elif hasattr(record, "last"):
            self.last = record.getMessage()
        elif event in (None, LogEvent.ERROR) and (
            record.levelno > logging.INFO or self.done == self.total
        ):
            self._write(record.getMessage())

    def _tell_finished(self) -> None:
        if self.finished:
            left = self.remaining(time.monotonic())
            left = f", about {timedelta(seconds=round(left))} left" if left else ""
            self._write(f"[{self.done}/{self.total} jobs{left}] {_jobs(self.finished)}")
        self.finished.clear()

    def remaining(self, now: float) -> float | None:
        """Estimate the seconds to the end; None if most of the work is of rules of which no job has
        ended.

        A job takes as long as those of its rule did on average, or as in the default study, in
        proportion.
        """
        usual = sum(TYPICAL.get(rule, 1) * len(times) for rule, times in self.spent.items())
        spent = sum(map(sum, self.spent.values()))
        known = sum(self.left[rule] * mean(times) for rule, times in self.spent.items())
        others = sum(
            TYPICAL.get(rule, 1) * count
            for rule, count in self.left.items()
            if rule not in self.spent
        )
        others *= spent / max(usual, 1)
        past = sum(now - began for _, began in self.running.values())
        return (
            max(known + others - past, 0) * (now - self.start) / (spent + past)
            if known > others
            else None
        )

    def _watch(self) -> None:
        """Show the last words of running jobs while nothing else is written."""
        while not self.ended.wait(1):
            if self.running and time.monotonic() - self.written >= SILENCE:
                with self.lock:
                    self._tell_finished()
                    for job, _ in list(self.running.values()):
                        self._write(f"  {', '.join(job.log)}: {_lines(job)[-1][:160]}")

    def _write(self, text: str) -> None:
        self.written = time.monotonic()
        print(text, file=sys.stdout if self.common_settings.stdout else sys.stderr, flush=True)

    def close(self) -> None:
        """Write the end: for a dry run, why stages run; the failed jobs, or the place of the
        report."""
        if self.ended.is_set():
            return
        self.ended.set()
        if self.common_settings.dryrun and self.reasons:
            self._write(
                "\n".join(
                    [
                        "\nReasons:",
                        *(f"  {why}: {_jobs(rules)}" for why, rules in self.reasons.items()),
                    ]
                )
            )
            of_rules = {job.rule_name: job for job, _ in self.running.values() if job.log}
            if table := _requests(list(of_rules.values())):
                self._write(table)
        self._tell_finished()
        if self.failed:
            self._write(
                f"\nFailed: {len(self.failed)}. Finished results are kept; run the same command to "
                "resume."
            )
        for job in self.failed.values():
            error = next(
                (line for line in reversed(_lines(job)) if line.startswith("error:")),
                _lines(job)[-1],
            )
            self._write(f"rule {job.rule_name}: {error}\n  log: {', '.join(job.log) or 'none'}")
        if self.last:
            self._write(
                f"\nDone in {timedelta(seconds=round(time.monotonic() - self.start))}. {self.last}"
            )
        super().close()


def _jobs(rules: Counter[str]) -> str:
    return ", ".join(f"{count} × {rule}" for rule, count in rules.items())


def _requests(jobs: list[logging.LogRecord]) -> str:
    """What jobs ask a SLURM cluster for, a line per rule; nothing without a partition."""
    rows = [("rule", "partition", "memory", "time", "CPUs", "GPUs")]
    for job in jobs:
        asked = job.resources
        if partition := asked.get("slurm_partition"):
            amounts = (
                f"{asked.get('mem_mb')} MB",
                f"{asked.get('runtime')} min",
                job.threads,
                asked.get("gpu", 0),
            )
            rows.append((job.rule_name, str(partition), *map(str, amounts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return (
        "\n".join(["\nEach job asks for:", *(f"  {line}" for line in lines)])
        if len(rows) > 1
        else ""
    )


def _lines(job: logging.LogRecord) -> list[str]:
    log = Path(next(iter(job.log), "no log"))
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return [line.strip() for line in text.splitlines() if line.strip()] or ["nothing logged yet"]
