"""Image files that are broken, small or no images are named in one line, and hurt nothing."""

import io
import re
import struct
import zlib

import pytest
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import NOISE, saved
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.data.pictures import decode, header_fault


def encoded(suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, format={"jpg": "JPEG"}.get(suffix, suffix))
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("kept", [0, 1, 11, 24, 40, 100, 0.3, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, suffix, kept):
    path = tmp_path / f"cut.{suffix}"
    whole = encoded(suffix)
    path.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    message = fault_of(decode, path)
    assert message.startswith(f"{path}: ")
    assert message.endswith("; replace or remove it")


def decoded_or_fault(path) -> str:
    try:
        return decode(path).mode
    except Fault as fault:
        return str(fault)


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
        outcome = decoded_or_fault(path)
    assert re.fullmatch(rf"RGB|{re.escape(str(path))}: .*; replace or remove it", outcome)


@pytest.mark.parametrize(
    "content", [b"", b"not an image\n", b"GIF89a" + bytes(50), b"RIFF\0\0\0\0WEBP", encoded("bmp")]
)
def test_what_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "text.jpg"
    path.write_bytes(content)
    assert fault_of(decode, path) == f"{path}: not a JPEG, PNG or WebP image; replace or remove it"
    assert header_fault(path) == f"{path}: not a JPEG, PNG or WebP image; replace or remove it"


def bomb(path) -> None:
    """A PNG of 100,000 x 100,000 black pixels, a few bytes long."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))))


def test_a_decompression_bomb_is_named(tmp_path):
    bomb(tmp_path / "bomb.png")
    message = fault_of(decode, tmp_path / "bomb.png")
    assert message.startswith(f"{tmp_path / 'bomb.png'}: cannot be decoded (Image size (10000000000 pixels)")
    assert header_fault(tmp_path / "bomb.png") == message


@pytest.mark.parametrize("size", [(31, 400), (400, 31), (1, 1)])
def test_small_images_are_named(tmp_path, size):
    path = saved(tmp_path / "small.png", Image.new("RGB", size))
    expected = f"{path}: expected at least 32x32 pixels, got {size[0]}x{size[1]}; replace or remove it"
    assert fault_of(decode, path) == expected
    assert header_fault(path) == expected
