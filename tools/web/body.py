"""A response body within bounds: decompressed by ourselves, piece by piece, up to a limit."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import Protocol

_GZIP = zlib.MAX_WBITS | 16
_DEFLATE_ZLIB = zlib.MAX_WBITS
_DEFLATE_RAW = -zlib.MAX_WBITS
_RAW_SLACK_BYTES = 64 * 1024
_STEP_BYTES = 256 * 1024


class _Decoder(Protocol):
    """What `zlib.decompressobj` returns, which typeshed keeps private."""

    @property
    def eof(self) -> bool: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class BodyReader:
    """Collect one body of at most `max_bytes`; feed it raw pieces until it says enough.

    One layer of gzip or deflate is undone (RFC 9110 section 8.4.1). A body whose coding is
    unknown, chained or broken from its first byte is kept as it came, and `undecoded` is set.
    Neither the raw nor the decoded side ever grows past `max_bytes`, whatever the ratio.
    """

    def __init__(self, content_encodings: Sequence[str], max_bytes: int) -> None:
        codings = [
            coding
            for value in content_encodings
            for part in value.split(",")
            if (coding := part.strip().lower()) not in ("", "identity")
        ]
        self.truncated = False
        self.undecoded = False
        self._max_bytes = max_bytes
        self._out = io.BytesIO()
        self._raw_bytes = 0
        self._head = bytearray()
        self._decoder: _Decoder | None = None
        self._deflate = codings == ["deflate"]
        self._coded = bool(codings)
        if codings in (["gzip"], ["x-gzip"]):
            self._decoder = zlib.decompressobj(_GZIP)
        elif codings and not self._deflate:
            self._coded, self.undecoded = False, True

    def feed(self, piece: bytes) -> bool:
        """Take the next raw piece; False means the limit is reached and reading should stop."""
        self._raw_bytes += len(piece)
        if not self._coded:
            self._write(piece)
        elif not self._decompress(piece):
            return False
        if self._coded and self._raw_bytes > self._max_bytes + _RAW_SLACK_BYTES:
            self.truncated = True
        return not self.truncated

    def finish(self) -> bytes:
        """Return what was collected; a coding that broke off half-way counts as truncated."""
        if self._coded and self._raw_bytes and not (self._decoder and self._decoder.eof):
            if self._out.tell() == 0:
                self._keep_raw()
            elif not self.truncated:
                self.truncated = self.undecoded = True
        return self._out.getvalue()

    def _write(self, data: bytes | bytearray) -> None:
        room = self._max_bytes - self._out.tell()
        self._out.write(data[:room] if len(data) > room else data)
        self.truncated = self.truncated or len(data) > room

    def _decompress(self, piece: bytes) -> bool:
        if self._out.tell() == 0:
            # Kept until something has been decoded, so that a wrong label loses nothing. It grows
            # in place: a seller may send it byte by byte.
            self._head += piece
        if self._decoder is None:
            if len(self._head) < 2:
                return True
            piece, self._decoder = bytes(self._head), _deflate_decoder(self._head)
        try:
            self._drain(self._decoder, piece)
        except zlib.error:
            if self._out.tell() == 0:
                self._keep_raw()
                return True
            self.truncated = self.undecoded = True
            return False
        if self._out.tell():
            self._head.clear()
        elif len(self._head) > _STEP_BYTES:
            self._keep_raw()
        return True

    def _drain(self, decoder: _Decoder, piece: bytes) -> None:
        """Decompress in small steps; what follows the end of the stream is padding."""
        while piece and not self.truncated and not decoder.eof:
            self._write(decoder.decompress(piece, _STEP_BYTES))
            piece = decoder.unconsumed_tail

    def _keep_raw(self) -> None:
        self._coded, self.undecoded = False, True
        self._write(self._head)
        self._head.clear()


def _deflate_decoder(head: bytearray) -> _Decoder:
    """Tell zlib-wrapped deflate (RFC 1950 section 2.2) from the bare streams some servers send."""
    wrapped = head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return zlib.decompressobj(_DEFLATE_ZLIB if wrapped else _DEFLATE_RAW)
