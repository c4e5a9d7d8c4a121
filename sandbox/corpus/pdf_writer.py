"""PDF files made by hand, as small as the format allows (ISO 32000-1 section 7.5)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

Column = tuple[int, Sequence[str]]
"""Where a column starts, in points from the left, and its lines."""


def pdf_of(pages: Sequence[Sequence[Column]], title: str = "", *, packed: bool = False) -> bytes:
    """Return a PDF with one page for each list of columns of text, in Helvetica."""
    contents = [_content(page, packed=packed) for page in pages]
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< /Title ({_escaped(title)}) >>".encode("cp1252"),
    ]
    for number, content in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {6 + 2 * number} 0 R >>".encode()
        )
        objects.append(content)
    return assemble(objects, info=4)


def picture_pdf() -> bytes:
    """Return a PDF whose only page is a grey picture."""
    pixels = zlib.compress(bytes(range(256)))
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 16 /Height 16 /ColorSpace /DeviceGray "
        b"/BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream"
    )
    return assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"""<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R
            /Resources << /XObject << /I 5 0 R >> >> >>""",
            stream(b"q 500 0 0 500 40 200 cm /I Do Q"),
            image % (len(pixels), pixels),
        ]
    )


def assemble(objects: Sequence[bytes], *, info: int | None = None) -> bytes:
    """Return a file of these objects, numbered from 1; the first is the catalogue."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places: list[int] = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    told = b"" if info is None else b" /Info %d 0 R" % info
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\n" % (len(objects) + 1, told)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % table)


def stream(data: bytes, *, packed: bool = False) -> bytes:
    """Return a stream object of these bytes."""
    if packed:
        data = zlib.compress(data, 9)
    how = b"/Filter /FlateDecode " if packed else b""
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (how, len(data), data)


def _content(columns: Sequence[Column], *, packed: bool) -> bytes:
    parts: list[str] = []
    for left, lines in columns:
        shown = " ".join(f"({_escaped(line)}) Tj T*" for line in lines)
        parts.append(f"BT /F1 11 Tf 14 TL {left} 790 Td {shown} ET")
    return stream("\n".join(parts).encode("cp1252"), packed=packed)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
