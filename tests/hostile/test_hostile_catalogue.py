"""The catalogue itself: every family of attacks has an honest sale beside it, and codes exist."""

from __future__ import annotations

import pytest

from sandbox.hostile import (
    after,
    bombs,
    members,
    orders,
    parsing,
    redirects,
    schemes,
    signed,
    terms,
)
from sandbox.hostile.catalogue import SCENES
from sandbox.hostile.scene import Scene
from wallet.errors import ErrorKind

FAMILIES = {
    "prices": terms.PRICES,
    "units": terms.UNITS,
    "tokens": terms.TOKENS,
    "schemes": schemes.SCENES,
    "parsing": parsing.SCENES,
    "after": after.SCENES,
    "redirects": redirects.SCENES,
    "orders": orders.SCENES,
    "bombs": bombs.SCENES,
    "signed": signed.SCENES,
    "members": members.SCENES,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_refusing_everything_fails_and_so_does_paying_everything(family: str) -> None:
    scenes: tuple[Scene, ...] = FAMILIES[family]
    assert any(scene.is_control for scene in scenes)
    assert any(not scene.is_control for scene in scenes)


def test_every_path_is_played_once_and_every_code_is_one_of_ours() -> None:
    paths = [scene.path for scene in SCENES]
    assert len(paths) == len(set(paths)) >= 150
    codes = {scene.expected.code for scene in SCENES} - {None}
    assert codes <= {kind.value.code for kind in ErrorKind}
    assert len(codes) >= 12


def test_an_ending_never_moves_more_than_was_signed() -> None:
    for scene in SCENES:
        for ending in filter(None, (scene.expected, scene.blind)):
            assert ending.moved_atomic in (0, ending.signed_atomic)
            assert (ending.signed_atomic == 0) == (ending.state in (None, "free"))
            assert (ending.spent == "no") == (ending.signed_atomic == 0)
