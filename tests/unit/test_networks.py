"""Networks: reproducible, described, read back as they were written; their stems for small images,
and gradients."""

from copy import deepcopy

import pytest
import timm
import torch
import torch.nn.functional as F
from small_training import RECIPE, separable, single, train
from torch import nn
from trainings import DESIGNS

from resiliency.designs.layers import adapt_stem, map_side, with_right_gradients
from resiliency.designs.members import Member
from resiliency.designs.networks import (
    build,
    logits_and_features,
    normalised,
    parameters_and_macs,
    read_member,
    write_member,
)
from resiliency.search.network import _Conv

MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


def member(side: int, family: str = "resnet", stem: str = "auto", **known) -> Member:
    return Member(
        "a", **DESIGNS[family].model_copy(update={"stem": stem}).description(side), **known
    )


def test_stems_are_adapted_to_small_images_unless_told_otherwise():
    macs = {}
    for side, stem in ((32, "auto"), (64, "auto"), (65, "auto"), (32, "original")):
        macs[side, stem] = parameters_and_macs(build(member(side, stem=stem), 10, 0), [32, 32, 3])
    assert len({parameters for parameters, _ in macs.values()}) == 1
    assert macs[32, "auto"][1] > macs[64, "auto"][1] > macs[65, "auto"][1]
    assert macs[65, "auto"] == macs[32, "original"]


@pytest.mark.parametrize("family", DESIGNS)
def test_the_classifier_is_applied_to_the_penultimate_features(family):
    network = build(member(224, family), 10, 0).eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        feature = logits_and_features(network, images)[1]
        expected = network(images)
        assert feature.ndim == 2
        classifier = network.get_classifier()
        torch.testing.assert_close(
            feature @ classifier.weight.T + classifier.bias, expected, atol=1e-5, rtol=1e-4
        )


def test_macs_count_attention():
    """16 patches of 8x8 and one class token, width 24, two blocks whose hidden layers are four
    times as wide."""
    tokens, width = 17, 24
    projections = tokens * width * (3 * width + width)
    attention = 2 * tokens * tokens * width
    hidden = 2 * tokens * width * 4 * width
    _, macs = parameters_and_macs(build(member(32, "vit"), 10, 0), [32, 32, 3])
    assert macs == 16 * (8 * 8 * 3) * width + 2 * (projections + attention + hidden) + width * 10


def test_normalised_is_the_formula_to_the_bit_and_channels_last():
    images = torch.randint(
        0, 256, (5, 7, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    for view in (images, images[1:4, ::2, 1:]):
        result = normalised(view, MEAN, STD)
        assert torch.equal(result, ((view / 255 - mean) / std).permute(0, 3, 1, 2))
        assert result.is_contiguous(memory_format=torch.channels_last)


def test_members_come_back_to_the_bit(tmp_path):
    described = member(32, classes=list("0123456789"), network_outputs=10, mean=MEAN, std=STD)
    network = build(described, 10, seed=3)
    with torch.no_grad():
        network.train()(torch.rand(4, 3, 32, 32))  # moves the running statistics
    write_member(tmp_path, network, described)
    read, of_file = read_member(tmp_path)
    assert of_file == described
    assert not read.training
    written = network.state_dict()
    assert read.state_dict().keys() == written.keys()
    assert all(
        torch.equal(tensor.cpu(), written[name]) for name, tensor in read.state_dict().items()
    )


# Side of the last feature map at 32 px with the original stem and the adapted one, and at 64 px
# with the adapted one.
SIDES = {
    "resnet10t": (1, 4, 4),
    "densenet121": (1, 4, 4),
    "regnetx_002": (1, 2, 4),
    "mobilenetv3_small_050": (1, 2, 4),
    "tf_mobilenetv3_small_minimal_100": (1, 2, 4),
    "convnext_atto": (1, 4, 4),
    "starnet_s050": (1, 2, 4),
    "dla46_c": (1, 2, 4),
    "mobilevit_xxs": (1, 2, 4),
    "test_vit": (0, 0, 0),
}
ARGUMENTS = {
    "densenet121": {"growth_rate": 4, "block_config": [1, 1, 1, 1]},
    "test_vit": {"img_size": 32},
}


@pytest.mark.parametrize("architecture", SIDES)
def test_the_last_feature_map_is_what_the_documentation_says(architecture):
    original, adapted, at_64 = SIDES[architecture]
    torch.manual_seed(0)
    built = timm.create_model(architecture, num_classes=5, **ARGUMENTS.get(architecture, {}))
    larger, before = (
        deepcopy(built),
        {name: tensor.shape for name, tensor in built.state_dict().items()},
    )
    assert map_side(built.eval(), 32) == original
    changes = adapt_stem(built.train(), 32)
    assert built.training
    assert bool(changes) == (adapted != original)
    assert map_side(built.eval(), 32) == adapted
    assert {name: tensor.shape for name, tensor in built.state_dict().items()} == before
    assert built(torch.rand(2, 3, 32, 32)).shape == (2, 5)
    adapt_stem(larger, 64)
    assert map_side(larger.eval(), 64) == at_64


def test_training_mends_them_and_the_function_and_the_names_of_weights_stay():
    torch.manual_seed(0)
    convolutions = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 9, 1, stride=2)
    plain = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to(
        memory_format=torch.channels_last
    )
    pictures = torch.rand(5, 3, 9, 7)
    mended, trained = with_right_gradients(deepcopy(plain)), deepcopy(plain)
    assert list(mended.state_dict()) == list(plain.state_dict())
    for one in (mended, deepcopy(mended), with_right_gradients(mended)):
        torch.testing.assert_close(one(pictures), plain(pictures))
    train([trained], single, RECIPE, separable(), separable())
    assert mended[1].stride == trained[1].stride == (1, 1)


@pytest.mark.parametrize(
    ("channels", "kernel", "mended"), [(7, 1, True), (8, 1, False), (7, 3, False)]
)
def test_elastic_convolutions_take_their_pixels_first_where_gradients_are_wrong(
    monkeypatch, channels, kernel, mended
):
    """Without AVX-512, oneDNN has wrong gradients of weights of strided 1x1 convolutions of fewer
    than 8 channels."""
    strides, convolve = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *given: strides.append(given[3]) or convolve(*given))
    elastic = _Conv(16, 12, kernel, stride=2, padding=kernel // 2, bias=False)
    elastic(torch.randn(2, channels, 8, 8))
    assert strides == [(1, 1) if mended else (2, 2)]
