"""What a fault says."""

import pytest

from resiliency.faults import Fault


def fault_of(function, *arguments) -> str:
    """The message, which is one line, of the fault that a call of the function raises."""
    with pytest.raises(Fault) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message
