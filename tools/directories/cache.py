"""What directories answered, kept on disk for a while: private, bounded, and never relied on.

A file per URL: a line of JSON about the answer, then its body. Anything wrong with a file makes it
one that is not there; a disk that takes no more only means that the next call asks again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wallet.files import make_private_folder, write_file
from wallet.rails.codec import CodecError, as_object, parse_json, parse_long_json

MAX_CACHE_BYTES = 32 * 1024 * 1024
MAX_CACHE_FILES = 200
MAX_PRICES = 1_000
MAX_PRICES_BYTES = 4 * 1024 * 1024
"""A thousand of the longest URLs that are listed fit."""
_SUFFIX = ".answer"
_PRICES = "prices.json"
_MAX_HEAD_BYTES = 8 * 1024
_MAX_ETAG_CHARS = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer of a directory: when it was last known to be current, in unix seconds."""

    url: str
    status: int
    fetched_at: int
    etag: str | None
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """What a directory said that a URL costs: `price_usd` as decimal text, and when, in seconds."""

    price_usd: str
    directory: str
    at: int


class DirectoryCache:
    """The folder of answers; blocks on the disk, so it is called from a worker thread.

    Several processes may share it: files appear whole or not at all.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, url: str) -> Kept | None:
        """Return what is kept of a URL, or None where there is nothing whole."""
        try:
            data = self._path(url).read_bytes()
        except OSError:
            return None
        head, _, body = data.partition(b"\n")
        about = _head(head)
        if about is None or about.get("url") != url:
            return None
        if about.get("sha256") != hashlib.sha256(body).hexdigest():
            return None
        status, fetched_at, etag = (about.get(name) for name in ("status", "fetched_at", "etag"))
        if not isinstance(status, int) or not isinstance(fetched_at, int):
            return None
        return Kept(url, status, fetched_at, etag if isinstance(etag, str) else None, body)

    def store(self, kept: Kept) -> None:
        """Keep an answer, and drop the oldest ones over the bounds."""
        about = {
            "url": kept.url,
            "status": kept.status,
            "fetched_at": kept.fetched_at,
            "etag": kept.etag if kept.etag and len(kept.etag) <= _MAX_ETAG_CHARS else None,
            "sha256": hashlib.sha256(kept.body).hexdigest(),
        }
        head = json.dumps(about).encode("ascii") + b"\n"
        if len(head) > _MAX_HEAD_BYTES:
            return
        with suppress(OSError):
            make_private_folder(self._root)
            write_file(self._path(kept.url), head + kept.body, replace=True)
            self._trim()

    def prices(self) -> dict[str, ListedPrice]:
        """Return the listed prices that are remembered, by URL, oldest first."""
        try:
            data = (self._root / _PRICES).read_bytes()
            found = as_object(parse_long_json(data, MAX_PRICES_BYTES)) or {}
            return {url: ListedPrice(**one) for url, one in found.items()}
        except (OSError, CodecError, TypeError):
            return {}

    def remember(self, prices: Mapping[str, ListedPrice]) -> None:
        """Remember what was listed just now, in place of what was known of the same URLs."""
        known = {url: one for url, one in self.prices().items() if url not in prices}
        merged = list((known | dict(prices)).items())[-MAX_PRICES:]
        data = json.dumps({url: asdict(one) for url, one in merged}).encode("ascii")
        with suppress(OSError):
            make_private_folder(self._root)
            write_file(self._root / _PRICES, data, replace=True)

    def _path(self, url: str) -> Path:
        return self._root / (hashlib.sha256(url.encode()).hexdigest()[:40] + _SUFFIX)

    def _trim(self) -> None:
        files = [(path.stat(), path) for path in self._root.glob(f"*{_SUFFIX}")]
        files.sort(key=lambda one: (-one[0].st_mtime_ns, one[1].name))
        total = 0
        for place, (status, path) in enumerate(files):
            total += status.st_size
            if place >= MAX_CACHE_FILES or total > MAX_CACHE_BYTES:
                path.unlink(missing_ok=True)


def _head(line: bytes) -> dict[str, Any] | None:
    if len(line) > _MAX_HEAD_BYTES:
        return None
    with suppress(CodecError):
        return as_object(parse_json(line))
    return None
