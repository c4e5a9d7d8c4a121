"""A secret text in memory that no repr, log or pickle gives away."""

from __future__ import annotations

from typing import NoReturn


class Hidden:
    """A secret text that shows in no repr and no pickle."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be copied or pickled")
