"""The official TypeScript facilitator and seller accept our payments and hash them as we do."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from generated import COUNT, NOT_IN_TYPESCRIPT, payments
from node_packages import NodeMissingError, node

from wallet.assets import assets, contracts, find_asset, find_network, networks

OFFICIAL = Path(__file__).parent / "official.mjs"

pytestmark = pytest.mark.xdist_group("node")


def _ask(*questions: str) -> list[Any]:
    try:
        answers = node(OFFICIAL, questions="\n".join(questions), timeout_s=max(50, COUNT // 50))
    except NodeMissingError as error:
        pytest.skip(str(error))
    return [json.loads(line) for line in answers.splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(max(60, COUNT // 40))
def test_typescript_hashes_and_accepts_every_generated_payment() -> None:
    made = list(payments())
    recovered = [not at % 8 for at in range(len(made))]
    answers = _ask(
        *(one.question(recover=recover) for one, recover in zip(made, recovered, strict=True))
    )
    for payment, recover, answer in zip(made, recovered, answers, strict=True):
        wanted = {"matched": True, "extensions": True, "valid": True, "reason": None}
        digest = None if recover else "0x" + payment.digest.hex()
        assert answer == {**wanted, "digest": digest}, payment.transfer


def test_typescript_refuses_a_payment_whose_signature_or_offer_was_changed() -> None:
    questions: list[str] = []
    for payment in payments(12):
        sent = json.loads(base64.b64decode(payment.header))
        if payment.version == 2:
            sent["accepted"]["extra"] = {"less": True}
        signature = sent["payload"]["signature"]
        sent["payload"]["signature"] = "0x" + "1" * 8 + signature[10:]
        header = base64.b64encode(json.dumps(sent).encode()).decode()
        questions.append(replace(payment, header=header).question(recover=True))
    for question, answer in zip(questions, _ask(*questions), strict=True):
        assert answer["valid"] is False
        assert answer["matched"] is (json.loads(question)["version"] == 1)


# What the TypeScript SDK lists and we do not: v1 names of networks that it has no token on.
TYPESCRIPT_V1_NAMES_LEFT_OUT = frozenset(
    {
        *("abstract", "abstract-testnet", "educhain", "iotex", "megaeth", "peaq", "sepolia"),
        *("skale-base-sepolia", "story"),
    }
)


def test_our_tables_are_the_typescript_sdk_s() -> None:
    (tables,) = _ask('"tables"')
    assert tables["contracts"] == {name: row.address for name, row in contracts().items()}
    listed = {
        (network, row["asset"]): row for network, rows in tables["assets"].items() for row in rows
    }
    for (network, address), row in listed.items():
        ours = find_asset(network, address)
        if row.get("assetTransferMethod") == "permit2":
            assert ours is None, network
            continue
        assert ours is not None, (network, row)
        assert (ours.address, ours.symbol, ours.decimals) == (
            address,
            row["symbol"],
            row["decimals"],
        )
        assert (ours.eip712_name, ours.eip712_version) == (row["name"], row["version"])
    for name, chain_id in tables["v1"].items():
        network = find_network(name)
        if name in TYPESCRIPT_V1_NAMES_LEFT_OUT:
            assert network is None, name
            continue
        assert network is not None, name
        assert network.chain_id == chain_id
    names = {name for network in networks().values() for name in network.v1_names}
    assert names - set(tables["v1"]) == NOT_IN_TYPESCRIPT
    assert len(listed) > len(assets()) // 2
