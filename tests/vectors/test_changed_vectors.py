"""A vector that was changed anywhere is found out."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

import pytest
from make_vectors import CASES, expected_of
from test_vectors import VECTORS, right

pytestmark = pytest.mark.xdist_group("vectors")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every leaf; an empty list or object is one."""
    members: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        members = list(cast("dict[Any, Any]", value).items())
    if isinstance(value, list):
        members = list(enumerate(cast("list[Any]", value)))
    for name, one in members:
        yield from places(one, (*path, name))
    if not members:
        yield path


def another(leaf: Any) -> Any:
    """Return a value of the same type that differs as little as can be."""
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int):
        return leaf + 1
    if isinstance(leaf, str):
        return leaf[:-1] + ("0" if leaf[-1:] != "0" else "1")
    return {"changed": True}


def put(vector: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    """Put a value in the place of a leaf, and return the leaf."""
    for name in path[:-1]:
        vector = vector[name]
    before = vector[path[-1]]
    vector[path[-1]] = leaf
    return before


@pytest.mark.slow
def test_a_vector_with_any_leaf_changed_is_found_out() -> None:
    count = 0
    for name, published in VECTORS.items():
        vector = deepcopy(published)
        assert vector == right(name)
        for path in list(places(vector)):
            leaf = put(vector, path, None)
            put(vector, path, another(leaf))
            assert vector != right(name), (name, path)
            put(vector, path, leaf)
            count += 1
        assert vector == right(name)
    assert count > 20 * len(VECTORS)


@pytest.mark.asyncio
async def test_a_member_that_no_format_has_is_refused() -> None:
    for name in ("mpp-evm-charge", "batch-first-page"):
        case = CASES[name]
        more = replace(case, given={**case.given, "extra": 1})
        with pytest.raises(ValueError, match="expected exactly"):
            await expected_of(more)
