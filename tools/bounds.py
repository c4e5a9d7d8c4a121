"""How much one call may ask for: the same for a model and on the command line.

Nothing is imported here, so that `purser --help` can name the bounds at once.
"""

from __future__ import annotations

URL_CHARS = 4_096
PRICED_URLS = 20
FETCHED_URLS = 1_000
CONCURRENCY_DEFAULT, CONCURRENCY_LIMIT = 4, 16
