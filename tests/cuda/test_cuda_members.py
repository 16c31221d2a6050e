"""What is done with members on a CUDA device, or the pretended one: predictions, activations,
attributions, search."""

from functools import cache

import numpy as np
import pytest
from pretended import cuda_device, no_gpu
from trainings import DESIGNS

from resiliency.designs.members import Member
from resiliency.designs.networks import build, read_member, write_member
from resiliency.prediction.attributions import METHODS, attribution_maps
from resiliency.prediction.writing import features, logits, stage_grams
from resiliency.search.network import supernet_description, supernet_loss
from resiliency.search.searching import Evaluator
from resiliency.search.space import Elastic, Search, Space
from resiliency.training.engine import LabelledImages, Preprocessing, accuracies
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe

CARD = {"mean": [0.5] * 3, "std": [0.3] * 3}
PREPROCESSING = Preprocessing(**CARD)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(6) % 3

EXPLAINED = [("resnet", "label"), ("resnet", "prediction"), ("convnext", "label"), ("vit", "label")]


@pytest.fixture(scope="module")
def on_both(tmp_path_factory):
    """Computes a function of a family's member, with random weights and its outputs in another
    order.

    Returns what it gives on the CPU and on the device, as arrays.
    """
    folder = tmp_path_factory.mktemp("members")
    for family, design in DESIGNS.items():
        outputs = {"network_outputs": 3, "outputs": [1, 0, 2], "classes": ["a", "b", "c"]}
        member = Member("a-s0", **outputs, **CARD, **design.description(32))
        write_member(folder / family, build(member, 3, seed=0), member)

    @cache
    def read(family, device):
        """The member of a family, read once on each of the two devices."""
        return read_member(folder / family)

    def compute(family, function):
        with no_gpu():
            here = function(read(family, no_gpu))
        with cuda_device():
            network, member = read(family, cuda_device)
            assert next(network.parameters()).is_cuda
            return np.asarray(here), np.asarray(function((network, member)))

    return compute


@pytest.mark.parametrize("family", DESIGNS)
def test_predictions_features_and_grams_are_those_of_the_cpu(on_both, family):
    for function in (
        lambda member: logits(member, IMAGES),
        lambda member: features(member, IMAGES),
        lambda member: stage_grams(member, IMAGES),
    ):
        here, there = on_both(family, function)
        np.testing.assert_allclose(there, here, rtol=1e-2, atol=1e-2)
    data = LabelledImages(IMAGES, LABELS)
    assert on_both(family, lambda member: accuracies([member[0]], data, PREPROCESSING))[
        1
    ].shape == (1,)


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not")
@pytest.mark.parametrize(("family", "target"), EXPLAINED)
@pytest.mark.parametrize("method", METHODS)
def test_attributions_are_those_of_the_cpu(on_both, family, method, target):
    here, there = on_both(
        family, lambda member: attribution_maps(method, *member, IMAGES, LABELS, target, steps=2)
    )
    np.testing.assert_allclose(there, here, atol=2e-2)


@pytest.mark.parametrize("rule", ["sandwich", "progressive"])
def test_sub_networks_are_trained_evaluated_and_recalibrated_without_waiting(
    rule, data, tmp_path, gpu
):
    elastic = Elastic(depth=[1, 1, 1, 1], width=[1, 0.5])
    space = Space.of_design(DESIGNS["resnet"].description(32), elastic, 3)
    recipe = Recipe(epochs=4, batch_size=8, shift=2, flip=True).model_dump()
    job = [str(tmp_path / "supernet")], [supernet_description(space, None)], recipe
    loss = supernet_loss(space, Search(design="resnet", strategy=rule), 4 * 32, 0.0)
    train_members(*job, loss, data, (0, "train_supernet"), workers=0, code="")
    supernet, _ = read_member(tmp_path / "supernet")
    evaluated = Evaluator(supernet, space, IMAGES, LabelledImages(IMAGES, LABELS), PREPROCESSING)
    genes = space.random(np.random.default_rng(0))
    assert evaluated.probabilities(genes).shape == (6, 3)
    write_member(tmp_path / "search-00", evaluated.network(genes), Member("search-00"))
    if gpu is not None:
        gpu.clear()
        evaluated.network(0 * space.sizes)
        assert not gpu["_local_scalar_dense"]
