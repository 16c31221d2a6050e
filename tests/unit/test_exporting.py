"""An exported ensemble: which one, what its programs answer, and how they are checked."""

import shutil
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from ended_runs import end_run
from fault_messages import fault_of
from huggingface_hub import ModelCard
from PIL import Image
from predicted import conditions_of, predictions_of
from torch import nn

from resiliency.analysis.assessment import threshold_rows
from resiliency.analysis.judging import Resampled, judged
from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.designs.networks import build, normalised, write_member
from resiliency.ensembles.combination import RULES, Ensemble
from resiliency.export import exporting, loading
from resiliency.export.evidence import fitted
from resiliency.export.settings import checked_ensemble
from resiliency.metrics.classification import scaled
from resiliency.metrics.selective import ABSTAIN
from resiliency.statistics.resampling import Resampling, Units
from resiliency.storage import read_table, write_csv, write_json, write_table

SIDE, CLASSES, IMAGES = 8, 3, 40
WEIGHTS = np.array([0.6, 0.9])
MEMBER = Member("a-s0", mean=[0.4, 0.5, 0.6], std=[0.2, 0.25, 0.3])


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers = (
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, CLASSES),
    )
    module = nn.Sequential(*layers).eval()
    with torch.no_grad():
        module[-1].weight *= 10
    return module


@pytest.fixture
def members() -> list[tuple[nn.Module, dict]]:
    return [
        (network(s), replace(MEMBER, member=f"a-s{s}", input_size=[SIDE, SIDE, 3]))
        for s in range(2)
    ]


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES, SIDE, SIDE, 3), np.uint8)


def answers(ensemble: loading.Deployable, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode():
        return tuple(values.numpy() for values in ensemble(torch.from_numpy(images)))


@pytest.mark.parametrize("rule", RULES)
def test_the_module_answers_as_the_study(members, images, rule):
    table, labels = conditions_of([], [], IMAGES), np.zeros(IMAGES, int)
    with torch.inference_mode():
        logits = [
            of(normalised(torch.from_numpy(images), MEMBER.mean, MEMBER.std)).numpy()
            for of, _ in members
        ]
    kept = [
        predictions_of(table, labels, of_member.astype(np.float16)[None]) for of_member in logits
    ]
    ensemble, of_study = (
        loading.Deployable(members, rule, 0.5),
        Ensemble(kept, rule),
    )
    (part,) = of_study.outputs(0, np.arange(IMAGES))
    probabilities, mutual_information = answers(ensemble, images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(mutual_information, part.mutual_information, atol=2e-3)
    if rule == "mean_probability":
        np.testing.assert_allclose(
            probabilities, np.exp(scaled(part.log_probabilities, 0.5)), atol=5e-3
        )
    result = exporting.agreement(
        partial(answers, ensemble), images, np.arange(IMAGES), of_study, 0.5
    )
    assert result["n_images"] == IMAGES
    assert result["compared"] > IMAGES / 4


def test_the_program_answers_any_number_of_images_as_the_module(members, images, tmp_path):
    ensemble = loading.Deployable(members, "mean_probability", 0.7).eval()
    exporting.write_program(ensemble, SIDE, path := tmp_path / "ensemble.onnx")
    # Which would tell the folders of whoever exported it.
    assert b'.py", line' not in path.read_bytes()
    expected, run = answers(ensemble, images), exporting.onnx_runner(path, 1)
    for count in (1, 2, IMAGES):
        for of_program, of_module in zip(run(images[:count]), expected, strict=True):
            np.testing.assert_allclose(of_program, of_module[:count], atol=1e-5)
    with pytest.raises(Exception, match=r"(?i)float"):
        run(images[:1].astype(np.float32) / 255)
    with pytest.raises(
        TypeError, match=r"images: expected uint8 B x H x W x 3, got torch\.float32; pass"
    ):
        ensemble(torch.from_numpy(images) / 255)
    with pytest.raises(TypeError, match=r"images: expected uint8 B x 8 x 8 x 3, got B x 8 x 4 x 3"):
        ensemble(torch.from_numpy(images[:, :, :4]))
    rows = exporting.times(path, images[:1], [1, 2])
    assert [row["threads"] for row in rows] == [1, 2]
    assert all(0 < row["low"] <= row["median"] <= row["high"] for row in rows)


@pytest.mark.parametrize(("spacings", "decided"), [(1, False), (16, True)])
def test_answers_that_differ_by_more_than_how_logits_are_stored_are_refused(
    members, images, spacings, decided
):
    """Ten answers turn by so many spacings of the stored logits."""
    small, member = members[0]
    large = nn.Linear(3, 3, bias=False)
    nn.init.eye_(large.weight).data.mul_(100)
    network = nn.Sequential(small, large)
    with torch.inference_mode():
        logits = (
            network(normalised(torch.from_numpy(images), MEMBER.mean, MEMBER.std))
            .numpy()
            .astype(np.float16)
        )
    every = np.arange(IMAGES)
    first, second = np.argsort(-logits[:10], axis=1)[:, :2].T
    spacing = np.spacing(np.abs(logits[:10]).max(axis=1))
    logits[every[:10], second] = logits[every[:10], first] + spacings * spacing
    kept = predictions_of(conditions_of([], [], IMAGES), np.zeros(IMAGES, int), logits[None])
    of_study = Ensemble([kept], "mean_probability")
    run = partial(answers, loading.Deployable([(network, member)], "mean_probability", 1))
    if decided:
        assert "disagrees with the study on " in fault_of(
            exporting.agreement, run, images, every, of_study, 1
        )
    else:
        assert 0 < exporting.agreement(run, images, every, of_study, 1)["compared"] <= IMAGES - 10


class Shown(nn.Module):
    """Logits that an image of one pixel shows: its colours, each a multiple of a quarter."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images.flatten(1) * 255).round() / 4


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_study_table_and_program_answer_the_same_images_at_every_threshold(
    temperature, tmp_path, monkeypatch, capsys
):
    """With many answers of one confidence, at which thresholds lie, and many whose probability is 1
    in float32."""
    random, labels = np.random.default_rng(0), np.arange(400) % CLASSES
    pixels = random.integers(0, 3, (400, 1, 1, CLASSES)) * 8
    pixels[np.arange(400), 0, 0, labels] += random.choice([8, 16, 240], 400)
    images = pixels.clip(0, 255).astype(np.uint8)
    table = conditions_of([], [], 400)
    predictions = predictions_of(
        table, labels, (images.reshape(1, 400, CLASSES) / 4).astype(np.float16)
    )
    ensemble = Ensemble([predictions], "mean_probability")
    halves = [
        Resampled(table, np.arange(first, 400, 2), Resampling(20, 0.95, 0)) for first in (0, 1)
    ]
    chosen, tried = (judged([ensemble], [temperature], half)[0] for half in halves)
    rows = pd.DataFrame(threshold_rows(ensemble, chosen, halves[0], tried, halves[1]))
    write_table(tmp_path / "thresholds.csv", rows)
    thresholds = exporting.threshold_constants(read_table(tmp_path / "thresholds.csv"))
    member = replace(MEMBER, mean=[0.0] * 3, std=[1.0] * 3)
    deployable = loading.Deployable([(Shown(), member)], "mean_probability", temperature)
    exporting.write_program(deployable.eval(), 1, tmp_path / "ensemble.onnx")
    about = {"classes": list("abc"), "side": 1, "margin": 1, "thresholds": thresholds}
    about["abstaining"] = {"threshold": None, "why": "27 films", "range": [0, 1]}
    about["inputs"] = {
        "mean": [0] * 8,
        "inverse": np.zeros((8, 8)).tolist(),
        "limit": 1,
        "range": [0, 0.5],
    }
    module = program_in(tmp_path, about)
    confidence, answers = tried["clean"].confidences["max_probability"][0], 0
    assert (confidence > 1 - 1e-9).mean() > 0.2
    for row in rows.dropna(subset=["threshold"]).itertuples():
        threshold = module.THRESHOLDS[row.selection_images][row.goal][row.target]
        assert threshold == row.threshold
        abstained = module.load(threshold)(images[1::2])[2]
        np.testing.assert_array_equal(~abstained, confidence >= row.threshold)
        assert (~abstained).mean() == pytest.approx(row.coverage)
        answers += (~abstained).sum()
    assert answers > 500
    unmet = rows[rows["threshold"].isna()]
    assert {
        module.THRESHOLDS[row.selection_images][row.goal][row.target] for row in unmet.itertuples()
    } == {ABSTAIN}
    assert module.load(ABSTAIN)(images)[2].all()
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    for given, said in (([], "Never abstains: 27 films\n"), (["--threshold=2"], "")):
        monkeypatch.setattr("sys.argv", ["model.py", *given, str(tmp_path / "a.png")])
        assert module.main() == 0
        printed = capsys.readouterr()
        assert (printed.err, ", abstains" in printed.out) == (said, bool(given))
    assert not module.load()(images)[2].any()


def program_in(folder: Path, about: dict) -> ModuleType:
    """The exported program, as a user imports it, beside a program of onnxruntime and `about`
    it."""
    write_json(folder / "ensemble.json", about)
    for script in (Path(exporting.__file__).parent / "folder").glob("*.py"):
        shutil.copy(script, folder)
    module = module_from_spec(spec := spec_from_file_location("model", folder / "model.py"))
    spec.loader.exec_module(module)
    sys.path.remove(str(folder))
    del sys.modules["watching"]
    return module


def test_the_program_abstains_and_flags_as_the_study_asks(members, tmp_path, monkeypatch, capsys):
    """White pictures are flagged; a rate of abstentions above the range of the study is noticed,
    and said once."""
    ensemble = loading.Deployable(members, "mean_probability", 1).eval()
    exporting.write_program(ensemble, SIDE, tmp_path / "ensemble.onnx")
    common = np.random.default_rng(0).integers(100, 120, (400, SIDE, SIDE, 3)).astype(np.uint8)
    inputs = fitted(common, np.arange(400), Units.single(400), 0) | {"range": [0, 0.1]}
    about = {"classes": list("abc"), "side": SIDE, "margin": 1, "thresholds": {}, "inputs": inputs}
    about["abstaining"] = {"threshold": 0.999999, "why": "", "range": [0.0, 0.2]}
    module = program_in(tmp_path, about)
    answer = module.load()
    *_, abstained, unlike = answer(common[:50])
    assert abstained.all()
    assert unlike.sum() <= 3
    (note,) = answer.notes()
    assert note == (
        "It abstains too often: 50 of 50 images; 0.0% to 20.0% in the study, chance of a false "
        "alarm 1%"
    )
    assert answer(np.full((1, SIDE, SIDE, 3), 255, np.uint8))[3].all()
    Image.fromarray(common[0]).save(tmp_path / "a.png")
    monkeypatch.setattr("sys.argv", ["model.py", *12 * [str(tmp_path / "a.png")]])
    assert module.main() == 0
    assert capsys.readouterr().err.count("It abstains too often") == 1


def test_other_programs_read_the_metadata_of_the_card():
    errors = dict.fromkeys(("corrupted_error", "low", "high"), 0.2)
    row = pd.Series(
        {"number": 2, "clean_accuracy": 0.9, "confidence": 0.95, "n_images": 50} | errors
    )
    evidence = {"data": {"name": "photos: *mine*"}, "provenance": {"study": "s"}}
    card = ModelCard(f"---\n{exporting.front_matter(row, evidence)}---\n\n# A card")
    (first, second) = card.data.eval_results
    assert (first.metric_value, first.dataset_name, card.data.model_name) == (
        0.9,
        "photos: *mine*",
        "s-2",
    )
    assert (second.metric_value, second.metric_name) == (0.8, "Accuracy on corrupted images")


DEPLOYMENT = pd.DataFrame(
    {"number": [1, 2, 3, 4], "size": [1, 1, 2, 3], "macs": [1e6, 2e6, 3e6, np.nan]}
)
DEPLOYMENT = DEPLOYMENT.assign(
    selection_error=[0.3, 0.1, 0.2, np.nan], corrupted_error=0.3, fit=True
)
DEPLOYMENT["instead"] = DEPLOYMENT["number"]


def test_the_ensemble_that_is_named():
    """Within limits, the recommended one stands for the best."""
    few = {"best under 1500 kMACs": 1, "best under 1500000 MACs": 1, "best under 2M MACs": 2}
    few |= {"best of at most 2 members under 1.5 M MACs": 1}
    recommended = DEPLOYMENT.assign(selection_error=[0.3, 0.2, 0.1, np.nan], instead=[1, 1, 2, 4])
    limited = {"most_accurate": 3, "best under 2 M MACs": 1, "best of at most 1 member": 1}
    for table, named in (
        (DEPLOYMENT, {"best": 2, "best of at most 1 member": 2, "4": 4} | few),
        (recommended, {"best": 2} | limited),
        (recommended.assign(fit=[True, True, False, True]), {"most_accurate": 2}),
    ):
        assert {
            name: loading.chosen_row(table, checked_ensemble(name)).number for name in named
        } == named


def test_the_temperature_of_an_ensemble_is_that_of_its_row():
    rows = [("a+b", 0.7, 90), ("a", 1.5, 50), ("a", 1, 50)]
    table = pd.DataFrame(rows, columns=["members", "temperature", "n_fitted_images"])
    table = table.assign(fitted_images="validation", note=np.nan)
    assert loading.temperature_of(table, "a") == loading.Temperature(1.5, 50, "validation", "")
    unfitted = loading.temperature_of(table.assign(n_fitted_images=0, note="none"), "a+b")
    assert unfitted == loading.Temperature(1, 0, "", "none")


def test_a_factory_is_called_if_the_caller_or_the_file_of_the_study_names_it(tmp_path):
    results, factory = tmp_path / "results/mine", "own_networks:small"
    described = Member(
        "a-s0",
        factory=factory,
        arguments={"width": 4, "classes": 2},
        mean=MEMBER.mean,
        std=MEMBER.std,
    )
    write_member(results / "members/a-s0", build(described, 2, 0), described)
    row = {
        "member": "a-s0",
        "members": "a-s0",
        "number": 1,
        "rule": "mean_probability",
        "temperature": 1.0,
    }
    row |= {"n_fitted_images": 0, "note": "", "validation_accuracy": 0.5}
    for name in ("deployment", "members", "temperatures"):
        write_csv(results / f"tables/{name}.csv", [row])
    end_run(results, {"study": {}})
    said = fault_of(loading.load_ensemble, results, 1)
    assert "member.json: factory 'own_networks:small' would run code" in said
    assert loading.load_ensemble(results, 1, allow={factory}).members == [described]
    for file, study, loads in (("studies/a.yaml", "other", False), ("b.yaml", "mine", True)):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(
            f"study: {study}\ndesigns: {{a: {{factory: '{factory}'}}, b: {{}}}}\n"
        )
        with nullcontext() if loads else pytest.raises(Fault):
            assert loading.load_ensemble(results, 1).members == [described]


def test_members_without_a_network_or_with_a_crop_of_their_own_are_not_exported():
    deployment = DEPLOYMENT.assign(members=["a-s0", "b-s0", "a-s0+b-s0", "a-s0+b-s0+oracle"])
    networks = [MEMBER, replace(MEMBER, member="b-s0", view={"size": 64})]
    assert loading.exportable_row(deployment, "best", networks, of_files=False).number == 2
    assert loading.exportable_row(deployment, 1, networks, of_files=True).number == 1
    said = fault_of(loading.exportable_row, deployment, 4, networks, of_files=False)
    assert said.startswith(
        "ensemble a-s0+b-s0+oracle: cannot be exported: only predictions of oracle"
    )
    said = fault_of(loading.exportable_row, deployment, 3, networks, of_files=True)
    assert "ensemble: cannot be exported: b-s0 needs its own image cropping" in said
