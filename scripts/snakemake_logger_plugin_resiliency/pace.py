"""How long the jobs of a run take."""

from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean

# CPU seconds of a job of each rule in the default study (tests/benchmarks/pace.py): only their ratios count.
TYPICAL = {
    "all": 0,
    "assess_ensembles": 16,
    "attribute": 4,
    "attribution_gallery": 4,
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
        benchmarks: the folder of Snakemake's benchmark files, `<rule>/<job>.tsv`; it may be missing.
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
    """The CPU seconds that a benchmark file tells; 0 where it tells none, as where a job was too short."""
    try:
        names, values = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[:2])
        return float(dict(zip(names, values, strict=True))["cpu_time"])
    except (OSError, ValueError, KeyError):
        return 0


class Pace:
    """What is left of a run, judged by the jobs of each rule that have finished. All times are in seconds."""

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
        """The time to the end of the run, if as many jobs go on at a time as by now; None before the first has ended.

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
