"""The attacks of tests/attacks: each is refused in short lines, or accepted with right results."""

from unittest.mock import Mock

import pytest
from attacks.cases import ACCEPTED, Area, Wrong, outcome
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


@pytest.mark.parametrize(
    ("error", "expected", "kind"),
    [
        (Wrong("values"), ACCEPTED, "silent"),
        (Fault("a: wrong"), "right", "traceback"),
        (KeyError("a"), "", "traceback"),
    ],
)
def test_outcomes(tmp_path, error, expected, kind):
    assert outcome(Area("", Mock(side_effect=error), {"a": (None, expected)}), "a", tmp_path).kind == kind
