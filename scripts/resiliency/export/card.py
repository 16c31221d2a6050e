"""The model card of an exported ensemble, from the tables of its study."""

from importlib.metadata import version
from pathlib import Path

import pandas as pd
import timm

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.designs.members import WeightsKind
from resiliency.metrics.accuracy import accuracies, accuracy_columns
from resiliency.report import words
from resiliency.report.markdown import Markdown, environment

VERSIONS = ("torch", "timm", "onnx", "onnxruntime", "numpy")


def model_card(row: pd.Series, members: pd.DataFrame, **context: object) -> str:
    """card.md.

    Args:
        row: of deployment.csv.
        members: rows of members.csv of its members.
        context: what else the template `card.md.j2` names.
    """
    templates = environment(Path(__file__).parent)
    templates.globals["share"] = _share
    return templates.get_template("card.md.j2").render(
        row=row.to_dict(),
        members=[of | weights_of(of) for of in members.to_dict("records")],
        right=_right(row),
        versions={name: version(name) for name in VERSIONS},
        two_digits=lambda value: words.number(value, 2),
        **context,
    )


def weights_of(member: dict) -> dict[str, str]:
    """Where the weights of a member come from, and their licence so far as timm states it."""
    kind, source = member["weights_kind"], str(member["weights_source"])
    if kind == WeightsKind.PRETRAINED:
        config = timm.get_pretrained_cfg(member["architecture"])
        stated = getattr(config, "license", None)
        licence = (
            f"{source}; licence {stated}" if stated else f"{source}; timm states no licence, see its page on the hub"
        )
        return {"weights": "pretrained", "licence": licence}
    if kind == WeightsKind.FILE:
        return {"weights": "from a file", "licence": f"{source}; under the licence of that file"}
    if kind == WeightsKind.FINE_TUNED:
        return {"weights": "fine-tuned", "licence": f"{source}; under the licence of the weights that it started from"}
    return {"weights": source, "licence": f"{source}; no weights of others"}


def _right(row: pd.Series) -> list[tuple]:
    """Images, accuracy and its interval: clean, corrupted and further test sets."""
    clean = accuracies(CLEAN, row.clean_accuracy, row.images, row.confidence)
    rows = [(CLEAN, *(float(value) for value in clean.values()))]
    rows.append((CORRUPTED, 1 - row.corrupted_error, 1 - row.high, 1 - row.low))
    names = [
        name.removesuffix("_accuracy") for name in row.index if name.endswith("_accuracy") and name != "clean_accuracy"
    ]
    return rows + [(name, *(row[column] for column in accuracy_columns(name))) for name in names]


def _share(row: dict, name: str) -> Markdown:
    """A share of a row with its interval, where it has one."""
    ends = [row.get(f"{name}_{end}") for end in ("low", "high")]
    return Markdown(f"{words.percent(row[name])} {words.interval(*ends, words.percent)}".rstrip())
