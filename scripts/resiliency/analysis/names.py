"""Names of members."""

import re

LAST = re.compile(r"-[sm]\d+$")


def design_of(member: str) -> str:
    """The design of a member: its name without a last `-s0` (of seeds) or `-m0` (of members trained jointly)."""
    return LAST.sub("", member)
