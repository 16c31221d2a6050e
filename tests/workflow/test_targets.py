"""A run of some of the targets."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


COUNTED = """
import sys, threading
from snakemake.cli import main

class Timer(threading.Timer):
    def start(self):
        print("timer")
        super().start()

threading.Timer = Timer
main(sys.argv[1:])
"""


def test_jobs_that_end_leave_no_timers_behind(tmp_path):
    """Each would have the scheduler look at all ready jobs again, every second to the end of the run."""
    card = "results/tiny/data/card.json"
    arguments = ["--cores", "1", "--directory", tmp_path, "--configfile", "studies/tiny.yaml", "--", card]
    command = [sys.executable, "-c", COUNTED, *map(str, arguments)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (tmp_path / card).is_file(), run.stderr
    assert "timer" not in run.stdout
