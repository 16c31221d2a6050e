"""What a fault says."""

from collections.abc import Callable

import pytest

from resiliency.base.faults import Fault


def lines_of(function: Callable, *arguments: object, **named: object) -> list[str]:
    """The lines of the fault that a call of the function raises."""
    with pytest.raises(Fault) as caught:
        function(*arguments, **named)
    return str(caught.value).splitlines()


def fault_of(function: Callable, *arguments: object, **named: object) -> str:
    """The message, which is one line, of the fault that a call of the function raises."""
    (line,) = lines_of(function, *arguments, **named)
    return line
