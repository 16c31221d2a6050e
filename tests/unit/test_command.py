"""The command that makes something of a study again is one that Snakemake reads as the first."""

import shlex
from pathlib import Path

import pytest
from snakemake.cli import parse_config

from resiliency.study.files import command

REPOSITORY = Path("/home/me/resiliency")
GIVEN = {
    "ensemble": "best under 5 M MACs",
    "seed": 3,
    "search": None,
    "folder": "a 'quoted' $HOME",
    "dataset": {"name": "image_folder", "classes": ["a", "b, c"]},
}


def parsed(text: str) -> tuple[list[str], dict]:
    """The words before --config, and what Snakemake parses of those behind it."""
    words = shlex.split(text)
    place = words.index("--config") if "--config" in words else len(words)
    return words[:place], parse_config(words[place + 1 :])


def test_what_the_command_line_gave_is_given_again():
    words, given = parsed(command("export", [REPOSITORY / "studies/tiny.yaml"], GIVEN, REPOSITORY, REPOSITORY))
    assert words == ["snakemake", "export", "--cores", "all", "--configfile", "studies/tiny.yaml"]
    assert given == GIVEN


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/home/me/photos/my study.yaml", "my study.yaml"),
        ("/home/me/resiliency/studies/tiny.yaml", "$CHECKOUT/studies/tiny.yaml"),
    ],
)
def test_a_study_that_ran_in_a_folder_of_its_own_runs_there_again(file, name):
    words, _ = parsed(command("export", [Path(file)], {}, REPOSITORY, Path("/home/me/photos")))
    assert words[4:] == ["--snakefile", "$CHECKOUT/Snakefile", "--configfile", name]
