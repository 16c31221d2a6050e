"""Networks whose answers no stage can use are refused before the first job."""

import pytest
from attacks.cases import outcome
from attacks.networks import networks

PLAIN = [case for case in networks() if case.name.startswith("plain: ")]


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name.removeprefix("plain: "))
def test_networks_are_refused_for_their_answers_or_accepted(case, tmp_path):
    result = outcome(case, tmp_path)
    assert result.kind == ("accepted" if case.message is None else "refused"), result.detail
