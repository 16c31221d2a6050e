"""Every study that is accepted ends in a report, whatever its members are known by and whatever is not known."""

import re
from itertools import product

import pytest
from drawn_charts import Text
from reported import CORRUPTIONS, KINDS, Reported
from test_degenerate import ODD

SIZES = {"sized": True, "unsized": False}
FURTHER = {"alone": [], "further": ["night"]}
UNKNOWN = re.compile(r'="[^"]*\b(?:nan|None|inf)\b[^"]*"')  # in what scripts read


def meet(kind: str, corruptions: str, size: str, further: str) -> bool:
    """Whether the case is one of the fewest in which every two properties meet."""
    place, of_corruptions = KINDS.index(kind), list(CORRUPTIONS).index(corruptions)
    has_size = kind == "network" or SIZES[size] == ((place + of_corruptions) % 2 == 0)
    return has_size and bool(FURTHER[further]) == ((place // 2 + of_corruptions) % 2 == 0)


def is_accepted(kind: str, corruptions: str, size: str, further: str) -> bool:
    """Networks have sizes, and a study that has some has corruptions."""
    return kind != "network" or (corruptions != "no corruption" and size == "sized")


ACCEPTED = [case for case in product(KINDS, CORRUPTIONS, SIZES, FURTHER) if is_accepted(*case)]
CASES = [case for case in ACCEPTED if meet(*case)]


@pytest.mark.parametrize("case", CASES, ids=", ".join)
def test_every_study_ends_in_a_report_without_odd_text(case, tmp_path, monkeypatch):
    monkeypatch.setattr("resiliency.analysis.without_images.GROUPS", 2)  # of images, which take most of the other time
    kind, corruptions, size, further = case
    study = Reported(tmp_path, kind, CORRUPTIONS[corruptions], SIZES[size], FURTHER[further])
    html = study.page(drawn=kind != "logits")  # these are probabilities once they are read
    text = Text(html)
    texts = [part for part in text.whole if part]
    assert {name: [part for part in texts if re.search(odd, part)] for name, odd in ODD.items()} == {n: [] for n in ODD}
    assert UNKNOWN.findall(re.sub(r"<(script|style|pre).*?</\1>", "", html, flags=re.DOTALL)) == []
    assert [(tag, of) for tag, of, content in text.blocks if not content] == []


def test_any_two_properties_meet():
    for one, other in product(range(4), repeat=2):
        assert {(case[one], case[other]) for case in CASES} == {(case[one], case[other]) for case in ACCEPTED}
