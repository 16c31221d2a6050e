"""Fixtures of several files of tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image

settings.register_profile("unit", deadline=None)  # a busy machine makes any example slow
settings.load_profile("unit")


@pytest.fixture(scope="session")
def grey_picture(tmp_path_factory) -> Path:
    """A JPEG of 32x32 pixels, for hard links."""
    path = tmp_path_factory.mktemp("picture") / "grey.jpg"
    Image.new("RGB", (32, 32), "grey").save(path)
    return path


@pytest.fixture
def write(tmp_path):
    """A function that writes a text into a file of the test, by default a table, and returns its
    path."""

    def written(text: str, name: str = "file.csv") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return written


@pytest.fixture
def put_pictures(tmp_path, grey_picture):
    """A function that puts the picture at each of the paths, below the folder of the test."""

    def link(*paths: str) -> None:
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            os.link(grey_picture, tmp_path / path)

    return link
