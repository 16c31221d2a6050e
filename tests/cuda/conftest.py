"""The device of these tests: a CUDA device where there is one, else the pretended one."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pretended import cuda_device
from trainings import stored


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.cuda)


@pytest.fixture
def gpu() -> Iterator[Counter[str] | None]:
    """The device; what is waited for, or None if it is a real one."""
    with cuda_device() as waited:
        yield waited


@pytest.fixture
def waits(gpu: Counter[str] | None) -> Counter[str]:
    """What is waited for, for tests of what only the pretended device can count."""
    if gpu is None:
        pytest.skip("a real device does not count")
    return gpu


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of a stored data set of 32 training and 10 validation images, as `train_members` takes
    them."""
    return stored(tmp_path_factory.mktemp("data"), 32, classes=3)
