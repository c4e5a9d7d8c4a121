"""Read `WWW-Authenticate` (RFC 9110 section 11.6.1): several schemes in one value, quoted text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_CHALLENGES = 50
MAX_VALUE_CHARS = 64 * 1024

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - a grammar, no secret
_SKIPPED = re.compile(r"[ \t,]*+")
_END = re.compile(r"[ \t]*+(?:,|\Z)")
# Quoted text holds no controls but the tab; a backslash takes any character after it.
_PARAM = re.compile(
    rf"({_TOKEN})[ \t]*+=[ \t]*+(?:({_TOKEN})"
    r'|"((?:[^\x00-\x08\x0a-\x1f\x7f"\\]++|\\[^\x00-\x08\x0a-\x1f\x7f])*+)")'
)
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]++|(?=,)|\Z)")
_TOKEN68 = re.compile(r"([A-Za-z0-9._~+/-]++=*+)")
# A quote always matches, closed or not, so that the scan stays linear on any input.
_ELEMENT = re.compile(r'(?:[^,"]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)


@dataclass(slots=True)
class AuthChallenge:
    """One challenge: `scheme` and names are lower-case, values unescaped and otherwise as sent.

    `token68` is the one unnamed value of schemes such as `Basic`. `broken` tells that it has text
    that follows no grammar, or a name twice; what could be read is there all the same.
    """

    scheme: str
    params: dict[str, str] = field(default_factory=dict[str, str])
    token68: str | None = None
    broken: bool = False


def parse_challenges(values: Sequence[str]) -> list[AuthChallenge]:
    """Return the challenges of every `WWW-Authenticate` value, in order, without ever raising.

    At most 50 of them; a value of more than 64 KiB is passed over. A parameter before any scheme
    belongs to nobody and is dropped.
    """
    found: list[AuthChallenge] = []
    for value in values:
        if len(value) <= MAX_VALUE_CHARS:
            _parse(value, found)
    return found[:MAX_CHALLENGES]


def _parse(text: str, found: list[AuthChallenge]) -> None:
    current: AuthChallenge | None = None
    at = _after(_SKIPPED, text, 0)
    while at < len(text) and len(found) <= MAX_CHALLENGES:
        scheme = None if _param_at(text, at) else _SCHEME.match(text, at)
        if scheme is not None:
            current = AuthChallenge(scheme[1].lower())
            found.append(current)
            at = scheme.end()
        at = _after(_SKIPPED, text, _take(current, text, at, alone=scheme is not None))


def _take(current: AuthChallenge | None, text: str, at: int, *, alone: bool) -> int:
    """Read one element into the challenge and return where it ends.

    `alone`: the element may be a scheme's single unnamed value, or nothing.
    """
    param = _param_at(text, at)
    if param is not None:
        if current is not None:
            _add(current, param)
        return param.end()
    if alone and current is not None:
        if _END.match(text, at):
            return at
        value = _TOKEN68.match(text, at)
        if value is not None and _END.match(text, value.end()):
            current.token68 = value[1]
            return value.end()
    if current is not None:
        current.broken = True
    return _after(_ELEMENT, text, at)


def _add(current: AuthChallenge, param: re.Match[str]) -> None:
    name, token, quoted = param.group(1).lower(), param.group(2), param.group(3)
    if name in current.params:
        current.broken = True
        return
    current.params[name] = token if token is not None else _unescape(quoted)


def _param_at(text: str, at: int) -> re.Match[str] | None:
    param = _PARAM.match(text, at)
    return param if param is not None and _END.match(text, param.end()) else None


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _unescape(text: str) -> str:
    r"""Undo quoted pairs, and the `\uXXXX` by which the MPP packages write what is not Latin-1.

    Two surrogates become their character; one alone stays and is the caller's to refuse.
    """
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda one: chr(int(one[1], 16)) if one[1] else one[2], text)
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
