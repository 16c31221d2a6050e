"""A console for runs of hundreds of jobs: what was finished, how long it will take, and each failure once.

Snakemake finds this module by its name, and `profiles/default` asks for it (`logger: [resiliency]`). Snakemake's own
log of the run, with every job, is the file that it names at the end.
"""

import re
import sys
import threading
import time
from collections import Counter, defaultdict
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_resiliency.pace import Pace, usual_times

LEAST_PAUSE, MOST_PAUSE = 5, 60  # seconds between two lines of progress, which grow with the time that has passed
SILENCE = 30  # seconds without a line before it is told what running jobs say
NAMED = 6
LONGEST = 160
CHANGED = "Changed in the study:"  # and the keys, a line each
FINGERPRINT = re.compile(r"'([0-9a-f]{16,})'")  # of code or of files from outside, as a parameter of a rule
CODES: set[str] = set()  # present fingerprints of code, which the rules note here
NOTHING = "<nothing exclusive>"  # what Snakemake writes for no parameter
KEPT_BACK = ("Report: ", "Export: ", "No report: ")  # stands below everything else
UNSAID = ("CPU seconds: ", "precision: ")  # lines of logs that say nothing about how far a job is
ROUTINE = (
    *("Assuming unrestricted shared filesystem", "Building DAG of jobs", "Using shell", "Select jobs to execute"),
    *("host:", "Elapsed time", "Conda environments: ignored", "Rules claiming more threads", "Provided cores"),
    *("Provided resources", "Exiting because a job execution failed", "Reasons:", "    (check individual jobs above"),
    *(
        "Some jobs were triggered by provenance information",
        "Rules with provenance triggered jobs",
        "This was a dry-run",
    ),
    *("Removing output files of failed job", "At least one job did not complete successfully"),
)


class LogHandler(LogHandlerBase):
    """Writes a line for jobs that have finished, at most every few seconds, and at the end the jobs that failed."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.start = self.written = time.monotonic()
        self.stream = sys.stdout if self.common_settings.stdout else sys.stderr
        self.running: dict[int, tuple[str, str]] = {}
        self.failed: dict[int, LogRecord] = {}
        self.finished: list[str] = []
        self.reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)  # reason -> rule -> jobs
        self.done = self.total = 0
        self.pace = Pace(self.start)
        self.informed = False
        self.timed = False  # whether it is known how long the jobs of earlier runs took
        self.last: list[str] = []
        self.changed = ""
        self.ended = threading.Event()
        if not self.common_settings.dryrun:
            threading.Thread(target=self._watch, daemon=True).start()

    def emit(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        handle = {
            LogEvent.RUN_INFO: self._run_info,
            LogEvent.JOB_INFO: self._job_info,
            LogEvent.JOB_FINISHED: self._job_finished,
            LogEvent.JOB_ERROR: self._job_error,
            LogEvent.PROGRESS: self._progress,
        }.get(event)
        if handle:
            handle(record)
        elif event in (None, LogEvent.ERROR) and record.getMessage():
            self._message(record)

    def _message(self, record: LogRecord) -> None:
        message = record.getMessage()
        if message.startswith(CHANGED) and self.common_settings.dryrun:
            self.changed = message
        elif message.startswith(KEPT_BACK):
            self.last.append(message)
        elif not message.startswith(ROUTINE):
            self._write(message)

    def _run_info(self, record: LogRecord) -> None:
        if not self.informed:
            self._write(record.getMessage())
        self.informed = True
        self.pace.left = Counter({rule: count for rule, count in record.stats.items() if rule != "total"})

    def _job_info(self, record: LogRecord) -> None:
        self.running[record.jobid] = (_name(record.rule_name, record.log), next(iter(record.log), ""))
        self.reasons[_why(record.reason)][record.rule_name] += 1
        self.pace.begin(record.jobid, record.rule_name, time.monotonic())
        if not self.timed and record.benchmark:
            self.timed, self.pace.usual = True, usual_times(Path(record.benchmark).parents[1])

    def _job_finished(self, record: LogRecord) -> None:
        self.failed.pop(record.job_id, None)
        self.pace.end(record.job_id, time.monotonic(), done=True)
        name, log = self.running.pop(record.job_id, ("", ""))
        if log:
            self.finished.append(name)

    def _job_error(self, record: LogRecord) -> None:
        self.running.pop(record.jobid, None)
        self.pace.end(record.jobid, time.monotonic(), done=False)
        self.failed[record.jobid] = record
        self._write(f"failed: {_name(record.rule_name, record.log)}; log: {', '.join(record.log) or 'none'}")

    def _progress(self, record: LogRecord) -> None:
        self.done, self.total = record.done, record.total
        pause = min(max((time.monotonic() - self.start) / 20, LEAST_PAUSE), MOST_PAUSE)
        if self.done == self.total or time.monotonic() - self.written >= pause:
            self._tell_finished()

    def _tell_finished(self) -> None:
        if self.finished:
            more = f" and {len(self.finished) - NAMED} more" if len(self.finished) > NAMED else ""
            self._write(f"[{self.done}/{self.total} jobs{self._left()}] {', '.join(self.finished[:NAMED])}{more}")
        self.finished.clear()

    def _left(self) -> str:
        seconds = self.pace.remaining(time.monotonic())
        return "" if seconds is None or self.done == self.total else f", about {_duration(seconds)} left"

    def _watch(self) -> None:
        """While nothing else is written, tell what the running jobs said last."""
        while not self.ended.wait(1):
            if time.monotonic() - self.written >= SILENCE:
                with self.lock:
                    self._tell_finished()
                    for name, log in list(self.running.values()):
                        if line := _last_line(log):
                            self._write(f"  {name}: {line}")
                    self.written = time.monotonic()

    def _write(self, text: str) -> None:
        self.written = time.monotonic()
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Write what stands at the end: why stages run, of a dry run; the jobs that failed, or where the report is."""
        if self.ended.is_set():
            return
        self.ended.set()
        if self.common_settings.dryrun and self.reasons:
            if self.changed:
                self._write(f"\n{self.changed}")
            self._write("\nReasons:")
            for why, rules in self.reasons.items():
                self._write(f"  {why}: " + ", ".join(f"{count} × {rule}" for rule, count in rules.items()))
        self._tell_finished()
        if self.failed:
            count = f"{len(self.failed)} job" + "s" * (len(self.failed) > 1)
            self._write(f"\n{count} failed. Finished results are kept; run the same command again to resume.")
        for record in self.failed.values():
            self._write(f"rule {record.rule_name}: {_error(next(iter(record.log), ''))}")
            if record.rule_msg:
                self._write(f"  {' '.join(record.rule_msg.split())}")
            self._write(f"  log: {', '.join(record.log) or 'none'}")
        for message in self.last:
            self._write(f"\nDone in {_duration(time.monotonic() - self.start)}. {message}")
        super().close()


def _name(rule: str, logs: list[str]) -> str:
    """Such as "train resnet18-s0": the rule, and the job's name as its log has it."""
    stem = Path(next(iter(logs), "all")).stem
    return rule if stem == "all" else f"{rule} {stem}"


def _why(reason: str) -> str:
    """The kind of a reason, without the files that it names; of changed parameters, whether code or study changed."""
    kind, _, named = (part.strip() for part in reason.partition(":"))
    if not kind.startswith("Params have changed"):
        return kind.rstrip(".").lower() or "no reason given"
    before, _, now = named.partition(": before: ")[2].partition(" now: ")
    others = [text for text in (before, now) if FINGERPRINT.sub("", text.replace(NOTHING, "")).strip(" ,")]
    present = set(FINGERPRINT.findall(now))
    changed = ["the study"] if others else []
    changed += ["code"] if present & CODES else []
    changed += ["files from outside"] if present - CODES else []
    return f"{' and '.join(changed) or 'parameters'} changed"


def _lines(log: str) -> list[str]:
    try:
        return [
            line.strip()
            for line in Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
            if line.strip()
        ]
    except OSError:
        return []


def _last_line(log: str) -> str:
    return next((line for line in reversed(_lines(log)) if not line.startswith(UNSAID)), "")[:LONGEST]


def _error(log: str) -> str:
    """The line of a log that says what was wrong: its last one that begins with "error:", or its last one."""
    lines = _lines(log) or ["no log; the job may never have started"]
    return next((line for line in reversed(lines) if line.startswith("error:")), lines[-1])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
