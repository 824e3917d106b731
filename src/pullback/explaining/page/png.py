"""Small pictures of arrays: one pixel an entry, as PNG in a data address."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def data_address(pixels: Pixels) -> str:
    """A picture as a `data:` address.

    Args:
        pixels: (height, width, 4) of red, green, blue and opacity, 0 to 255.
    """
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode('ascii')}"


def png(pixels: Pixels) -> bytes:
    """A picture as the bytes of a PNG file (RFC 2083): 8 bits a channel, no filter."""
    height, width, channels = pixels.shape
    if channels != 4:
        raise ValueError(f"a pixel has 4 channels here, not {channels}")
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    no_filter = np.zeros((height, 1), np.uint8)
    rows = np.concatenate([no_filter, pixels.reshape(height, 4 * width)], axis=1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
