"""The export of one ensemble: its program, what checks it against the study, and its model card."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import timm

from resiliency.analysis.best import clean_accuracy
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.data.images import images_at
from resiliency.data.source import Images
from resiliency.data.split import stratified_sample
from resiliency.designs.members import WeightsKind
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.outputs import Ensemble
from resiliency.export.checking import MOST, PROGRAM, agreement, check_refusal, timed
from resiliency.export.choice import chosen_row
from resiliency.export.loading import Networks, temperature_of
from resiliency.export.module import Deployable
from resiliency.export.programs import onnx_runner, write_program
from resiliency.metrics.accuracy import accuracy_columns
from resiliency.prediction.reading import Predictions
from resiliency.provenance import machine
from resiliency.report import words
from resiliency.report.markdown import Markdown, environment

VERSIONS = ("torch", "timm", "onnx", "onnxruntime", "numpy")


class Choice(NamedTuple):
    """What the tables of a study say of one ensemble: its row of deployment.csv, and its rows of four other tables."""

    row: pd.Series
    members: pd.DataFrame
    temperatures: pd.DataFrame
    selective: pd.DataFrame
    thresholds: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Of its members, in their order."""
        return self.row.members.split("+")


def read_choice(tables: dict[str, pd.DataFrame], ensemble: str | int) -> Choice:
    """What `tables` say of the ensemble that `ensemble` names.

    Args:
        tables: deployment, members, temperatures, selective and thresholds.
        ensemble: as in `resiliency.export.choice.ALLOWED`.

    Raises:
        Fault: there is no such ensemble.
    """
    row, of = chosen_row(tables["deployment"], ensemble), ("temperatures", "selective", "thresholds")
    of_ensemble = {name: tables[name][tables[name].members == row.members] for name in of}
    return Choice(row, tables["members"].set_index("member", drop=False).loc[row.members.split("+")], **of_ensemble)


class Provenance(NamedTuple):
    """How an export was made, as its card says.

    Attributes:
        study, seed, corruptions: name and seed of the study, and number of the corruptions of its corrupted error.
        ensemble: as it was named.
        command: that makes it again.
        precision: in which the study predicted.
        commit: of this project; None where it is not known.
    """

    study: str
    ensemble: str | int
    corruptions: int
    commit: str | None
    seed: int
    command: str
    precision: str


class Exported(NamedTuple):
    """The contents of ensemble.json, and the text of card.md."""

    about: dict[str, object]
    card: str


def export(
    choice: Choice,
    networks: Networks,
    images: Images,
    labels: np.ndarray,
    predictions: dict[str, Predictions],
    card: dict[str, object],
    path: Path,
    provenance: Provenance,
    margin: float,
    threads: int,
) -> Exported:
    """Write the program of an ensemble, compare its answers with those of the study, and time it.

    Args:
        networks: of its members, on the CPU.
        images: the clean test images, N of them.
        labels: int N.
        predictions: member -> its predictions.
        card: the data set's, card.json.
        path: where the program is written.
        provenance: how the export was made.
        margin: share of the side of an image file that is cropped away.
        threads: of the machine, that the program is timed with.

    Raises:
        Fault: the ensemble cannot be exported, or its program answers otherwise than the study, or floats at all.
    """
    row, weights = choice.row, member_weights(choice.members)
    temperature = temperature_of(choice.temperatures, row.members)
    ensemble = Deployable(networks, list(weights), row["rule"], temperature.value).eval()
    some = stratified_sample(labels, min(len(labels), MOST), provenance.seed, "export")
    pixels = np.asarray(images_at(images, some)[:])
    study = Ensemble([predictions[name] for name in choice.names], weights, row["rule"])
    write_program(ensemble, pixels.shape[1], path)
    run = onnx_runner(path, 1)
    check_refusal(run, pixels[:1])
    check = agreement(run, pixels, some, study, temperature.value, provenance.precision)
    print(f"{PROGRAM}: {check.compared} of {check.images} images answered as scored")
    about = {"members": choice.names, "rule": row["rule"], "temperature": temperature.value}
    about |= {"classes": card["classes"], "side": pixels.shape[1], "margin": margin}
    about["thresholds"] = threshold_constants(choice.thresholds)
    # Each threshold as it was tried on images like those that it was chosen on.
    tried = choice.thresholds[choice.thresholds.images == choice.thresholds.basis]
    text = model_card(
        row,
        choice.members,
        **provenance._asdict(),
        card=card,
        side=pixels.shape[1],
        temperature=temperature,
        calibration=choice.temperatures.to_dict("records"),
        selective=choice.selective.to_dict("records"),
        thresholds=tried.to_dict("records"),
        times=timed(ensemble, path, pixels[:1], sorted({1, threads})),
        check=check,
        machine=machine(),
        python=platform.python_version(),
    )
    return Exported(about, text)


def threshold_constants(thresholds: pd.DataFrame) -> dict[str, dict[str, dict[str, float | None]]]:
    """Basis -> goal -> target as text -> threshold, None where the study has too few images for one.

    Args:
        thresholds: rows of thresholds.csv of one ensemble.
    """
    constants: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in thresholds.drop_duplicates(["basis", "goal", "target"]).itertuples():
        value = None if pd.isna(row.threshold) else float(row.threshold)
        constants.setdefault(row.basis, {}).setdefault(row.goal, {})[f"{row.target:g}"] = value
    return constants


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
    rows = [(CLEAN, *(float(value) for value in clean_accuracy(row).values()))]
    rows.append((CORRUPTED, 1 - row.corrupted_error, 1 - row.high, 1 - row.low))
    names = [
        name.removesuffix("_accuracy") for name in row.index if name.endswith("_accuracy") and name != "clean_accuracy"
    ]
    return rows + [(name, *(row[column] for column in accuracy_columns(name))) for name in names]


def _share(row: dict, name: str) -> Markdown:
    """A share of a row with its interval, where it has one."""
    ends = [row.get(f"{name}_{end}") for end in ("low", "high")]
    return Markdown(f"{words.percent(row[name])} {words.interval(*ends, words.percent)}".rstrip())
