"""The export of one ensemble: its program and its time, the check against the study, and its model
card."""

import os
import platform
import timeit
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import timm
import torch
import yaml

from resiliency.analysis.contenders import clean_accuracy
from resiliency.base.faults import Fault, brief
from resiliency.base.machine import machine
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.settings import Keys
from resiliency.data.pictures import images_at
from resiliency.data.split import stratified_sample
from resiliency.designs.members import WeightsKind
from resiliency.ensembles.combination import VOTE, Ensemble
from resiliency.export.evidence import Evaluated, Evidence, evidence_of, evidence_page, unlike
from resiliency.export.loading import Deployable, Networks, temperature_of
from resiliency.metrics.classification import accuracy_columns, scaled
from resiliency.metrics.selective import ABSTAIN
from resiliency.report import words
from resiliency.report.cautions import shortcomings
from resiliency.report.rows import Row
from resiliency.report.templates import Markdown, markdown_environment

# Images uint8 n x H x W x 3 -> probabilities float32 n x K and mutual information float32 n.
Run = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
WARMING, ROUNDS = 3, 30
PROGRAM = "ensemble.onnx"
LARGEST = 2 * 10**9  # bytes of weights in one file of ONNX
NAMES = ("probabilities", "mutual_information")
BATCH = 64
VERSIONS = ("resiliency", "torch", "timm", "onnx", "onnxruntime", "numpy")
MOST = 2_000
SLACK = 1e-3  # tolerance of logits computed in another order or on another device


def agreement(
    run: Run, images: np.ndarray, chosen: np.ndarray, study: Ensemble, temperature: float
) -> dict[str, float]:
    """Compare the answers of a program with those of the study on the same clean test images.

    The study keeps logits with few digits, so that an answer counts as decided where no logit moved
    by the spacing of such numbers, and by what sums in another order may differ by, could change
    it. Images with decided answers are compared.

    Args:
        images: uint8 n x H x W x 3.
        chosen: int n, positions of these images among the test images.
        study: ensemble with the study's predictions.
        temperature: temperature of the program.

    Returns:
        compared and n_images, numbers of images that were compared and of all; and difference, the
        largest one of a probability, NaN for a vote.

    Raises:
        Fault: a decided answer differs.
    """
    probabilities = np.concatenate(
        [run(images[start : start + BATCH])[0] for start in range(0, len(images), BATCH)]
    )
    parts = list(study.outputs(0, chosen, disagreement=False))
    logs = np.concatenate([part.log_probabilities for part in parts])
    stored = [member.logits(0, chosen) for member in study.members]
    spacing = np.max(
        [np.spacing(np.abs(values).max(axis=1)).astype(np.float64) for values in stored], axis=0
    )
    if study.rule != VOTE:
        decided, answers = _margin(logs) > 2 * (spacing + SLACK), logs.argmax(axis=1)
    else:
        decisions = np.stack([values.argmax(axis=1) for values in stored])
        votes = (decisions[..., None] == np.arange(logs.shape[1])).sum(axis=0)
        clear = [_margin(values.astype(np.float64)) > 2 * (spacing + SLACK) for values in stored]
        decided, answers = np.all(clear, axis=0) & (_margin(votes) > 0), votes.argmax(axis=1)
    wrong = decided & (probabilities.argmax(axis=1) != answers)
    if wrong.any():
        raise Fault(
            f"{PROGRAM}: disagrees with the study on {wrong.sum():,} of {decided.sum():,} test "
            "images"
        )
    difference = (
        np.nan
        if study.rule == VOTE
        else np.abs(probabilities - np.exp(scaled(logs, temperature))).max()
    )
    return {
        "compared": int(decided.sum()),
        "n_images": len(images),
        "difference": float(difference),
    }


def times(path: Path, image: np.ndarray, threads: Sequence[int]) -> list[dict[str, float]]:
    """Milliseconds that a program takes for one image (uint8 1 x H x W x 3), for each number of
    threads.

    Returns:
        threads, and median, low and high (quartiles) of `ROUNDS` runs, after `WARMING` that do not
        count.
    """
    rows = []
    for count in threads:
        spans = timeit.repeat(
            partial(onnx_runner(path, count), image), repeat=WARMING + ROUNDS, number=1
        )
        low, median, high = (1000 * np.quantile(spans[WARMING:], [0.25, 0.5, 0.75])).tolist()
        rows.append({"threads": count, "low": low, "median": median, "high": high})
    return rows


def _margin(values: np.ndarray) -> np.ndarray:
    """The largest value of each image less the second; n of n x K."""
    ordered = np.sort(values, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def export(
    tables: dict[str, pd.DataFrame],
    row: pd.Series,
    networks: Networks,
    tested: Evaluated,
    requirements: dict[str, float | None],
    path: Path,
    provenance: Mapping[str, object],
    margin: float,
    threads: int,
) -> dict[str, object]:
    """Write the program of an ensemble, compare its answers with those of the study, judge and time
    it.

    Args:
        tables: tables members, temperatures and thresholds.
        row: row of deployment.csv.
        networks: networks of the members, on the CPU.
        requirements: fields of `Requirements`.
        path: path to which the program is written.
        provenance: study and seed; commit of this project, None if unknown; and command, which
            repeats the export.
        margin: share of the side of an image file that is kept by the crop.
        threads: number of the machine's threads, with which the program is timed.

    Returns:
        The contents of ensemble.json, `about`, and of evidence.json, `evidence`; the texts of
        card.md, `readme`, and of evidence.html, `page`.

    Raises:
        Fault: the ensemble cannot be exported, or its program disagrees with the study.
    """
    names, seed = row["members"].split("+"), tested.resampling.seed
    members = tables["members"].set_index("member", drop=False).loc[names]
    of = {
        name: table[table["members"] == row["members"]]
        for name, table in tables.items()
        if name != "members"
    }
    temperature = temperature_of(of["temperatures"], row["members"])
    ensemble = Deployable(networks, row["rule"], temperature.value).eval()
    study = Ensemble([tested.predictions[name] for name in names], row["rule"])
    labels = study.members[0].labels(0)
    some = stratified_sample(labels, min(len(labels), MOST), seed, "export")
    pixels = np.asarray(images_at(tested.conditions[0], some)[:])
    write_program(ensemble, pixels.shape[1], path)
    run = onnx_runner(path, 1)
    check = agreement(run, pixels, some, study, temperature.value)
    print(f"{PROGRAM}: {check['compared']} of {check['n_images']} images answered as scored")
    evidence = evidence_of(row, of["thresholds"], study, temperature.value, tested, requirements)
    inputs, evidence["unlike"] = unlike(tested.conditions, study.members[0], seed)
    evidence["provenance"] = provenance
    about = {"members": names, "rule": row["rule"], "temperature": temperature.value}
    about |= {
        "classes": tested.card["classes"],
        "side": pixels.shape[1],
        "margin": margin,
        "inputs": inputs,
    }
    about |= {
        "thresholds": threshold_constants(of["thresholds"]),
        "abstaining": evidence["abstaining"],
    }
    context = {**provenance} | {
        "card": tested.card,
        "evidence": evidence,
        "side": pixels.shape[1],
        "check": check,
    }
    context |= {"temperature": temperature, "times": times(path, pixels[:1], sorted({1, threads}))}
    return {
        "about": about,
        "evidence": evidence,
        "readme": model_card(row, members, of, context),
        "page": evidence_page(evidence),
    }


def threshold_constants(thresholds: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Images of the choice -> goal -> target as text -> threshold, from the rows of thresholds.csv
    of one ensemble.

    The threshold is `ABSTAIN` if there are too few images for another.
    """
    constants: dict[str, dict[str, dict[str, float]]] = {}
    for row in thresholds.drop_duplicates(["selection_images", "goal", "target"]).itertuples():
        value = ABSTAIN if pd.isna(row.threshold) else float(row.threshold)
        constants.setdefault(row.selection_images, {}).setdefault(row.goal, {})[
            f"{row.target:g}"
        ] = value
    return constants


def model_card(
    row: pd.Series, members: pd.DataFrame, of: dict[str, pd.DataFrame], context: Mapping[str, Any]
) -> str:
    """The text of card.md.

    Args:
        row: row of deployment.csv.
        members: rows of members.csv of the ensemble's members.
        of: rows of temperatures and thresholds of the ensemble.
        context: further variables of the template `card.md.j2`.
    """
    templates = markdown_environment(Path(__file__).parent)
    templates.globals["share"] = _share
    # Results on images of the same kind.
    same = of["thresholds"].images == of["thresholds"].selection_images
    tried = of["thresholds"][same]
    return templates.get_template("card.md.j2").render(
        context,
        front_matter=front_matter(row, context["evidence"]),
        row=row.to_dict(),
        members=[one | weights_of(one) for one in members.to_dict("records")],
        right=_right(row),
        calibration=of["temperatures"].to_dict("records"),
        thresholds=tried.to_dict("records"),
        shortcomings=shortcomings(row, context["card"]["classes"]),
        versions={name: version(name) for name in VERSIONS},
        machine=machine(),
        python=platform.python_version(),
        hundredths=words.hundredths,
    )


def front_matter(row: pd.Series, evidence: Evidence) -> Markdown:
    """The metadata of card.md in YAML, in the form that Hugging Face reads of model cards
    (`model-index`)."""
    metrics = [
        {"type": "accuracy", "name": f"Accuracy on {name} images", "value": round(float(value), 6)}
        for name, value, *_ in _right(row)
    ]
    data = {"type": evidence["data"]["name"], "name": evidence["data"]["name"]}
    result = {"task": {"type": "image-classification"}, "dataset": data, "metrics": metrics}
    model = {"name": f"{evidence['provenance']['study']}-{int(row['number'])}", "results": [result]}
    index = {
        "pipeline_tag": "image-classification",
        "library_name": "onnx",
        "tags": ["ensemble", "robustness"],
    }
    return Markdown(
        yaml.safe_dump(index | {"model-index": [model]}, sort_keys=False, allow_unicode=True)
    )


WEIGHTS = {  # kind -> in words, and the licence of weights that are not from the study alone
    WeightsKind.PRETRAINED: ("pretrained", "timm states no licence, see its page on the hub"),
    WeightsKind.FILE: ("from a file", "under the licence of that file"),
    WeightsKind.FINE_TUNED: ("fine-tuned", "under the licence of the weights that it started from"),
}


def weights_of(member: Keys) -> dict[str, str]:
    """Source of a member's weights, and their licence as far as timm states it."""
    kind, source = member["weights_kind"], str(member["weights_source"])
    weights, licence = WEIGHTS.get(kind, (source, "no weights of others"))
    if kind == WeightsKind.PRETRAINED and (
        stated := getattr(timm.get_pretrained_cfg(member["architecture"]), "license", None)
    ):
        licence = f"licence {stated}"
    return {"weights": weights, "licence": f"{source}; {licence}"}


def _right(row: pd.Series) -> list[tuple]:
    """Images, accuracy and its interval: clean, corrupted and additional test sets."""
    rows = [(CLEAN, *map(float, clean_accuracy(row).values()))]
    rows.append((CORRUPTED, 1 - row.corrupted_error, 1 - row.high, 1 - row.low))
    names = [
        column.removesuffix("_accuracy") for column in row.index if column.endswith("_accuracy")
    ]
    return rows + [
        (name, *(row[of] for of in accuracy_columns(name))) for name in names if name != CLEAN
    ]


def _share(row: Row, name: str) -> Markdown:
    """A share of a row with its interval, where it has one."""
    return Markdown(words.with_interval(row[name], row.get(f"{name}_low"), row.get(f"{name}_high")))


def write_program(ensemble: Deployable, side: int, path: Path) -> None:
    """Write `ensemble`, on the CPU, as ONNX; the number of images is free.

    Raises:
        Fault: a member cannot be traced for any number of images, or there are more weights than a
            file can hold.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    weights = sum(tensor.nbytes for tensor in ensemble.state_dict().values())
    if weights > LARGEST:
        size = f"{weights / 1e9:.1f} GB of weights"
        raise Fault(f"ensemble: {size}, more than the 2 GB of an ONNX file; take a smaller one")
    images = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    shapes = {"images": {0: torch.export.Dim("images", min=1)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(ensemble, (images,), dynamic_shapes=shapes, strict=False)
            converted = torch.onnx.export(
                program,
                input_names=["images"],
                output_names=list(NAMES),
                dynamo=True,
                verbose=False,
            )
            assert converted is not None
            # Source code and folders of this machine.
            ClearMetadataAndDocStringPass()(converted.model)
            converted.save(path, external_data=False)
        except Exception as error:
            names = ", ".join(member.member for member in ensemble.members)
            raise Fault(f"ensemble of {names}: cannot be exported: {brief(error)}") from error


def onnx_runner(path: Path, threads: int) -> Run:
    """Runs a program of ONNX by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        os.fspath(path), options, providers=["CPUExecutionProvider"]
    )

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple(session.run(list(NAMES), {"images": np.ascontiguousarray(images)}))

    return run
