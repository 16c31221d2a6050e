"""The YAML files of a study: read strictly, and faults named with file and line."""

import pytest
import yaml
from fault_messages import lines_of

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
