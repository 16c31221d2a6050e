"""The space of sub-networks, what training them costs, and the super-network: its training and extraction."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.designs.networks import build, logits_and_features, parameters_and_macs, write_member
from resiliency.designs.settings import Design
from resiliency.search.network import (
    Residual,
    Supernetwork,
    extract,
    progressive_phases,
    reorder,
    start_from,
    supernet_loss,
    training_macs,
)
from resiliency.search.searching import recalibrate
from resiliency.search.space import Space, largest_shape, macs

pytestmark = pytest.mark.slow

SIDE = 32
CHANNELS = [8, 8, 12, 16]
KINDS = {
    "basic": ("resnet18", {"channels": CHANNELS, "layers": [1, 2, 1, 2]}),
    "basic, first shortcut as it is": ("resnet18", {"channels": [64, 8, 8, 8], "layers": [2, 1, 1, 1]}),
    "bottleneck": ("resnet26", {"channels": CHANNELS, "layers": [2, 1, 1, 2]}),
    "bottleneck, first shortcut as it is": ("resnet26", {"channels": [16, 8, 8, 8], "layers": [2, 1, 1, 1]}),
}


def described(kind: str, side: int = SIDE, stem: str = "original") -> dict:
    architecture, arguments = KINDS[kind]
    return Design(architecture=architecture, arguments=arguments, stem=stem).description(side)


def space_of(kind: str = "basic", width=(1, 0.5), depth=None) -> Space:
    layers = KINDS[kind][1]["layers"]
    elastic = {"depth": depth or [1] * len(layers), "width": list(width)}
    return Space.of_design(described(kind), elastic, 3)


def every_vector(space: Space) -> list[np.ndarray]:
    return [np.array(genes) for genes in product(*map(range, space.sizes))]


def test_all_sub_networks_by_ascending_macs():
    space = space_of(width=(1, 0.75, 0.5))
    assert [space.macs(genes) for genes in space.all()] == sorted(space.macs(genes) for genes in every_vector(space))
    assert len({str(space.shape(genes)) for genes in space.all()}) == space.count


def test_what_training_costs():
    space = space_of(depth=[1, 2, 1, 2])
    largest, smallest = space.macs(0 * space.sizes), space.macs(space.sizes - 1)
    mean = np.mean([space.macs(genes) for genes in every_vector(space)])
    assert training_macs(space, "sandwich", 2, []) == pytest.approx(largest + smallest + 2 * mean, rel=0.05)
    phases = [[], ["width"]]
    assert training_macs(space, "progressive", 1, phases) == pytest.approx(largest + mean / 2, rel=0.05)


def supernetwork(space: Space, seed: int = 0) -> Supernetwork:
    """A super-network none of whose weights, statistics included, is at its initial value."""
    torch.manual_seed(seed)
    network = Supernetwork(space.largest)
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_var", "weight")) and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim == 1:
            tensor.uniform_(-0.2, 0.2)
    return network.eval()


def images(count: int = 6, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("side", "stem"), [(32, "original"), (32, "auto"), (56, "auto"), (64, "auto"), (80, "auto")])
def test_the_largest_sub_network_is_the_network_of_the_design(kind, side, stem):
    description = described(kind, side, stem)
    theirs, shape = build(description, 3, 0).eval(), largest_shape(description, 3)
    ours = Residual(shape).eval()
    ours.load_state_dict(theirs.state_dict())
    batch = torch.randn(2, 3, side, side)
    torch.testing.assert_close(ours(batch), theirs(batch))
    torch.testing.assert_close(logits_and_features(ours, batch)[1], logits_and_features(theirs, batch)[1])
    assert parameters_and_macs(theirs, [side, side, 3])[1] == macs(shape, side)


@pytest.mark.parametrize("kind", KINDS)
def test_sub_networks_of_every_kind_are_extracted_as_they_were(kind):
    """After estimating statistics, each equals the super-network that took its shape, and costs what it says."""
    space = space_of(kind, width=(1, 0.75, 0.4))
    network, batch, random = supernetwork(space), images(), np.random.default_rng(0)
    for genes in [0 * space.sizes, space.sizes - 1, *(space.random(random) for _ in range(5))]:
        shape = space.shape(genes)
        network.activate(shape)
        recalibrate(network, [images(8, seed) for seed in (3, 4)])
        small = extract(network, shape).eval()
        with torch.no_grad():
            torch.testing.assert_close(small(batch), network(batch), rtol=1e-5, atol=1e-5)
        recalibrate(small, [images(8, seed) for seed in (3, 4)])
        with torch.no_grad():
            torch.testing.assert_close(small(batch), network(batch), rtol=1e-4, atol=1e-4)
        shapes, expected = ({name: t.shape for name, t in of.state_dict().items()} for of in (small, Residual(shape)))
        assert shapes == expected
        assert parameters_and_macs(small, [SIDE, SIDE, 3])[1] == space.macs(genes)


def test_statistics_by_hand():
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    batches = [images(4, 1), 2 * images(4, 2) + 1]
    recalibrate(network, batches)
    mean = torch.stack([batch.mean(dim=(0, 2, 3)) for batch in batches]).mean(dim=0)
    variance = torch.stack([batch.var(dim=(0, 2, 3)) for batch in batches]).mean(dim=0)
    torch.testing.assert_close(network[0].running_mean, mean)
    torch.testing.assert_close(network[0].running_var, variance)
    assert network[0].momentum == 0.1
    assert not network.training


@pytest.mark.parametrize("kind", KINDS)
def test_reordering_keeps_the_function_and_sorts_by_importance(kind):
    space = space_of(kind)
    network, batch = supernetwork(space), images()
    with torch.no_grad():
        before = network(batch)
        reorder(network)
        torch.testing.assert_close(network(batch), before, rtol=1e-4, atol=1e-4)
    norms = network.layer1[0].conv1.weight.square().sum(dim=(1, 2, 3))
    assert torch.equal(norms, norms.sort(descending=True).values)


def test_a_started_super_network_acts_as_the_member(tmp_path):
    """Even if the member has outputs that the data set lacks."""
    description = described("bottleneck")
    member = build(description, 5, 0).eval()
    write_member(tmp_path, member, Member("a", outputs=[4, 0, 2], network_outputs=5, **description))
    network = Supernetwork(space_of("bottleneck").largest).eval()
    start_from(network, tmp_path / "weights.safetensors")
    torch.testing.assert_close(network(images()), member(images())[:, [4, 0, 2]], rtol=1e-4, atol=1e-4)
    with pytest.raises(Fault, match=r"weights.safetensors: not the weights of search.design"):
        start_from(Supernetwork(space_of("basic").largest), tmp_path / "weights.safetensors")


def test_the_sandwich_by_hand():
    space = space_of()
    network, batch, labels = supernetwork(space).train(), images(), torch.tensor([0, 1, 2, 0, 1, 2])
    loss = supernet_loss(space, "sandwich", 2, 100, smoothing=0.1, phases=[])
    torch.manual_seed(7)
    value = loss([network], batch, labels)
    value.backward()
    gradients = {name: p.grad.clone() for name, p in network.named_parameters()}
    random = np.random.default_rng(7)
    network.zero_grad()
    logits = network(batch)
    expected = F.cross_entropy(logits, labels, label_smoothing=0.1)
    target = logits.detach().softmax(dim=1)
    for genes in (space.sizes - 1, space.random(random), space.random(random)):
        network.activate(space.shape(genes), follow=False)
        expected = expected - (target * network(batch).log_softmax(dim=1)).sum(dim=1).mean()
    expected.backward()
    torch.testing.assert_close(value, expected)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad)


def test_shrinking_opens_one_dimension_after_the_other():
    space = space_of()
    phases = progressive_phases(space.dimensions, started=False)
    assert phases == [[], ["depth"], ["depth", "width"]]
    assert progressive_phases(["depth", "width"], started=True) == [["depth"], ["depth", "width"]]
    assert progressive_phases([], started=True) == [[]]
    network, changed = supernetwork(space).train(), set()
    loss = supernet_loss(space, "progressive", 4, 30, smoothing=0, phases=phases)
    network.activate = lambda shape, follow=True: (
        changed.update(key for key in ("layers", "channels") if shape[key] != space.largest[key]),
        Supernetwork.activate(network, shape, follow),
    )
    for steps, expected in ((3, set()), (2, {"layers"}), (3, {*space.largest})):
        changed.clear()
        for _ in range(steps):
            loss([network], images(4), torch.tensor([0, 1, 2, 0]))
        assert changed <= expected
        assert bool(changed) == bool(expected)
    assert "channels" in changed
