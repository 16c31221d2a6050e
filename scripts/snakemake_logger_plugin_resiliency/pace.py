"""How long the jobs of a run take."""

from collections import Counter, defaultdict
from statistics import mean


class Pace:
    """What is left of a run, judged by the jobs of each rule that have finished. All times are in seconds."""

    def __init__(self, start: float):
        self.start = start
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

        A job takes as long as those of its rule did on average; where none has ended, as the other rules' do.
        """
        means = {rule: mean(times) for rule, times in self.spent.items()}
        if not means or now <= self.start:
            return None
        usual = mean(means.values())
        past = [(rule, now - began) for rule, began in self.running.values()]
        expected = sum(count * means.get(rule, usual) for rule, count in self.left.items())
        expected -= sum(min(seconds, means.get(rule, usual)) for rule, seconds in past)
        spent = sum(map(sum, self.spent.values())) + sum(seconds for _, seconds in past)
        return max(expected, 0) * (now - self.start) / spent if spent else None
