"""What touches the inside of Snakemake: one file, that steps aside where the inside is another."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.io import _IOFile

import snakemake_internals

REPOSITORY = Path(__file__).parents[2]
RULES = "".join(
    path.read_text() for path in [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").glob("*.smk")]
)


def test_rules_touch_only_what_is_documented_and_the_file_names_the_pinned_version():
    assert {*re.findall(r"\bworkflow\.(\w+)", RULES)} == {"current_basedir"}
    pinned = re.search(
        r"^snakemake==(\S+)", (REPOSITORY / "envs/pinned.txt").read_text(), re.MULTILINE
    )
    assert f"read from version {pinned[1]}." in " ".join(snakemake_internals.__doc__.split())


def test_rules_have_few_names_of_their_own():
    assert len({*re.findall(r"^\s*([A-Z][A-Z_]+) \|?= ", RULES, re.MULTILINE)}) < 30


@pytest.mark.parametrize("expected", [True, False])
def test_a_file_is_read_once_for_its_checksum_until_it_is_another(tmp_path, monkeypatch, expected):
    path, read = tmp_path / "input", []

    async def checksum(self, threshold=None, force=False, algorithm=None):
        read.append(self.file)
        return Path(self.file).read_text() if Path(self.file).exists() else None

    async def other(self, algorithm=None):
        return await checksum(self)

    monkeypatch.setattr(_IOFile, "checksum", checksum if expected else other)
    snakemake_internals.remember_checksums()

    def twice() -> tuple:
        file, given = SimpleNamespace(file=str(path), is_storage=False), [100] if expected else []
        before, found = len(read), [asyncio.run(_IOFile.checksum(file, *given)) for _ in range(2)]
        return found, len(read) - before

    assert twice() == ([None, None], 2)
    for text in ("one", "other", "and"):
        path.write_text(text)
        assert twice() == ([text, text], 1 if expected else 2)
    path.unlink()
    assert twice() == ([None, None], 2)
