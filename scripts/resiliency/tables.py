"""Tables: CSV for those that people read, Parquet for wide ones."""

from pathlib import Path

import pandas as pd

from resiliency.checksums import verified
from resiliency.faults import Fault
from resiliency.files import replacing

# Columns of names, of which pandas would make numbers where all look like some: designs 1 and 01, families 2012.
IDENTIFIERS = {
    *(
        "member",
        "design",
        "family",
        "architecture",
        "weights_source",
        "first",
        "second",
        "objective",
        "setting",
        "recipe",
    ),
    *("test_set", "corruption", "layers", "channels", "kernels"),
}


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write `table` without its index; the suffix of `path` (.csv or .parquet) chooses the format.

    CSV holds floats with eight significant digits.
    """
    with replacing(path) as temporary:
        if temporary.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, float_format="%.8g")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote; `IDENTIFIERS` are strings, whatever they look like.

    Raises:
        Fault: the file is missing, damaged or not a table.
    """
    path = verified(path)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        names = dict.fromkeys(IDENTIFIERS, "str")
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)
    except (OSError, ValueError) as error:
        raise Fault(f"{path}: not a whole table ({error}); delete it and run again") from error
