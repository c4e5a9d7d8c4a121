"""The icon: a coin with a keyhole, drawn once and written as SVG and as PNG.

`uv run python release/icon.py` writes both.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from math import hypot
from pathlib import Path

SIDE = 256
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle with round corners, in a square of 256: its middle, half its sides, its corners.

    A circle has corners as wide as half its sides.
    """

    x: float
    y: float
    half_width: float
    half_height: float
    corner: float
    colour: tuple[int, int, int]

    def distance(self, x: float, y: float) -> float:
        """Return how far outside a point is; inside it is negative."""
        across = abs(x - self.x) - self.half_width + self.corner
        down = abs(y - self.y) - self.half_height + self.corner
        outside = hypot(max(across, 0), max(down, 0))
        return outside + min(max(across, down), 0) - self.corner


NAVY, GOLD, DARK_GOLD = (16, 42, 67), (240, 180, 41), (203, 145, 20)
SHAPES = (
    Shape(128, 128, 128, 128, 56, NAVY),
    Shape(128, 128, 96, 96, 96, DARK_GOLD),
    Shape(128, 128, 86, 86, 86, GOLD),
    Shape(128, 128, 66, 66, 66, DARK_GOLD),
    Shape(128, 128, 61, 61, 61, GOLD),
    Shape(128, 110, 22, 22, 22, NAVY),
    Shape(128, 142, 9, 30, 9, NAVY),
)


def svg() -> str:
    """Return the icon as SVG."""
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">']
    for one in SHAPES:
        colour = "#" + "".join(f"{part:02x}" for part in one.colour)
        lines.append(
            f'  <rect x="{one.x - one.half_width:g}" y="{one.y - one.half_height:g}"'
            f' width="{2 * one.half_width:g}" height="{2 * one.half_height:g}"'
            f' rx="{one.corner:g}" fill="{colour}"/>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def row(y: int) -> bytes:
    """Return a row of RGBA, begun by a zero byte, as PNG filters it."""
    return b"\0" + b"".join(_pixel(x + 0.5, y + 0.5) for x in range(SIDE))


def _pixel(x: float, y: float) -> bytes:
    colour: tuple[float, ...] = ()
    alpha = 0.0
    for shape in SHAPES:
        cover = min(max(0.5 - shape.distance(x, y), 0.0), 1.0)
        if cover:
            pairs = zip(colour or shape.colour, shape.colour, strict=True)
            colour = tuple(old + (new - old) * cover for old, new in pairs)
            alpha = max(alpha, cover)
    return bytes(round(part) for part in (*(colour or (0, 0, 0)), 255 * alpha))


def png() -> bytes:
    """Return the icon as PNG, 256 by 256."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"IDAT", zlib.compress(b"".join(map(row, range(SIDE))), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


if __name__ == "__main__":
    (HERE / "icon.svg").write_text(svg(), encoding="utf-8")
    (HERE / "icon.png").write_bytes(png())
