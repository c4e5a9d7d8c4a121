"""Messages that are nearly right: valid ones with their structure or their bytes changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from hypothesis import strategies as st

Path = tuple[str | int, ...]

_EMPTY: list[Any] = [[], {}, [[]], {"a": {}}, [None], {"": ""}]
ODD: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 60, 2**53, 2**70, 10**80, 1.5, 1e300, -0.0),
    *("", "0", "1", "-1", "+1", "1.0", "1e3", "0x10", " 1", "01", "1_000", "１０", "١٠", "²"),
    *("exact", "EXACT", "base", "eip155:1", "eip155:8453 ", "null", "\0", "\u202e", "\U000e0041"),
    *("0x" + "0" * 40, "0x" + "A" * 40, "0X" + "a" * 40, "0x" + "f" * 64, "x" * 5000),
    *_EMPTY,
)
_SPLICES = (
    *(b"NaN", b"Infinity", b"-0", b"1e999", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000"),
    *(b'"', b"\\", b"{", b"}", b"[" * 40, b"]", b",", b":", b"\0", b"\r\n", b" " * 3000),
    *(b"9" * 300, "１".encode(), b"\xef\xbb\xbf", b"/*", b"=", b"=="),
)


def paths(value: object, path: Path = ()) -> Iterator[Path]:
    """Yield the way to every value inside, the outermost first."""
    yield path
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(cast("list[object]", value)):
            yield from paths(item, (*path, position))


def _changed(value: Any, path: Path, change: Callable[[Any, str | int], None]) -> Any:
    """Return a copy in which `change` was applied to the holder of the last key of the path."""
    copy = json.loads(json.dumps(value))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return copy


def _drop(holder: Any, key: str | int) -> None:
    del holder[key]


def _nest(holder: Any, key: str | int) -> None:
    holder[key] = [{"x": holder[key]}]


def _repeat(holder: Any, key: str | int) -> None:
    if isinstance(key, int):
        holder.extend([holder[key]] * 60)
    else:
        holder[f"{key} "] = holder[key]


def _respell(holder: Any, key: str | int) -> None:
    """Swap digits for those of another script, and letters for the other case."""
    if isinstance(holder[key], str):
        wide = str.maketrans("0123456789", "０１２３４５６７８９")
        holder[key] = holder[key].swapcase().translate(wide)


def _retype(holder: Any, key: str | int) -> None:
    """Write numbers as text and text as a number, where that can be done."""
    old = holder[key]
    if isinstance(old, str) and old.isdecimal():
        holder[key] = int(old)
    else:
        holder[key] = str(old)


def _swap_case_of_key(holder: Any, key: str | int) -> None:
    if isinstance(key, str):
        holder[key.swapcase()] = holder.pop(key)


_CHANGES = (_drop, _nest, _repeat, _respell, _retype, _swap_case_of_key)


@st.composite
def mutated(draw: st.DrawFn, message: Any) -> bytes:
    """Draw the JSON text of a message with one to three of its values changed."""
    value = message
    for _ in range(draw(st.integers(1, 3))):
        inner = [path for path in paths(value) if path]
        if not inner:
            break
        path = draw(st.sampled_from(inner))
        odd = draw(st.sampled_from(ODD))

        def replace(holder: Any, key: str | int, new: object = odd) -> None:
            holder[key] = new

        value = _changed(value, path, draw(st.sampled_from((replace, replace, *_CHANGES))))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        text = _key_twice(text, draw(st.sampled_from(("amount", "payTo", "success", "result"))))
    return text.encode("utf-8", "surrogatepass")


def _key_twice(text: str, key: str) -> str:
    """Repeat the first member of that name, once before and once behind, with another value."""
    at = text.find(f'"{key}":')
    return text if at < 0 else f'{text[:at]}"{key}": "1", {text[at:]}'


@st.composite
def spliced(draw: st.DrawFn, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """Draw a seed with pieces cut out and others put in; stretches and repeats too."""
    data = draw(st.sampled_from(seeds))
    pieces = (*_SPLICES, *(word.encode() for word in words))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from(pieces) | st.binary(max_size=6))
        data = data[:start] + piece + data[end:]
    return data
