"""`purser networks` lists our table, and tells a right row from a wrong one by the chain itself."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from eth_hash.auto import keccak

from sandbox.run import Sandbox
from server.commands.networks import Verdict, check_token, overall
from tests.commands.command_line import CommandLine
from wallet.assets import Asset, assets, find_asset
from wallet.chain import Chain
from wallet.token_facts import SELECTORS, TokenFacts, differences, read_facts

NETWORK = "eip155:84532"
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
ROW = ("networks", "--network", NETWORK)


def usdc(**changes: Any) -> Asset:
    asset = find_asset(NETWORK, USDC)
    assert asset is not None
    return asset.model_copy(update=changes)


def test_every_token_is_listed_without_asking_anybody(purser: CommandLine) -> None:
    rows = purser("networks", "--json").json()
    assert {(row["network"], row["address"]) for row in rows} == {
        (asset.network, asset.address) for asset in assets().values()
    }
    assert {row["network"] for row in rows if row["enabled"]} == {"eip155:8453"}
    assert all("result" not in row for row in rows)


def test_the_text_names_network_token_and_contract(shopper: CommandLine) -> None:
    lines = shopper(*ROW).out.splitlines()
    assert lines[0].split() == ["NETWORK", "NAME", "TOKEN", "ADDRESS", "ENABLED"]
    assert lines[1].split() == [NETWORK, "Base", "Sepolia", "USDC", USDC, "yes"]


def test_a_row_that_the_chain_confirms_agrees(shopper: CommandLine) -> None:
    ran = shopper(*ROW, "--check", "--json")
    (row,) = ran.json()
    assert (ran.code, row["result"]) == (0, "agrees")
    assert row["servers"] == [{"server": "127.0.0.1", "result": "agrees", "detail": ""}]
    assert shopper(*ROW, "--check").out.splitlines()[1].endswith("agrees")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"eip712_name": "USD Coin"},
            "the EIP-712 domain separator is another; the name is another",
        ),
        (
            {"eip712_version": "1"},
            "the EIP-712 domain separator is another; the version is another",
        ),
        ({"decimals": 18}, "decimals: 6 on the chain, 18 in the table"),
        ({"address": "0x" + "11" * 20}, "there is no contract at this address"),
    ],
)
def test_a_row_that_the_chain_contradicts_differs(
    changes: dict[str, Any], words: str, sandbox: Sandbox
) -> None:
    found = anyio.run(check_token, usdc(**changes), sandbox.rpc_url)
    assert (found.result, found.detail) == ("differs", words)


def test_a_server_of_another_chain_proves_nothing(shopper: CommandLine, sandbox: Sandbox) -> None:
    shopper.env["PURSER_NETWORK__EIP155_10143__RPC_URLS"] = f'["{sandbox.rpc_url}"]'
    ran = shopper("networks", "--check", "--network", "eip155:10143")
    assert ran.code == 1
    assert ran.out.splitlines()[1].endswith("cannot be read")
    assert ran.out.splitlines()[2] == "eip155:10143 USDC: 127.0.0.1 is on another chain"


def test_an_unknown_network_is_wrong_usage(purser: CommandLine) -> None:
    assert purser("networks", "--network", "eip155:7").code == 2


@pytest.mark.asyncio
async def test_a_token_says_what_it_is(sandbox: Sandbox) -> None:
    chain = Chain({NETWORK: (sandbox.rpc_url,)})
    facts = await chain.token_facts(usdc())
    await chain.close()
    assert (facts.name, facts.version, facts.decimals) == ("USDC", "2", 6)


def test_the_selectors_are_the_hashes_of_their_signatures() -> None:
    signatures = ("name()", "version()", "decimals()", "DOMAIN_SEPARATOR()")
    assert tuple("0x" + keccak(one.encode()).hex()[:8] for one in signatures) == SELECTORS


def test_a_contract_that_says_too_little_is_not_called_right() -> None:
    assert differences(usdc(), TokenFacts(has_code=True, name="USDC", version="2")) is None
    assert differences(usdc(), TokenFacts(has_code=True, decimals=6)) is None


@pytest.mark.parametrize(
    "answer",
    [
        "0x",
        "0x" + f"{32:064x}" + f"{5:064x}" + "41" * 4,
        "0x" + f"{64:064x}" + f"{1:064x}" + "41" * 32,
        "0x" + f"{32:064x}" + f"{257:064x}" + "41" * 257,
        "0x" + f"{32:064x}" + f"{1:064x}" + "ff" * 32,
        7,
    ],
)
def test_a_name_that_is_no_short_string_is_not_believed(answer: object) -> None:
    with pytest.raises(ValueError, match=r"string|hexadecimal|decode"):
        read_facts({"0x06fdde03": answer})


def test_one_contradiction_outweighs_every_agreement() -> None:
    right, wrong, none = (Verdict("", one, "") for one in ("agrees", "differs", "cannot be read"))
    assert overall([right, wrong, none]) == "differs"
    assert overall([right, none]) == "agrees"
    assert overall([none]) == overall([]) == "cannot be read"
