"""What touches the inside of Snakemake: one file, that steps aside where the inside is another."""

import re
from pathlib import Path

import snakemake_internals

REPOSITORY = Path(__file__).parents[2]


def test_rules_touch_only_what_is_documented_and_the_file_names_the_pinned_version():
    rules = [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").glob("*.smk")]
    touched = {name for path in rules for name in re.findall(r"\bworkflow\.(\w+)", path.read_text())}
    assert touched == {"current_basedir"}
    pinned = re.search(r"^snakemake==(\S+)", (REPOSITORY / "envs/pinned.txt").read_text(), re.MULTILINE)
    assert f"read from version {pinned[1]}." in snakemake_internals.__doc__


def test_rules_have_few_names_of_their_own():
    texts = [path.read_text() for path in [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").glob("*.smk")]]
    assert (
        len({name for text in texts for name in re.findall(r"^\s*([A-Z][A-Z_]+) (?:\|)?= ", text, re.MULTILINE)}) < 30
    )
