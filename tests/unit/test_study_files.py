"""The YAML files of a study: read strictly, and faults named with file and line."""

import copy

import pytest
import yaml
from fault_messages import fault_of, lines_of

from resiliency.base.faults import Fault
from resiliency.study.files import load, read_places

VALID = """\
study: mine
designs:
  one: &one
    architecture: resnet18
  two:
    <<: *one
    stem: original
members: {designs: [one, two], baseline: one-s0}
probe:
  images: 50
"""


def test_every_fault_of_every_file_is_a_line(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("a: 1\na: 2\nb: 1\nb: 2\n")
    second.write_text("c: [")
    assert [line.rpartition("/")[2].partition(":")[0] for line in lines_of(read_places, [first, second])] == [
        "a.yaml, line 2", "a.yaml, line 4", "b.yaml, line 1",
    ]  # fmt: skip


def test_files_that_are_fine_are_those_that_snakemake_takes(tmp_path):
    path = tmp_path / "mine.yaml"
    for text in (VALID, "", "# nothing\n", '{"study": "mine", "seed": 3}', "\ufeffstudy: mine\n", "a: {1: x}\n"):
        path.write_text(text)
        read_places([path])


def places_of(tmp_path, monkeypatch, text: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(text)
    return read_places([tmp_path / "mine.yaml"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  images: 50", "  images: 0", "probe.images: 0: Input should be greater than or equal to 4 (line 10)"),
        ("  images: 50", "  imags: 5", "probe.imags: unknown key; did you mean images? (line 10)"),
        ("[one, two]", "[one, tow]", "'tow' is not among the designs; did you mean two? (line 8)"),
        ("baseline: one-s0", "seeds: 2", "members.baseline: required; give it (line 8)"),
        ("stem: original", "stem: originl", "got 'originl'; did you mean original? (line 7)"),
        ("resnet18", "resnet81", "timm has no 'resnet81'; did you mean resnet18? (line 4)"),
    ],
)  # fmt: skip
def test_faults_name_file_and_line(tmp_path, monkeypatch, old, new, message):
    places = places_of(tmp_path, monkeypatch, VALID.replace(old, new))
    config = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    assert any(line.endswith(message.replace("(line", "(mine.yaml, line")) for line in lines_of(load, config, places))


def test_what_the_command_line_says_has_no_line(tmp_path, monkeypatch):
    places = places_of(tmp_path, monkeypatch, VALID)
    config = yaml.safe_load(VALID) | {"ensembles": {"sizes": [2]}}
    changed = copy.deepcopy(config)
    changed["probe"]["images"] = 0
    assert fault_of(load, changed, places) == "probe.images: 0: Input should be greater than or equal to 4"
    with pytest.raises(Fault, match=r"^members.designs.0: 'three' is not among the designs$"):
        load(config | {"members": config["members"] | {"designs": ["three"]}}, places)
