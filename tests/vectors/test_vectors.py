"""Every published vector is what this wallet does, and what the official SDK would have signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from eth_account import Account
from make_vectors import CASES, given
from official_digest import described, digest_of
from vector_replay import replay

HERE = Path(__file__).parent
VECTORS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(HERE.glob("*.json"))}
PAID = [name for name, vector in VECTORS.items() if "header" in vector["expected"]]
DERIVED = ("typed_data", "digest", "signature", "permit")


def _signer(digest: str, signature: str) -> str:
    recover = cast("Any", Account)._recover_hash
    return str(recover(bytes.fromhex(digest[2:]), signature=signature))


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.asyncio
async def test_the_wallet_does_what_the_vector_says(name: str) -> None:
    vector = VECTORS[name]
    expected = {key: one for key, one in vector["expected"].items() if key not in DERIVED}
    assert (vector["format"], vector["name"]) == (1, name)
    assert await replay(vector["given"]) == expected


@pytest.mark.parametrize("name", PAID)
def test_message_and_digest_are_the_official_sdk_s_and_signed_by_the_key(name: str) -> None:
    told, expected = VECTORS[name]["given"], VECTORS[name]["expected"]
    assert described(expected) == {key: expected[key] for key in DERIVED if key in expected}
    payer = cast("Any", Account).from_key(told["private_key"]).address
    for signed in (expected, *([expected["permit"]] if "permit" in expected else [])):
        assert digest_of(signed["typed_data"]) == signed["digest"]
        assert _signer(signed["digest"], signed["signature"]) == payer


def test_every_case_has_its_file_with_the_very_same_input() -> None:
    for name, (about, answer, rules, chain) in CASES.items():
        assert VECTORS[name]["about"] == about
        assert VECTORS[name]["given"] == given(answer, rules, chain), name


def test_the_hostile_ones_and_no_others_end_in_a_refusal() -> None:
    refused = {name for name, vector in VECTORS.items() if "refusal" in vector["expected"]}
    assert refused == {name for name in VECTORS if name.startswith("hostile-")}
    assert set(VECTORS) - refused == set(PAID)


def test_payments_and_refusals_of_each_method_are_there() -> None:
    methods = {VECTORS[name]["expected"]["method"] for name in PAID}
    assert methods >= {"eip3009", "permit2", "upto"}
    assert any("permit" in VECTORS[name]["expected"] for name in PAID)
    refused = {vector["expected"].get("refusal") for vector in VECTORS.values()} - {None}
    assert len(refused) >= 7
