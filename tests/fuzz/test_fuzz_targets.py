"""Each fuzz target on its seeds, on saved cases, and on inputs that Hypothesis makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chain_targets import TX_HASH, asked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutation import mutated, spliced
from rails_targets import TERMS
from targets import BLOCK, CORPUS, RECEIPT, TARGETS, Target, saved_cases

JSON_NAMES = (
    *("challenge", "challenge-official", "settlement", "settlement-official", "rpc"),
    *("payment", "payment-official", "receipt", "signed", "sign-in"),
)
JSON_TARGETS = [
    pytest.param(target, json.loads(seed), id=f"{name}-{number}")
    for name, target in TARGETS.items()
    if name in JSON_NAMES
    for number, seed in enumerate(target.seeds)
    if seed.startswith(b"{") or name == "rpc"
]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_its_own_seeds_and_on_nothing(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds, b"", b"\0", b"\n", b"\xff" * 40):
        target.run(data)


def test_what_honest_servers_say_gets_through_the_rpc_target() -> None:
    proof = asked([{"result": RECEIPT}], lambda chain: chain.transfer_proof(TERMS, TX_HASH))
    assert (proof.found, proof.proven) == (True, True)
    word = {"result": "0x" + "0" * 63 + "1"}
    views = asked([{"result": BLOCK}, word], lambda chain: chain.authorization_views(TERMS))
    assert [(view.used, hex(view.block_time)) for view in views] == [(True, "0x67bfa0aa")] * 2


@pytest.mark.parametrize(("name", "case"), [(n, p.name) for n, p in saved_cases()])
def test_a_case_that_once_broke_a_target_breaks_it_no_more(name: str, case: str) -> None:
    TARGETS[name].run((CORPUS / name / case).read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_target_holds_on_seeds_that_were_cut_spliced_and_stretched(
    name: str, data: st.DataObject
) -> None:
    target = TARGETS[name]
    target.run(data.draw(st.binary(max_size=200) | spliced(target.seeds, target.words)))


@pytest.mark.slow
@pytest.mark.parametrize(("target", "seed"), JSON_TARGETS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_target_holds_on_messages_whose_structure_was_changed(
    target: Target, seed: Any, data: st.DataObject
) -> None:
    target.run(data.draw(mutated(seed)))
