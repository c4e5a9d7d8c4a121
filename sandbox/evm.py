"""py-evm set up as Base Sepolia: chain id, sub-second blocks, and contracts in the genesis state.

Contracts stand where the real ones do, so the official x402 asset table, "$0.01" prices and the
EIP-712 domain (name "USDC", version "2", chain 84532) work untouched. A signature made for this
chain is valid on the public testnet too: use throwaway keys only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from eth.chains.base import MiningChain
from eth.consensus.applier import ConsensusApplier
from eth.consensus.noproof import NoProofConsensus
from eth.constants import (
    BLANK_ROOT_HASH,
    POST_MERGE_DIFFICULTY,
    POST_MERGE_MIX_HASH,
    POST_MERGE_NONCE,
    ZERO_ADDRESS,
)
from eth.db.atomic import AtomicDB
from eth.vm.forks.cancun import CancunVM

CHAIN_ID = 84532
USDC_ADDRESS = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
MULTICALL3_ADDRESS = "0xcA11bde05977b3631167028862bE2a173976CA11"
PERMIT2_ADDRESS = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
EXACT_PROXY_ADDRESS = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001"
UPTO_PROXY_ADDRESS = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"
BATCH_ADDRESS = "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003"
DEPOSIT_COLLECTOR_ADDRESS = "0x4020806089470a89826cB9fB1f4059150b550004"

_CONTRACTS = Path(__file__).parent / "contracts"
_GENESIS_CODE = {
    USDC_ADDRESS: "SandboxUSD",
    MULTICALL3_ADDRESS: "Multi",
    PERMIT2_ADDRESS: "SandboxPermit2",
    EXACT_PROXY_ADDRESS: "SandboxExactProxy",
    UPTO_PROXY_ADDRESS: "SandboxUptoProxy",
    BATCH_ADDRESS: "SandboxBatchSettlement",
    DEPOSIT_COLLECTOR_ADDRESS: "SandboxDepositCollector",
}
_BLOCK_GAS = 30_000_000
_WEI_EACH = 10**24


class _SubSecondVM(CancunVM):
    """Cancun rules, but blocks may share a second.

    One block per transaction with strictly rising timestamps would push chain time ahead of real
    time in a burst of payments, and with it every authorization past its `validBefore`.
    """

    @classmethod
    def validate_header(cls, header: Any, parent_header: Any) -> None:
        """Accept a header whose timestamp equals its parent's; check the rest as usual."""
        if header.timestamp == parent_header.timestamp:
            parent_header = parent_header.copy(timestamp=parent_header.timestamp - 1)
        super().validate_header(header, parent_header)


_VM_CONFIGURATION: Any = ConsensusApplier(NoProofConsensus).amend_vm_configuration(
    cast("Any", ((0, _SubSecondVM),))
)


class BaseSepolia(MiningChain):
    """A private chain with Base Sepolia's id and a constant block gas limit."""

    chain_id = CHAIN_ID
    vm_configuration = _VM_CONFIGURATION

    def create_header_from_parent(self, parent_header: Any, **header_params: Any) -> Any:
        """Return the next pending header, keeping the parent's gas limit."""
        header_params.setdefault("gas_limit", parent_header.gas_limit)
        return super().create_header_from_parent(parent_header, **header_params)


def new_chain(funded: list[str], timestamp_s: int) -> Any:
    """Return a py-evm chain at genesis with every contract, and gas money for `funded`."""
    state: Any = {address_bytes(a): _account(balance=_WEI_EACH) for a in funded}
    for address, name in _GENESIS_CODE.items():
        state[address_bytes(address)] = _account(code=_runtime(name))
    genesis: Any = {
        "coinbase": ZERO_ADDRESS,
        "difficulty": POST_MERGE_DIFFICULTY,
        "extra_data": b"",
        "gas_limit": _BLOCK_GAS,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "receipt_root": BLANK_ROOT_HASH,
        "timestamp": timestamp_s,
        "transaction_root": BLANK_ROOT_HASH,
    }
    return BaseSepolia.from_genesis(AtomicDB(), genesis, state)


def address_bytes(address: str) -> bytes:
    """Return the 20 bytes of a 0x address.

    Raises:
        ValueError: `address` is not 20 bytes of hex.
    """
    raw = bytes.fromhex(address.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError("an address has 20 bytes")
    return raw


def _account(balance: int = 0, code: bytes = b"") -> dict[str, Any]:
    return {"balance": balance, "nonce": 1 if code else 0, "code": code, "storage": {}}


def _runtime(name: str) -> bytes:
    artefact = json.loads((_CONTRACTS / f"{name}.json").read_text(encoding="utf-8"))
    return bytes.fromhex(artefact["runtime"].removeprefix("0x"))
