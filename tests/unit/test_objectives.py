"""The losses of joint training, the precision of the arithmetic of training, and how logits are
stored."""

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from torch import nn

from resiliency.base.faults import Fault
from resiliency.designs import device
from resiliency.designs.device import layer_precision
from resiliency.designs.members import Member
from resiliency.prediction.writing import logits, storable
from resiliency.training.objectives import OBJECTIVES, independent, joint_loss, loss_of_logits
from resiliency.training.settings import JOINT_OBJECTIVES

LOSS_WEIGHTS = {name: 0.7 if JOINT_OBJECTIVES[name] else 0 for name in OBJECTIVES}
PENALISED = [name for name, loss_weight in LOSS_WEIGHTS.items() if loss_weight]


def random_case(members: int = 3, n_images: int = 5, classes: int = 4, seed: int = 0):
    """Logits, of images that the members are differently sure of, and labels."""
    random = torch.Generator().manual_seed(seed)
    sureness = 10 ** torch.linspace(-1, 1, n_images)[:, None]
    logits = sureness * torch.randn(members, n_images, classes, generator=random)
    return logits, torch.randint(classes, (n_images,), generator=random)


def value_and_gradient(loss, logits):
    leaf = logits.clone().requires_grad_()
    value = loss(leaf)
    value.backward()
    return value.detach(), leaf.grad


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_weight_zero_is_independent_training_to_the_bit(name, dtype, seed):
    logits, labels = random_case(seed=seed)
    logits = logits.to(dtype)
    value, gradient = value_and_gradient(lambda x: loss_of_logits(name, x, labels, 0.0), logits)
    expected = value_and_gradient(lambda x: independent(x.float(), labels), logits)
    assert torch.equal(value, expected[0])
    assert torch.equal(gradient, expected[1])


@pytest.mark.parametrize("name", PENALISED)
@pytest.mark.parametrize("loss_weight", [0.0, 0.4, 1.0])
def test_gradients_are_those_of_finite_differences(name, loss_weight):
    logits, labels = random_case()
    leaf = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss_of_logits(name, x, labels, loss_weight), leaf)


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize(("members", "classes"), [(2, 3), (8, 9), (8, 100)])
@pytest.mark.parametrize("name", PENALISED)
def test_huge_logits_stay_finite_in_float32(name, members, classes, scale):
    """Random ones, one member certain of the truth, one of an error, all the same."""
    logits, labels = random_case(members, 5, classes)
    logits = scale * logits / logits.abs().amax()
    logits[0, 0], logits[1, 0], logits[:, 1] = 0, 0, logits[0, 1]
    logits[0, 0, labels[0]], logits[1, 0, labels[0] - 1] = scale, scale
    value, gradient = value_and_gradient(lambda x: loss_of_logits(name, x, labels, 1.0), logits)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", PENALISED)
def test_bfloat16_is_computed_in_float32_in_and_out_of_autocast(name):
    logits, labels = random_case()
    logits = logits.bfloat16()
    precise = loss_of_logits(name, logits.float(), labels, 0.5)
    assert loss_of_logits(name, logits, labels, 0.5) == precise
    with torch.autocast("cpu", torch.bfloat16):
        assert loss_of_logits(name, logits, labels, 0.5) == precise


def _ncl(p, z, y):
    return -sum(np.sum((one - p.mean(axis=0)) ** 2) for one in p) / len(p)


def _kl(p, z, y):
    g = np.prod(p, axis=0) ** (1 / len(p))
    g /= g.sum()
    return -sum(np.sum(g * np.log(g / one)) for one in p) / len(p)


def _gncl(p, z, y):
    q = softmax(z.mean(axis=0))
    hessian_matrix = np.diag(q) - np.outer(q, q)
    return -sum((one - z.mean(axis=0)) @ hessian_matrix @ (one - z.mean(axis=0)) for one in z) / (
        2 * len(z)
    )


def _balanced(p, z, y):
    return np.log(p[:, y]).mean() - np.log(p[:, y].mean())


# Penalty of one image, from its probabilities MxK, logits MxK and label.
PENALTIES = {"balanced": _balanced, "gncl": _gncl, "ncl": _ncl, "kl": _kl}


@pytest.mark.parametrize("name", PENALISED)
@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(2, 7),
    st.floats(0.01, 1),
    st.integers(0, 1000),
)
@settings(max_examples=25)
def test_against_numpy_image_by_image(name, members, images, classes, loss_weight, seed):
    logits, labels = random_case(members, images, classes, seed)
    logits = logits.double().clamp(-15, 15)
    expected = 0.0
    for i in range(images):
        z, y = logits[:, i].numpy(), int(labels[i])
        members_loss = -log_softmax(z, axis=1)[:, y].mean()
        expected += (
            members_loss + loss_weight * PENALTIES[name](softmax(z, axis=1), z, y)
        ) / images
    assert float(loss_of_logits(name, logits, labels, loss_weight)) == pytest.approx(
        expected, rel=1e-7, abs=1e-7
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_joint_loss_is_of_the_logits_of_networks(name):
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(12, 3)) for _ in range(2)]
    images, labels = torch.rand(4, 3, 2, 2), torch.arange(4) % 3
    plain, penalised = (
        joint_loss(name, weight)(networks, images, labels) for weight in (0, LOSS_WEIGHTS[name])
    )
    assert torch.isfinite(plain)
    assert (plain != penalised) == (name in PENALISED)


CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, "bfloat16")
            for name in ("resnet18", "densenet121", "regnetx_002", "regnety_002", "fasternet_t0")
        ),
        *((name, "float32") for name in ("mobilenetv3_small_050", "starnet_s050", "convnext_atto")),
        ("vit_tiny_patch16_224", "float32"),
    ],
)
def test_auto_is_bfloat16_for_convolutions_but_depthwise_ones_where_the_processor_has_it(
    monkeypatch, name, expected
):
    monkeypatch.setattr(device, "bfloat16_in_hardware", lambda: True)
    network = timm.create_model(name, num_classes=10)
    assert layer_precision("auto", [network], CPU) == expected
    assert layer_precision("auto", [timm.create_model("resnet18"), network], CPU) == expected
    assert [layer_precision(given, [network], CPU) for given in ("float32", "bfloat16")] == [
        "float32",
        "bfloat16",
    ]


@pytest.mark.parametrize(
    "values", [[70_000.0, 70_001.0, 69_999.5], [-1e9, -1e9 + 64, -1e9 - 128], [3e38, -3e38, 2e38]]
)
def test_large_logits_keep_their_order_and_probabilities(values):
    given = np.array([values, [1.0, 2.0, 3.0]], np.float32)
    kept = storable(given, "a")
    assert kept.dtype == np.float16
    assert np.isfinite(kept).all()
    assert kept.argmax(axis=1).tolist() == given.argmax(axis=1).tolist()
    np.testing.assert_allclose(
        softmax(kept.astype(float), axis=1), softmax(given.astype(float), axis=1), rtol=2e-3
    )
    assert kept[1].tolist() == [1, 2, 3]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused_with_the_name_of_the_member(wrong):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    network[1].bias.data[1] = wrong
    member = network, Member("vit-s1", mean=[0.5] * 3, std=[0.2] * 3)
    with pytest.raises(Fault, match=r"^vit-s1: logits contain NaN or infinity for 3 of 3 images$"):
        logits(member, np.zeros((3, 8, 8, 3), np.uint8))
