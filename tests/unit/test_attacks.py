"""A sample of the attacks of tests/benchmarks/attack.py; unit tests of each part try the others."""

import threading
from random import Random

import pytest
from attacks.areas import AREAS
from attacks.cases import Case, outcome
from attacks.networks import networks

from resiliency.base.faults import Fault

# Areas that unit tests of the part try as a whole.
WHOLE = ("factories", "study files", "folders", "weights", "ages", "damaged results")
FAST = [area for area in AREAS if area.name not in WHOLE]
MOST = 60  # cases of an area
PLAIN = [case for case in networks() if case.name.startswith("plain: ")]


@pytest.mark.parametrize("area", FAST, ids=lambda area: area.name)
def test_what_is_spoilt_is_refused_in_words(area, tmp_path, monkeypatch, capsys):
    odd, cases = [], list(area.cases())
    for index, case in enumerate(Random(0).sample(cases, min(len(cases), MOST))):
        folder = tmp_path / str(index)
        folder.mkdir()
        monkeypatch.chdir(folder)
        result = outcome(case, folder)
        odd += [(case.name, result)] if result.kind in ("silent", "traceback") else []
    assert odd == []
    assert [thread.name for thread in threading.enumerate() if "serve_forever" in thread.name] == []


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name.removeprefix("plain: "))
def test_networks_are_refused_for_their_answers_or_accepted(case, tmp_path):
    result = outcome(case, tmp_path)
    assert result.kind == ("accepted" if case.message is None else "refused"), result.detail


def refuse(words: str):
    raise Fault(words)


@pytest.mark.parametrize(
    ("act", "message", "kind"),
    [
        (lambda folder: None, "", "silent"),
        (lambda folder: None, None, "accepted"),
        (lambda folder: refuse("a: wrong"), "wrong", "refused"),
        (lambda folder: refuse("a: wrong"), None, "refused"),
        (lambda folder: refuse("a: wrong"), "right", "traceback"),
        (lambda folder: refuse(""), None, "traceback"),
        (lambda folder: refuse("a" * 1000), None, "traceback"),
        (lambda folder: {}["a"], "", "traceback"),
    ],
)
def test_outcomes(tmp_path, act, message, kind):
    assert outcome(Case("", act, message), tmp_path).kind == kind
