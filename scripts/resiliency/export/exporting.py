"""The export of one ensemble: its programs, what checks them against the study, and the words about it."""

import platform
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.data.images import images_at
from resiliency.data.source import Images
from resiliency.data.split import stratified_sample
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.outputs import Ensemble
from resiliency.export.card import model_card
from resiliency.export.checking import MOST, agreement, check_refusal, timed
from resiliency.export.choice import chosen_row
from resiliency.export.loading import Networks, temperature_of
from resiliency.export.module import Deployable
from resiliency.export.programs import RUNTIMES, write_programs
from resiliency.prediction.reading import Predictions
from resiliency.provenance import machine


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
        commit: of this project; None where it is not known.
    """

    study: str
    ensemble: str | int
    corruptions: int
    commit: str | None
    seed: int
    command: str


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
    paths: dict[str, Path],
    provenance: Provenance,
    margin: float,
    threads: int,
) -> Exported:
    """Write the programs of an ensemble, compare their answers with those of the study, and time them.

    Args:
        networks: of its members, on the CPU.
        images: the clean test images, N of them.
        labels: int N.
        predictions: member -> its predictions.
        card: the data set's, card.json.
        paths: name of a program, as in `RUNTIMES` -> where it is written; ensemble.pt2 may be left out.
        provenance: how the export was made.
        margin: share of the side of an image file that is cropped away.
        threads: of the machine, that the programs are timed with.

    Raises:
        Fault: the ensemble cannot be exported, or a program answers otherwise than the study scored, or floats at all.
    """
    row, weights = choice.row, member_weights(choice.members)
    temperature = temperature_of(choice.temperatures, row.members)
    ensemble = Deployable(networks, list(weights), row["rule"], temperature.value).eval()
    some = stratified_sample(labels, min(len(labels), MOST), provenance.seed, "export")
    pixels = np.asarray(images_at(images, some)[:])
    study = Ensemble([predictions[name] for name in choice.names], weights, row["rule"])
    write_programs(ensemble, pixels.shape[1], paths.get("ensemble.pt2"), paths["ensemble.onnx"])
    checks = {}
    for name, path in paths.items():
        run = RUNTIMES[name].runner(path, 1)
        check_refusal(run, name, pixels[:1])
        checks[name] = agreement(run, name, pixels, some, study, temperature.value)
    for name, check in checks.items():
        print(f"{name}: {check.compared} of {check.images} images answered as scored")
    about = {"members": choice.names, "rule": row["rule"], "temperature": temperature.value}
    about |= {"classes": card["classes"], "side": pixels.shape[1], "margin": margin}
    about["thresholds"] = threshold_constants(choice.thresholds)
    text = model_card(
        row,
        choice.members,
        **provenance._asdict(),
        card=card,
        side=pixels.shape[1],
        temperature=temperature,
        calibration=choice.temperatures.to_dict("records"),
        selective=choice.selective.to_dict("records"),
        thresholds=_for_card(choice.thresholds),
        programs=list(paths),
        times=timed(ensemble, paths, pixels[:1], sorted({1, threads})),
        checks=checks,
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


def _for_card(thresholds: pd.DataFrame) -> list[dict]:
    """Each threshold as it was tried on images like those that it was chosen on."""
    return thresholds[thresholds.images == thresholds.basis].to_dict("records")
