"""Tables of finished studies as files that a reviewer reads: tests/golden/tables has their folders.

`pytest tests/workflow/test_tiny_study.py tests/workflow/test_study_of_labels.py --golden` writes
them again; look at the difference before you commit it. CSV files are kept as they are. A Parquet
file is kept as a line per column: its name, type, number of values, least, mean and greatest
number, and a digest of its values.
"""

import hashlib
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

GOLDEN = Path(__file__).parent / "golden/tables"
PROCESSOR = GOLDEN / "processor.txt"  # on which the tables were made
FOLDERS = ("tables", "ensembles", "diversity")  # of results
DIGITS = 16  # of a digest


def processor() -> str:
    """Instructions that PyTorch uses here, and the model of the processor, by which its libraries
    choose among kernels that round otherwise."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    found = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    model = [found.get(key, "unknown") for key in ("vendor_id", "cpu family", "model")]
    return " ".join([torch.backends.cpu.get_cpu_capability(), *model])


def compare_tables(
    request: pytest.FixtureRequest, results: Path, study: str, trained: bool
) -> None:
    """Compare the tables of a finished study with the golden ones, or write these again.

    Skipped where the processor rounds otherwise: that of a study which trained is of another model,
    or that of a study of labels has other instructions.
    """
    here = processor()
    golden = GOLDEN / study
    made = kept_form(results)
    if request.config.getoption("--golden"):
        shutil.rmtree(golden, ignore_errors=True)
        for name, content in made.items():
            (golden / name).parent.mkdir(parents=True, exist_ok=True)
            (golden / name).write_bytes(content)
        PROCESSOR.write_text(f"{here}\n", encoding="utf-8")
    made_on = PROCESSOR.read_text(encoding="utf-8").strip()
    if here != made_on if trained else here.split()[0] != made_on.split()[0]:
        pytest.skip(f"the golden tables were made with {made_on}, this processor has {here}")
    reviewed = {str(file.relative_to(golden)): file for file in golden.rglob("*") if file.is_file()}
    assert made.keys() == reviewed.keys()
    assert [name for name, file in reviewed.items() if file.read_bytes() != made[name]] == []


def kept_form(results: Path) -> dict[str, bytes]:
    """Name of each golden file -> its content, of the tables in a folder of results."""
    files = {}
    for folder in FOLDERS:
        for path in sorted((results / folder).glob("*.csv")):
            files[f"{folder}/{path.name}"] = path.read_bytes()
        for path in sorted((results / folder).glob("*.parquet")):
            table = pd.read_parquet(path)
            lines = [described(table[column]) for column in table]
            files[f"{folder}/{path.name}.txt"] = "".join(lines).encode()
    return files


def described(column: pd.Series) -> str:
    """A line on a column, which changes with any of its values."""
    texts = column.astype(str).str.cat(sep="\n")
    digest = hashlib.sha256(texts.encode()).hexdigest()[:DIGITS]
    line = f"{column.name} {column.dtype} {column.count()} of {len(column)} {digest}"
    if pd.api.types.is_numeric_dtype(column) and column.count():
        numbers = column.astype(float)
        line += f" from {numbers.min()!r} to {numbers.max()!r}, mean {numbers.mean():.12g}"
    return f"{line}\n"
