"""The device of these tests: a CUDA device where there is one, else the pretended one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pretended import PretendedCuda, cuda_device

from resiliency.storage.files import write_array, write_json

SIDE, CLASSES = 32, 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cuda)


@pytest.fixture
def cuda() -> Iterator[None]:
    """The device of a test that has no need to count."""
    with cuda_device():
        yield


@pytest.fixture
def pretended() -> Iterator[PretendedCuda]:
    """The pretended device, for what only it can count."""
    with PretendedCuda() as gpu:
        yield gpu


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of a stored data set of 32 training and 10 validation images, as `train_members` takes them."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    paths = {"card": str(folder / "card.json")}
    for split, prefix, count in (("train", "", 32), ("validation", "validation_", 10)):
        arrays = {
            "images": random.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8),
            "labels": np.arange(count) % CLASSES,
        }
        for name, array in arrays.items():
            paths[prefix + name] = str(folder / split / f"{name}.npy")
            write_array(paths[prefix + name], array)
    card = {
        "classes": [f"class {index}" for index in range(CLASSES)],
        "image_shape": [SIDE, SIDE, 3],
        "mean": [0.5] * 3,
        "std": [0.3] * 3,
        "splits": {"train": {"images": 32}},
    }
    write_json(paths["card"], card)
    return paths
