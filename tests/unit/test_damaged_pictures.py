"""Image files that are broken, small or no images are named in one line, and hurt nothing."""

import io
import re

import pytest
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import NOISE
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.data.pictures import decode, header_fault


def encoded(suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, format={"jpg": "JPEG"}.get(suffix, suffix))
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@settings(deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 599), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_files_decode_or_are_named(tmp_path_factory, suffix, changes):
    content = bytearray(encoded(suffix))
    for position, value in changes:
        content[position] = value
    path = tmp_path_factory.getbasetemp() / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)
        try:
            outcome = decode(path).mode
        except Fault as fault:
            outcome = str(fault)
    assert re.fullmatch(rf"RGB|{re.escape(str(path))}: .*; replace or remove it", outcome)


@pytest.mark.parametrize(
    "content", [b"", b"not an image\n", b"GIF89a" + bytes(50), b"RIFF\0\0\0\0WEBP", encoded("bmp")]
)
def test_what_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "text.jpg"
    path.write_bytes(content)
    assert fault_of(decode, path) == f"{path}: not a JPEG, PNG or WebP image; replace or remove it"
    assert header_fault(path) == f"{path}: not a JPEG, PNG or WebP image; replace or remove it"
