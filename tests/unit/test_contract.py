"""Names that are stable, and old ones that work for a while."""

import tomllib
import warnings
from pathlib import Path

import pandas as pd
import pytest
from default_study import CONFIG
from packaging.version import Version
from test_comparison import finished

from resiliency.api import study
from resiliency.base.names import RENAMED_COLUMNS, RENAMED_KEYS, Renamed
from resiliency.reference.contract import FILE, broken
from resiliency.study.files import load, old_names, read_merged, read_places
from resiliency.study.model import REMOVED

REPOSITORY = Path(__file__).parents[2]
NAMES = (REPOSITORY / FILE).read_text(encoding="utf-8").splitlines()


@pytest.fixture
def renamed(monkeypatch):
    """As if `training.epochs` had been called `training.rounds`, and the column `clean_accuracy`, `sound`."""
    monkeypatch.setitem(RENAMED_KEYS, "training.rounds", Renamed("epochs", "9.1"))
    monkeypatch.setitem(RENAMED_COLUMNS, "sound", Renamed("clean_accuracy", "9.1"))


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize("given", [{"rounds": 3}, {"rounds": 3, "epochs": 5}, {"epochs": 5, "rounds": 3}])
def test_an_old_key_works_with_a_warning_and_a_later_file_decides(tmp_path, given):
    files = [REPOSITORY / "config.yaml"]
    for key, value in given.items():
        files.append(tmp_path / f"{key}.yaml")
        files[-1].write_text(f"training: {{{key}: {value}}}\n")
    config = CONFIG | {"training": CONFIG["training"] | given}
    for made in (load(config, read_places(files)), load(read_merged(files))):
        assert made.training.epochs == [*given.values()][-1]
    assert old_names(config) == ["training.rounds: renamed to epochs; the old name works until version 9.1"]


@pytest.mark.usefixtures("renamed")
def test_an_old_column_is_the_new_one_with_a_warning(tmp_path):
    members = study(finished(tmp_path / "one", 0.1)).members
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        now = members[["clean_accuracy", "clean_accuracy_low"]]
    for end in ("", "_low"):
        with pytest.warns(FutureWarning, match=f"sound{end}: renamed to clean_accuracy{end}; the old name works until"):
            pd.testing.assert_series_equal(members[f"sound{end}"], now[f"clean_accuracy{end}"])
    with pytest.raises(KeyError):
        members["louder"]


def test_old_names_end_with_the_version_that_they_name():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert all(Version(version) < Version(of.until) for of in (*RENAMED_KEYS.values(), *RENAMED_COLUMNS.values()))
    keys = {line.removeprefix("key ") for line in NAMES if line.startswith("key ")}
    for old, of in RENAMED_KEYS.items():
        assert f"{old.rpartition('.')[0]}.{of.new}" in keys
    assert keys.isdisjoint({*RENAMED_KEYS, *REMOVED})


@pytest.mark.usefixtures("renamed")
@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ("key training.rounds", "key training.epochs", True),
        ("table a: a.csv\nversion a: 1", "table a: b.csv\nversion a: 1", False),
        ("version a: 1\ncolumn a: b, int", "version a: 1\ncolumn a: b, str", False),
        ("version a: 1\ncolumn a: b, int", "version a: 2\ncolumn a: b, str", True),
        ("version a: 1\nversion b: 1\ncolumn b: b, int", "version a: 2\nversion b: 1", False),
        ("column a: sound_low, float", "column a: clean_accuracy_low, float", True),
        ("column a: sound_low, float", "column b: clean_accuracy_low, float", False),
        ("function evaluate: images", "function evaluate", False),
    ],
)
def test_stable_names_go_only_where_something_says_so(before, now, kept):
    assert (broken(before, now) == []) == kept
