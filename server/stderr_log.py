"""Logging to stderr only, without what a log must not hold: hosts keep stderr in readable files."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from pathlib import PurePath
from types import TracebackType
from typing import cast

# Schemes in any case; a name and password before the host, then the query and fragment.
_URL = re.compile(
    r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/?#'\"@]*@)?([^\s?#'\"]*)([?#][^\s'\"]*)?", re.IGNORECASE
)
_FRAMES = 8


def describe_exception(error: BaseException) -> str:
    """Name an exception's type and where it came from.

    Its text may quote anything, so it is left out. A group is described with its members, a
    chained exception with its causes.
    """
    parts = [_one(error)]
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        parts += [f"[{describe_exception(member)}]" for member in members[:_FRAMES]]
    if error.__cause__ is not None:
        parts.append(f"caused by {describe_exception(error.__cause__)}")
    return " ".join(parts)


def redact_queries(text: str) -> str:
    """Cut name, password, query and fragment out of every URL in a text."""
    return _URL.sub(lambda match: f"{match[1]}{match[2]}{'?...' if match[3] else ''}", text)


class SparingFormatter(logging.Formatter):
    """Formats a record without exception texts and without URL queries."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for stderr."""
        return redact_queries(super().format(record))

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the exception's type and frames."""
        return "" if ei[1] is None else describe_exception(ei[1])


def configure_logging() -> None:
    """Send warnings and worse to stderr, unless the process has set up logging already."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SparingFormatter("purser %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _one(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = " < ".join(
        f"{'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno}"
        for frame in reversed(frames)
    )
    return f"{type(error).__name__} at {where or 'no frame'}"
