"""The space of sub-networks and the super-network: its cost, training and extraction; and the
search over it."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.designs.networks import (
    build,
    logits_and_features,
    parameters_and_macs,
    write_member,
)
from resiliency.designs.settings import Design
from resiliency.diversity.predictions import jensen_shannon
from resiliency.search import network as networks
from resiliency.search import searching
from resiliency.search.space import Elastic, Search, Space, largest_shape, macs
from resiliency.training.engine import Checkpoint, LabelledImages

pytestmark = pytest.mark.slow

SIDE = 32
CHANNELS = [8, 8, 12, 16]
KINDS = {
    "basic": ("resnet18", {"channels": CHANNELS, "layers": [1, 2, 1, 2]}),
    "basic, first shortcut as it is": (
        "resnet18",
        {"channels": [64, 8, 8, 8], "layers": [2, 1, 1, 1]},
    ),
    "bottleneck": ("resnet26", {"channels": CHANNELS, "layers": [2, 1, 1, 2]}),
    "bottleneck, first shortcut as it is": (
        "resnet26",
        {"channels": [16, 8, 8, 8], "layers": [2, 1, 1, 1]},
    ),
}


def description(kind: str, side: int = SIDE, stem: str = "original") -> dict:
    architecture, arguments = KINDS[kind]
    return Design(architecture=architecture, arguments=arguments, stem=stem).description(side)


def space_of(kind: str = "basic", width=(1, 0.5), depth=None) -> Space:
    layers = KINDS[kind][1]["layers"]
    elastic = Elastic(depth=depth or [1] * len(layers), width=list(width))
    return Space.of_design(description(kind), elastic, 3)


def every_vector(space: Space) -> list[np.ndarray]:
    return [np.array(genes) for genes in product(*map(range, space.sizes))]


def test_all_sub_networks_by_ascending_macs():
    space = space_of(width=(1, 0.75, 0.5))
    assert [space.macs(genes) for genes in space.all()] == sorted(
        space.macs(genes) for genes in every_vector(space)
    )
    assert len({str(space.shape(genes)) for genes in space.all()}) == space.count


def test_what_training_costs():
    space = space_of(depth=[1, 2, 1, 2])
    largest, smallest = space.macs(0 * space.sizes), space.macs(space.sizes - 1)
    mean = np.mean([space.macs(genes) for genes in every_vector(space)])
    sandwich = Search(design="resnet18", random_subnetworks=2)
    assert networks.training_macs(space, sandwich) == pytest.approx(
        largest + smallest + 2 * mean, rel=0.05
    )
    progressive = Search(design="resnet18", strategy="progressive")
    assert networks.training_macs(space, progressive) == pytest.approx(largest + mean / 2, rel=0.05)


def supernetwork(space: Space) -> networks.Supernetwork:
    """A super-network none of whose weights, statistics included, is at its initial value."""
    torch.manual_seed(0)
    network = networks.Supernetwork(space.largest)
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_var", "weight")) and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim == 1:
            tensor.uniform_(-0.2, 0.2)
    return network.eval()


def images(count: int = 6, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("side", "stem"), [(32, "original"), (32, "auto"), (56, "auto"), (64, "auto"), (80, "auto")]
)
def test_the_largest_sub_network_is_the_network_of_the_design(kind, side, stem):
    of_design = description(kind, side, stem)
    theirs, shape = build(Member("a", **of_design), 3, 0).eval(), largest_shape(of_design, 3)
    ours = networks.Residual(shape).eval()
    ours.load_state_dict(theirs.state_dict())
    batch = torch.randn(2, 3, side, side)
    torch.testing.assert_close(ours(batch), theirs(batch))
    torch.testing.assert_close(
        logits_and_features(ours, batch)[1], logits_and_features(theirs, batch)[1]
    )
    assert parameters_and_macs(theirs, [side, side, 3])[1] == macs(shape, side)


@pytest.mark.parametrize("kind", KINDS)
def test_sub_networks_of_every_kind_are_extracted_as_they_were(kind):
    """After estimating statistics, each equals the super-network that took its shape, and costs
    what it says."""
    space = space_of(kind, width=(1, 0.75, 0.4))
    network, batch, random = supernetwork(space), images(), np.random.default_rng(0)
    for genes in [0 * space.sizes, space.sizes - 1, *(space.random(random) for _ in range(5))]:
        shape = space.shape(genes)
        network.activate(shape)
        searching.recalibrate(network, [images(8, seed) for seed in (3, 4)])
        small = networks.extract(network, shape).eval()
        with torch.no_grad():
            torch.testing.assert_close(small(batch), network(batch), rtol=1e-5, atol=1e-5)
        searching.recalibrate(small, [images(8, seed) for seed in (3, 4)])
        with torch.no_grad():
            torch.testing.assert_close(small(batch), network(batch), rtol=1e-4, atol=1e-4)
        shapes, expected = (
            {name: t.shape for name, t in of.state_dict().items()}
            for of in (small, networks.Residual(shape))
        )
        assert shapes == expected
        assert parameters_and_macs(small, [SIDE, SIDE, 3])[1] == space.macs(genes)


def test_statistics_by_hand():
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    batches = [images(4, 1), 2 * images(4, 2) + 1]
    searching.recalibrate(network, batches)
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
        networks.reorder(network)
        torch.testing.assert_close(network(batch), before, rtol=1e-4, atol=1e-4)
    norms = network.layer1[0].conv1.weight.square().sum(dim=(1, 2, 3))
    assert torch.equal(norms, norms.sort(descending=True).values)


def test_a_started_super_network_acts_as_the_member(tmp_path):
    """Even if the member has outputs that the data set lacks."""
    described = Member("a", outputs=[4, 0, 2], network_outputs=5, **description("bottleneck"))
    member = build(described, 5, 0).eval()
    write_member(tmp_path, member, described)
    network = networks.Supernetwork(space_of("bottleneck").largest).eval()
    networks.start_from(network, tmp_path / "weights.safetensors")
    torch.testing.assert_close(
        network(images()), member(images())[:, [4, 0, 2]], rtol=1e-4, atol=1e-4
    )
    with pytest.raises(Fault, match=r"weights.safetensors: not the weights of search.design"):
        networks.start_from(
            networks.Supernetwork(space_of("basic").largest), tmp_path / "weights.safetensors"
        )


def test_the_sandwich_by_hand():
    space = space_of()
    network, batch, labels = supernetwork(space).train(), images(), torch.tensor([0, 1, 2, 0, 1, 2])
    loss = networks.supernet_loss(
        space, Search(design="resnet18", random_subnetworks=2), 100, smoothing=0.1
    )
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
    space, alone = space_of(), space_of(width=[1], depth=KINDS["basic"][1]["layers"])
    settings = Search(design="resnet18", strategy="progressive", random_subnetworks=4)
    started = settings.model_copy(update={"start": "resnet18-s0"})
    assert networks.training_phases(space, settings) == [[], ["depth"], ["depth", "width"]]
    assert networks.training_phases(space, started) == [["depth"], ["depth", "width"]]
    assert networks.training_phases(alone, started) == [[]]
    network, changed = supernetwork(space).train(), set()
    loss = networks.supernet_loss(space, settings, 30, smoothing=0)
    network.activate = lambda shape, follow=True: (
        changed.update(key for key in ("layers", "channels") if shape[key] != space.largest[key]),
        networks.Supernetwork.activate(network, shape, follow),
    )
    for steps, expected in ((3, set()), (2, {"layers"}), (3, {*space.largest})):
        changed.clear()
        for _ in range(steps):
            loss([network], images(4), torch.tensor([0, 1, 2, 0]))
        assert changed <= expected
        assert bool(changed) == bool(expected)
    assert "channels" in changed


DESCRIPTION = Design(
    architecture="resnet18", arguments={"channels": [8, 8, 8, 8]}, stem="original"
).description(32)
SPACE = Space.of_design(DESCRIPTION, Elastic(depth=[1] * 4), 3)
SETTINGS = Search(design="resnet18", population=8, evaluations=40)


class Pretended:
    """Evaluates sub-networks without there being any; error falls with blocks of the first and
    width of the last stage.

    Args:
        stop: evaluations after which the process is killed.
    """

    def __init__(self, space: Space = SPACE, stop: int | None = None):
        self.space, self.stop, self.evaluated = space, stop, []
        self.validation = LabelledImages(None, np.arange(200) % 3)

    def probabilities(self, genes: np.ndarray) -> np.ndarray:
        if len(self.evaluated) == self.stop:
            raise KeyboardInterrupt
        self.evaluated.append(tuple(genes.tolist()))
        random = np.random.default_rng(list(genes))
        wrong = random.permutation(200)[
            : int(10 + 20 * genes[0] + 15 * genes[7] + random.integers(8))
        ]
        answers = self.validation.labels.copy()
        answers[wrong] = (answers[wrong] + 1) % 3
        return np.eye(3, dtype=np.float32)[answers] * 0.7 + 0.1


def known_problem(genes: np.ndarray) -> tuple[list[float], float]:
    """On the front, the ten vectors with f1 + f2 = 9, all genes but the first are 3."""
    off = float(np.abs(genes[1:] - 3).sum())
    return [genes[0] + off, 9 - genes[0] + off], 0.0


def test_the_front_of_a_known_problem_is_found():
    evaluated = []

    def score(genes):
        evaluated.append(tuple(genes.tolist()))
        return known_problem(genes)

    sizes, random = np.full(5, 10), np.random.default_rng(0)
    first = np.unique(random.integers(sizes, size=(24, 5)), axis=0)
    searching.evolve(score, 2, sizes, first, 1000, seed=0)
    assert len(evaluated) == len(set(evaluated)) == 1000
    objectives = np.array([known_problem(np.array(genes))[0] for genes in evaluated])
    front = objectives[searching.fronts(objectives)[0]]
    assert sorted(map(tuple, front)) == [(value, 9 - value) for value in range(10)]


def test_an_interrupted_search_ends_with_the_same_table_and_repeats_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("resiliency.training.engine.PAUSE", 0)
    whole = searching.search(Pretended(), SETTINGS, 0)
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", {})
    for stop in (15, 9):
        with pytest.raises(KeyboardInterrupt):
            searching.search(Pretended(stop=stop), SETTINGS, 0, checkpoint)
    last = Pretended()
    again = searching.search(last, SETTINGS, 0, checkpoint)
    assert list(again.items()) == list(whole.items())
    assert len(last.evaluated) == 40 - 15 - 9
    assert len(whole) == 40


def test_a_small_space_is_evaluated_whole():
    space = Space.of_design(DESCRIPTION, Elastic(depth=[1, 2, 2, 1], width=[1, 0.5]), 3)
    evaluator = Pretended(space)
    errors = searching.search(evaluator, SETTINGS.model_copy(update={"evaluations": 1000}), 0)
    assert len(set(evaluator.evaluated)) == len(evaluator.evaluated) == space.count == 64
    table = searching.search_table(space, errors, {3: "search-00"})
    assert [row["member"] for row in table if row["member"]] == ["search-00"]
    assert {row["layers"] for row in table} == {"1 2 2 1", "2 2 2 1", "1 2 2 2", "2 2 2 2"}


def test_the_best_ensemble_is_that_of_an_exhaustive_search():
    random = np.random.default_rng(0)
    labels = np.arange(80) % 3
    logits = random.normal(0, 1.2, (12, 80, 3)) + 1.2 * np.eye(3)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    macs = np.arange(1, 13).astype(float)
    divergence = jensen_shannon(probabilities.astype(np.float32))

    def value(chosen: tuple[int, ...]) -> tuple[float, float]:
        error = np.mean(probabilities[list(chosen)].mean(axis=0).argmax(axis=1) != labels)
        return error, -np.mean([divergence[pair] for pair in combinations(chosen, 2)])

    ensemble = searching.best_ensemble(probabilities, labels, macs, 3, 0)
    assert tuple(ensemble) == min(combinations(range(12), 3), key=value)


def test_members_spread_along_the_front_and_the_front_behind_it():
    """Error falls with MACs on the front; the sixth is behind the first."""
    objectives = np.array([(5, 1), (4, 2), (3, 3), (2, 4), (1, 5), (6, 1.5)])
    spread = {1: [0], 3: [0, 2, 4], 6: [0, 5, 1, 2, 3, 4]}
    assert {count: searching.along_the_front(objectives, count) for count in spread} == spread
