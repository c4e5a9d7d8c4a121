"""What a file is called that holds what came from a URL: safe on every system, and bounded.

Nothing of the name is the seller's but the URL that the person typed, and the media type picks its
ending from our own table: no file that a double click would run is made.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote, urlsplit

STEM_CHARS, STEM_BYTES = 80, 160
OTHER = ".bin"
_ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "application/json": ".json",
    "text/json": ".json",
    "application/x-ndjson": ".ndjson",
    "application/ndjson": ".ndjson",
    "application/jsonl": ".ndjson",
    "application/x-jsonlines": ".ndjson",
    "text/csv": ".csv",
    "application/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/rss+xml": ".xml",
    "application/atom+xml": ".xml",
    "application/yaml": ".yaml",
    "application/x-yaml": ".yaml",
    "application/toml": ".toml",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/x-tar": ".tar",
    "application/vnd.apache.parquet": ".parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/tiff": ".tiff",
    "image/svg+xml": ".svg",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/wav": ".wav",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}
_SPOKEN_OF_AS = {".htm": ".html", ".jpeg": ".jpg", ".yml": ".yaml", ".jsonl": ".ndjson"}
_KNOWN = frozenset({*_ENDINGS.values(), *_SPOKEN_OF_AS, ".txt"})
_PLAIN = frozenset({".csv", ".json", ".md", ".ndjson", ".toml", ".tsv", ".txt", ".xml", ".yaml"})
# Names that Windows keeps for devices, whatever ending follows.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin", "conout"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)


def name_parts(url: str, mime: str) -> tuple[str, str]:
    """Return a name without its ending, and the ending with its dot."""
    try:
        parts = urlsplit(url)
        host, path, query = parts.hostname or "", parts.path, parts.query
    except ValueError:
        host = path = query = ""
    last = unquote(path.rstrip("/").rpartition("/")[2], errors="replace") or host
    stem, ending = _split(last)
    words = f"{stem}_{unquote(query, errors='replace')}" if query else stem
    return _safe(words), _ending(mime, ending)


def numbered(stem: str, ending: str, number: int) -> str:
    """Return the name, with a number from the second file of that name on."""
    return f"{stem}{ending}" if number == 1 else f"{stem}-{number}{ending}"


def folded(name: str) -> str:
    """Return what two names share that some file system takes for one."""
    folds = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folds)


def _split(segment: str) -> tuple[str, str]:
    """Take a known ending off a name; another one stays, as a part of the name."""
    stem, dot, word = segment.rpartition(".")
    ending = f".{word.lower()}"
    return (stem, ending) if dot and stem and ending in _KNOWN else (segment, "")


def _ending(mime: str, typed: str) -> str:
    """Return the ending of a media type; what the URL says counts where the type says nothing."""
    typed = _SPOKEN_OF_AS.get(typed, typed)
    if (ending := _ENDINGS.get(mime)) is not None:
        return ending
    if mime.endswith("+json"):
        return ".json"
    if mime.startswith("text/"):
        return typed if typed in _PLAIN else ".txt"
    return typed if mime == "application/octet-stream" and typed in _KNOWN else OTHER


def _safe(words: str) -> str:
    """Keep letters, digits and a few marks; never empty, hidden, an option, or a device."""
    kept = "".join(
        char if char.isalnum() or char in "-._" or unicodedata.category(char)[0] == "M" else "_"
        for char in unicodedata.normalize("NFKC", words[: 4 * STEM_CHARS])
    )
    kept = "_".join(filter(None, kept.split("_")))
    kept = unicodedata.normalize("NFC", kept.strip("-._ "))[:STEM_CHARS]
    kept = kept.encode("utf-8", "ignore")[:STEM_BYTES].decode("utf-8", "ignore").rstrip("-._ ")
    if folded(kept.partition(".")[0]) in _DEVICES:
        kept = f"_{kept}"
    return kept or "page"
