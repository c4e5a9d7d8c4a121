"""Recorded text without what differs each time that it is recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

IDS = {
    "ID": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "BOUNDARY": r"(?<=content )[0-9a-f]{10}(?=\])",
}


def masking(changing: Mapping[str, str]) -> Callable[[str], str]:
    """Return what puts a name in place of each text that its pattern finds."""

    def masked(text: str) -> str:
        for name, pattern in changing.items():
            text = re.sub(pattern, name, text)
        return text

    return masked
