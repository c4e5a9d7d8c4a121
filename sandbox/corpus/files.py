"""The corpus's documents that are no HTML: PDF, tables, JSON, feeds and plain text."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Sequence

from sandbox.corpus.pdf_writer import pdf_of, picture_pdf

_SHIPS = ("Dove", "Constance", "Good Intent", "Möwe", "Skerry Lass", "Anna; of Ellery")
_CARGO = ("salt", "timber", "grain, loose", 'rope "best"', "oakum")
_LARGE_ROWS = 2_000
_LOG = (
    "The pilot came on board at six in the morning and left us",
    "off the bell buoy at nine. The wind held from the west all",
    "day, and by the evening watch the light was in sight.",
)
_LEFT = ("Left column, first line.", "Ropes are counted twice,", "once dry and once wet.")
_RIGHT = ("Right column, first line.", "Chains are counted once", "and then weighed.")
# Encrypted by hand would be a program of its own: a page with a password, by 128-bit RC4.
_ENCRYPTED_PASSWORD = "mole"


def _csv_rows(count: int) -> list[list[str]]:
    rows = [["number", "ship", "cargo", "tons", "day"]]
    for number in range(1, count + 1):
        ship, cargo = _SHIPS[number % len(_SHIPS)], _CARGO[number % len(_CARGO)]
        tons, day = (
            f"{number * 37 % 900 / 10:.1f}",
            f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        )
        rows.append([str(number), ship, cargo, tons, day])
    return rows


def _csv(rows: Sequence[Sequence[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def _german_csv() -> bytes:
    rows = [["Schiff", "Ladung", "Tonnen"], ["Möwe", "Salz", "12,5"], ["Taube", "Holz; roh", "8,0"]]
    return _csv(rows, ";").decode().encode("cp1252")


def _notes_csv() -> bytes:
    return _csv(
        [["day", "note"], ["Monday", "rain\nall day | and night"], ["Tuesday", "clear,\nthen fog"]]
    )


def _records(count: int) -> list[dict[str, object]]:
    return [
        {
            "id": number,
            "ship": _SHIPS[number % 6],
            "tons": number / 4,
            "lights": [number % 3, "red"],
        }
        for number in range(count)
    ]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _deep_json() -> bytes:
    return b'{"hold":' * 300 + b'"rats"' + b"}" * 300


def _ndjson() -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in _records(600))


def _text_pdf() -> bytes:
    pages = [[(60, (f"Log of the Dove, day {day}", "", *_LOG))] for day in (1, 2, 3)]
    return pdf_of(pages, "Log of the Dove", packed=True)


def _columns_pdf() -> bytes:
    return pdf_of([[(60, _LEFT), (320, _RIGHT)]])


def _encrypted_pdf() -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(_text_pdf())))
    writer.encrypt(_ENCRYPTED_PASSWORD, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _long_text() -> bytes:
    lines = (f"{number}. {' '.join(_LOG)}" for number in range(1, 401))
    return "\n\n".join(lines).encode()


_FEED = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Notices to mariners</title><link>https://board.example/</link>
<item><title>Bell buoy out of place</title><description>Two cables north of its mark.</description>
</item><item><title>Crane at work</title><description>Keep clear of the mole.</description></item>
</channel></rss>"""
_ATOM = """<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>Tides</title><entry><title>Springs</title>
<summary>4.8 m on Thursday</summary></entry></feed>"""
_XML = """<?xml version="1.0" encoding="windows-1252"?>
<muster ship="Möwe"><hand rank="cook">Wm. Tarr</hand><hand rank="boy">Tom</hand></muster>"""
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><title>A buoy</title>
<circle cx="20" cy="20" r="12" fill="red"/></svg>"""
_MARKDOWN = (
    """# Knots\n\n| Knot | Use |\n|---|---|\n| Bowline | a loop that holds |\n\n- reef knot\n"""
)
_EMOJI = "Crew: 👩‍🚀👨‍👩‍👧‍👦 🇫🇷🇯🇵 नमस्ते é ก็ 각 " * 40
_WAVE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="

FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "log.pdf": ("application/pdf", _text_pdf),
    "columns.pdf": ("application/pdf", _columns_pdf),
    "picture.pdf": ("application/pdf", picture_pdf),
    "encrypted.pdf": ("application/pdf", _encrypted_pdf),
    "cargo.csv": ("text/csv", lambda: _csv(_csv_rows(20))),
    "cargo-large.csv": ("text/csv; charset=utf-8", lambda: _csv(_csv_rows(_LARGE_ROWS))),
    "ladung.csv": ("text/csv; charset=windows-1252", _german_csv),
    "cargo.tsv": ("text/tab-separated-values", lambda: _csv(_csv_rows(30), "\t")),
    "notes.csv": ("text/csv", _notes_csv),
    "weather.json": ("application/json", lambda: _json({"sky": "fair", "glass": 1014.50})),
    "ships.json": ("application/json", lambda: _json(_records(1_000))),
    "catalogue.json": (
        "application/json",
        lambda: _json({"page": 1, "next": None, "ships": _records(700), "by": {"host": "x"}}),
    ),
    "deep.json": ("application/json", _deep_json),
    "records.ndjson": ("application/x-ndjson", _ndjson),
    "notices.rss": ("application/rss+xml", _FEED.encode),
    "tides.atom": ("application/atom+xml", _ATOM.encode),
    "muster.xml": ("application/xml", lambda: _XML.encode("cp1252")),
    "buoy.svg": ("image/svg+xml", _SVG.encode),
    "knots.md": ("text/markdown; charset=utf-8", _MARKDOWN.encode),
    "log.txt": ("text/plain", _long_text),
    "crew.txt": ("text/plain; charset=utf-8", _EMOJI.encode),
    "memo.txt": ("text/plain", lambda: "Grüße vom Kai — an alle".encode("utf-16")),
    "bell.wav": ("audio/wav", lambda: base64.b64decode(_WAVE)),
    "hold.bin": ("application/octet-stream", lambda: bytes(range(256)) * 40),
}
"""Media type, as a seller would state it, and bytes of each file."""
