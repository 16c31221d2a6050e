"""Memory that is freed is kept."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from resiliency.devices.gpus import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(30):
    b"x" * 40_000_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*arguments: str) -> int:
    return int(subprocess.run([sys.executable, "-c", FAULTS, *arguments], capture_output=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library has no mallopt")
def test_blocks_made_and_freed_in_turn_take_their_pages_once():
    assert page_faults("keep") < page_faults() / 5
