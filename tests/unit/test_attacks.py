"""The attacks of tests/attacks: each is refused in short lines, or accepted with right results."""

from unittest.mock import Mock

import pytest
from attacks.cases import Area, Wrong, outcome
from attacks.table import AREAS

from resiliency.base.faults import Fault

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_what_is_spoilt_is_refused_in_words(area, tmp_path, monkeypatch, capsys):
    odd = {}
    for index, name in enumerate(area.table):
        folder = tmp_path / str(index)
        folder.mkdir()
        monkeypatch.chdir(folder)
        result = outcome(area, name, folder)
        odd |= {name: result} if result.kind in ("silent", "traceback") else {}
    assert odd == {}


def test_outcomes(tmp_path):
    for error, kind in (
        (Wrong("values"), "silent"),
        (Fault("a: wrong"), "traceback"),
        (KeyError("a"), "traceback"),
    ):
        assert (
            outcome(Area("", Mock(side_effect=error), {"a": (None, "right")}), "a", tmp_path).kind
            == kind
        )
