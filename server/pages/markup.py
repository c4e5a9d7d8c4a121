"""HTML that is escaped unless it says otherwise."""

from __future__ import annotations

import html
from collections.abc import Iterable

from server.commands.common import clean

FOREIGN_CHARS = 4_000

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
_ADDRESSES = frozenset({"action", "formaction", "href", "src"})
_OURS = ("/", "#", "?", "https://")


class Html(str):
    """Text that is markup already, made by `tag` or `join` alone."""

    __slots__ = ()


Child = Html | str | int | None
Attribute = str | int | bool | None


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Return one element; text is escaped, and None is left out.

    Args:
        name: the element's name.
        children: markup, or text.
        attributes: `class_` and `for_` for reserved words, `data_x` for `data-x`; True writes the
            bare name, None and False leave it out.

    Raises:
        ValueError: an attribute that runs script or styles, or an address that is neither a path
            of ours nor https.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Put markup and text, which is escaped, one after the other."""
    return Html("".join(_escaped(child) for child in children if child is not None))


def foreign(text: str, max_chars: int = FOREIGN_CHARS) -> str:
    """Make a text of the model or a seller fit to be shown: bounded, and nothing hidden in it.

    It is still text, which `tag` escapes.
    """
    return clean(text, max_chars)


def _escaped(child: str | int) -> str:
    return child if isinstance(child, Html) else html.escape(str(child))


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name.startswith("on") or name in ("style", "srcdoc"):
        raise ValueError(f"{name} is not allowed in a page")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    text = str(value)
    if name in _ADDRESSES and (not text.startswith(_OURS) or text.startswith("//")):
        raise ValueError(f"{name} leads out of the pages")
    return f' {name}="{html.escape(text)}"'
