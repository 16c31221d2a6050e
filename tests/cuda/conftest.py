"""The device of these tests: a CUDA device where there is one, else the pretended one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended import PretendedCuda, cuda_device
from trainings import stored


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
    return stored(tmp_path_factory.mktemp("data"), 32, classes=3)
