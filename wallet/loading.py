"""Care when loading large libraries late: an import must not change how the process behaves."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def recursion_limit_kept() -> Generator[None]:
    """Put the recursion limit back after an import that raises it for the whole process.

    `py_ecc`, which eth-account and web3 load, sets it to 100,000. A seller's deeply nested JSON
    would then end in a crash of the interpreter (seen on Python 3.11) and not in a RecursionError.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
