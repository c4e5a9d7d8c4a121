"""A small PNG drawn from code: a ship on the sea at sunset."""

from __future__ import annotations

import functools
import struct
import zlib

WIDTH, HEIGHT = 320, 200

_Colour = tuple[int, int, int]
_HORIZON = 125
_SUN_X, _SUN_RADIUS = 236, 30
_HULL: _Colour = (62, 39, 35)
_SAIL: _Colour = (250, 243, 224)
_SUN: _Colour = (255, 214, 120)


@functools.cache
def ship_png() -> bytes:
    """Return the picture as PNG bytes, 320 x 200 pixels, 8-bit RGB."""
    rows = b"".join(b"\x00" + bytes(_row(y)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _row(y: int) -> bytearray:
    """Return one row of pixels: sky and sun above the horizon, sea below, the ship on top."""
    row = bytearray()
    if y < _HORIZON:
        row += bytes(_blend((38, 50, 86), (255, 158, 110), y, _HORIZON)) * WIDTH
        reach = _SUN_RADIUS**2 - (y - _HORIZON + 8) ** 2
        if reach > 0:
            half = int(reach**0.5)
            _paint(row, _SUN_X - half, _SUN_X + half, _SUN)
    else:
        row += bytes(_blend((66, 96, 128), (12, 32, 56), y - _HORIZON, HEIGHT - _HORIZON)) * WIDTH
        if y % 6 == 0:
            for x in range(y % 24, WIDTH - 14, 38):
                _paint(row, x, x + 14, (120, 150, 176))
    _paint_ship(row, y)
    return row


def _paint_ship(row: bytearray, y: int) -> None:
    if 30 <= y < 122:
        _paint(row, 118, 121, _HULL)
    if 36 <= y < 112:
        _paint(row, 122, 122 + (y - 36) * 58 // 76, _SAIL)
        _paint(row, 117 - (y - 36) * 40 // 76, 117, _SAIL)
    if 118 <= y < 142:
        inset = (y - 118) * 22 // 24
        _paint(row, 62 + inset, 192 - inset, _HULL)


def _paint(row: bytearray, start: int, end: int, colour: _Colour) -> None:
    if end > start:
        row[start * 3 : end * 3] = bytes(colour) * (end - start)


def _blend(top: _Colour, bottom: _Colour, step: int, steps: int) -> list[int]:
    return [a + (b - a) * step // steps for a, b in zip(top, bottom, strict=True)]
