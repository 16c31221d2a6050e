"""A console for runs of hundreds of jobs: finished jobs, time to the end, and each failure once.

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
from statistics import mean

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

LEAST_PAUSE, MOST_PAUSE = 5, 60  # seconds between two lines of progress, which grow with the time that has passed
SILENCE = 30  # seconds without a line before the last words of running jobs are shown
NAMED = 6
LONGEST = 160
CHANGED = "Changed in the study:"  # and the keys, a line each
FINGERPRINT = re.compile(r"'([0-9a-f]{16,})'")  # of code or of outside files, as a parameter of a rule
CODES: set[str] = set()  # present fingerprints of code, which the rules note here
NOTHING = "<nothing exclusive>"  # Snakemake's text for no parameter
KEPT_BACK = ("Report: ", "Export: ", "No report: ")  # always the last line
UNSAID = ("CPU seconds: ",)  # lines of logs that say nothing about how far a job is
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
        """Show the last words of running jobs while nothing else is written."""
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
        """Write the end: for a dry run, why stages run; the failed jobs, or the place of the report."""
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
    """A name such as "train resnet18-s0": the rule, and the job's name in its log."""
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


# CPU seconds of a job of each rule in the default study (tests/benchmarks/pace.py): only their ratios count.
TYPICAL = {
    "all": 0,
    "assess_ensembles": 16,
    "attribute": 4,
    "gallery": 4,
    "charts": 17,
    "choose_ensembles": 16,
    "correlate": 13,
    "corrupt": 1,
    "leave_out_images": 7,
    "pairwise_diversity": 11,
    "predict": 9,
    "score_ensembles": 24,
    "search": 14,
    "train": 10,
    "train_jointly": 9,
    "train_supernet": 13,
}
OTHER = 2  # seconds of a job of any other rule


def usual_times(benchmarks: Path) -> dict[str, float]:
    """Rule -> CPU seconds of a job: as in earlier runs of this study, else as in the default study, in proportion.

    Args:
        benchmarks: folder of Snakemake's benchmark files, `<rule>/<job>.tsv`; it may be missing.
    """
    earlier = defaultdict(list)
    for file in benchmarks.glob("*/*.tsv"):
        if seconds := _cpu_time(file):
            earlier[file.parent.name].append(seconds)
    there = sum(TYPICAL.get(rule, OTHER) * len(times) for rule, times in earlier.items())
    slower = sum(map(sum, earlier.values())) / there if there else 1
    default = {rule: slower * seconds for rule, seconds in TYPICAL.items()}
    return default | {rule: mean(times) for rule, times in earlier.items()}


def _cpu_time(file: Path) -> float:
    """The CPU seconds in a benchmark file; 0 if there are none, because the job was too short."""
    try:
        names, values = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[:2])
        return float(dict(zip(names, values, strict=True))["cpu_time"])
    except (OSError, ValueError, KeyError):
        return 0


class Pace:
    """The remaining time of a run, estimated from the finished jobs of each rule, in seconds."""

    def __init__(self, start: float):
        self.start = start
        self.usual: dict[str, float] = TYPICAL
        self.left: Counter[str] = Counter()  # rule -> jobs that have not finished
        self.running: dict[int, tuple[str, float]] = {}  # job -> its rule, and when it began
        self.spent: defaultdict[str, list[float]] = defaultdict(list)  # rule -> what its jobs took

    def begin(self, job: int, rule: str, now: float) -> None:
        self.running[job] = rule, now

    def end(self, job: int, now: float, done: bool) -> None:
        """A job is over; unless it is `done`, it is to be run again."""
        rule, began = self.running.pop(job, ("", now))
        if done and rule:
            self.spent[rule].append(now - began)
            self.left[rule] -= 1

    def remaining(self, now: float) -> float | None:
        """The time to the end of the run, with as many jobs at a time as until now; None before the first has ended.

        A job takes as long as those of its rule did on average. Where none has ended, it takes as long as is usual,
        times how much longer than that the jobs that have ended took.
        """
        means = {rule: mean(times) for rule, times in self.spent.items()}
        if not means or now <= self.start:
            return None
        usual = sum(self.usual.get(rule, OTHER) * len(times) for rule, times in self.spent.items())
        slower = sum(map(sum, self.spent.values())) / usual
        means |= {rule: slower * self.usual.get(rule, OTHER) for rule in {*self.left, *self._begun()} - means.keys()}
        past = [(rule, now - began) for rule, began in self.running.values()]
        expected = sum(count * means[rule] for rule, count in self.left.items())
        expected -= sum(min(seconds, means[rule]) for rule, seconds in past)
        spent = sum(map(sum, self.spent.values())) + sum(seconds for _, seconds in past)
        return max(expected, 0) * (now - self.start) / spent if spent else None

    def _begun(self) -> set[str]:
        return {rule for rule, _ in self.running.values()}
