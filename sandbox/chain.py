"""The sandbox's chain: reads, raw transactions and a clock that tests can move.

One block per transaction; reads mine an empty block when the last one is older than Base's block
time, so that chain time follows real time. Receipts and logs are kept as JSON-RPC values.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from eth.constants import ZERO_ADDRESS
from eth.exceptions import HeaderNotFound
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from sandbox.evm import USDC_ADDRESS, address_bytes, new_chain

BLOCK_TIME_S = 2  # Base makes a block every two seconds
TRANSFER_TOPIC = "0x" + keccak(text="Transfer(address,address,uint256)").hex()

_CALL_GAS = 10_000_000
_TRANSACTION_GAS = 500_000
_GAS_PRICE_WEI = 2 * 10**9  # twice the genesis base fee, which empty blocks only lower
_ZERO_TOPIC = "0x" + "00" * 32


class CallRevertedError(Exception):
    """Report that a read-only call failed; `output` holds the raw revert data."""

    def __init__(self, message: str, output: bytes = b"") -> None:
        super().__init__(message)
        self.output = output


class TransactionRejectedError(Exception):
    """Report bytes that are not a transaction this chain accepts."""


class LocalChain:
    """A private chain whose clock is the real one plus what `advance_time` added.

    Every method may be called from any thread.
    """

    def __init__(self, funded: list[str]) -> None:
        """Start at genesis, with gas money for each address in `funded`."""
        self._lock = threading.RLock()
        self._skipped_s = 0
        self._receipts: dict[str, dict[str, Any]] = {}
        self._transactions: dict[str, dict[str, Any]] = {}
        self._logs: list[dict[str, Any]] = []
        self._transfers = 0
        self._chain = new_chain(funded, self.now())
        self._mine()

    # Time

    def now(self) -> int:
        """Return chain time in Unix seconds: real time plus every `advance_time`."""
        return int(time.time()) + self._skipped_s

    def advance_time(self, seconds: int) -> None:
        """Move chain time `seconds` forward and mine a block there."""
        with self._lock:
            self._skipped_s += seconds
            self._mine()

    # Writes

    def send_raw(self, raw: bytes) -> str:
        """Mine one signed transaction and return its 0x hash.

        Raises:
            TransactionRejectedError: the bytes are not a transaction this chain accepts.
        """
        with self._lock:
            try:
                transaction = self._chain.get_vm().get_transaction_builder().decode(raw)
                self._mine(transaction)
            except Exception as e:
                raise TransactionRejectedError(f"{type(e).__name__}: {e}") from e
            return "0x" + transaction.hash.hex()

    def mint(self, key: str, to: str, amount_atomic: int) -> None:
        """Create `amount_atomic` USDC units for `to`, in a transaction signed by `key`."""
        self.transact(key, USDC_ADDRESS, calldata("mint(address,uint256)", to, amount_atomic))

    def transact(self, key: str, to: str, data: bytes = b"", value_wei: int = 0) -> str:
        """Mine one transaction signed by `key`, whose account pays the gas; return its 0x hash.

        A transaction that reverts is mined all the same; its receipt says so.

        Raises:
            TransactionRejectedError: the account cannot pay for it.
        """
        with self._lock:
            unsigned = self._chain.create_unsigned_transaction(
                nonce=self.nonce(address_of(key)),
                gas_price=self.gas_price(),
                gas=_TRANSACTION_GAS,
                to=address_bytes(to),
                value=value_wei,
                data=data,
            )
            return self.send_raw(unsigned.as_signed_transaction(_private_key(key)).encode())

    # What tests ask

    def balance_atomic(self, address: str) -> int:
        """Return the USDC balance of `address` in atomic units (6 decimals)."""
        return self._read_int("balanceOf(address)", address)

    def nonce_used(self, payer: str, nonce: str) -> bool:
        """Tell whether `payer`'s EIP-3009 `nonce` (0x, 32 bytes) was used or cancelled."""
        return self._read_int("authorizationState(address,bytes32)", payer, nonce) == 1

    def transfer_count(self) -> int:
        """Return how many USDC transfers took place, mints not counted."""
        return self._transfers

    # What the JSON-RPC endpoint asks

    def call(self, to: str, data: bytes, sender: str | None = None, tag: str = "latest") -> bytes:
        """Run a read-only call and return its output.

        Raises:
            CallRevertedError: the call failed.
            LookupError: there is no block `tag`.
        """
        with self._lock:
            vm = self._chain.get_vm(self._header(tag))
            origin = address_bytes(sender) if sender else ZERO_ADDRESS
            target = address_bytes(to)
            result = vm.execute_bytecode(
                origin=origin,
                gas_price=0,
                gas=_CALL_GAS,
                to=target,
                sender=origin,
                value=0,
                data=data,
                code=vm.state.get_code(target),
            )
        if result.is_error:
            raise CallRevertedError(type(result.error).__name__, bytes(result.output))
        return bytes(result.output)

    def code(self, address: str, tag: str = "latest") -> bytes:
        """Return the code at `address`. Raises: LookupError when there is no block `tag`."""
        with self._lock:
            return bytes(self._state(tag).get_code(address_bytes(address)))

    def balance_wei(self, address: str, tag: str = "latest") -> int:
        """Return the ether balance in wei. Raises: LookupError when there is no block `tag`."""
        with self._lock:
            return int(self._state(tag).get_balance(address_bytes(address)))

    def nonce(self, address: str, tag: str = "latest") -> int:
        """Return the transaction count. Raises: LookupError when there is no block `tag`."""
        with self._lock:
            return int(self._state(tag).get_nonce(address_bytes(address)))

    def gas_price(self) -> int:
        """Return a gas price in wei that every block accepts."""
        return _GAS_PRICE_WEI

    def block_number(self) -> int:
        """Return the number of the latest block."""
        with self._lock:
            return int(self._header("latest").block_number)

    def header(self, tag: str = "latest") -> Any:
        """Return the py-evm header of block `tag` (a name or 0x number).

        Raises:
            LookupError: there is no such block.
        """
        with self._lock:
            return self._header(tag)

    def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        """Return a transaction's JSON-RPC receipt, or None; takes no lock."""
        return self._receipts.get(tx_hash.lower())

    def transaction(self, tx_hash: str) -> dict[str, Any] | None:
        """Return a mined transaction as a JSON-RPC value, or None; takes no lock."""
        return self._transactions.get(tx_hash.lower())

    def logs(self) -> Sequence[dict[str, Any]]:
        """Return every log so far as JSON-RPC values, oldest first."""
        return self._logs

    # Inside

    def _read_int(self, signature: str, *arguments: str) -> int:
        return int.from_bytes(self.call(USDC_ADDRESS, calldata(signature, *arguments)), "big")

    def _state(self, tag: str) -> Any:
        return self._chain.get_vm(self._header(tag)).state

    def _header(self, tag: str) -> Any:
        head = self._chain.get_canonical_head()
        if tag in ("latest", "pending", "safe", "finalized"):
            if self.now() - head.timestamp >= BLOCK_TIME_S:
                self._mine()
                head = self._chain.get_canonical_head()
            return head
        number = 0 if tag == "earliest" else int(tag, 16)
        try:
            return self._chain.get_canonical_block_header_by_number(number)
        except HeaderNotFound as e:
            raise LookupError(f"no block {tag}") from e

    def _mine(self, *transactions: Any) -> None:
        """Mine one block with `transactions`, at the current chain time or the parent's."""
        parent = self._chain.get_canonical_head()
        self._chain.set_header_timestamp(max(parent.timestamp, self.now()))
        imported, receipts, _ = self._chain.mine_all(transactions)
        block = imported.imported_block
        for transaction, receipt in zip(transactions, receipts, strict=True):
            self._record(block, transaction, receipt)

    def _record(self, block: Any, transaction: Any, receipt: Any) -> None:
        where = {
            "transactionHash": "0x" + transaction.hash.hex(),
            "transactionIndex": "0x0",
            "blockHash": "0x" + block.hash.hex(),
            "blockNumber": hex(block.number),
        }
        logs = [
            {
                "address": "0x" + log.address.hex(),
                "topics": [f"0x{topic:064x}" for topic in log.topics],
                "data": "0x" + log.data.hex(),
                "logIndex": hex(index),
                "removed": False,
                **where,
            }
            for index, log in enumerate(receipt.logs)
        ]
        self._logs.extend(logs)
        self._transfers += sum(_is_transfer(log) for log in logs)
        parties = {
            "from": "0x" + transaction.sender.hex(),
            "to": "0x" + transaction.to.hex() if transaction.to else None,
        }
        self._transactions[where["transactionHash"]] = _described(transaction, where, parties)
        self._receipts[where["transactionHash"]] = {
            **where,
            **parties,
            "cumulativeGasUsed": hex(receipt.gas_used),
            "gasUsed": hex(receipt.gas_used),
            "effectiveGasPrice": hex(_GAS_PRICE_WEI),
            "contractAddress": None,
            "logs": logs,
            "logsBloom": f"0x{receipt.bloom:0512x}",
            "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
            "type": "0x0",
        }


def _described(transaction: Any, where: dict[str, str], parties: dict[str, Any]) -> dict[str, Any]:
    """Return a mined transaction as `eth_getTransactionByHash` gives it, without its signature."""
    return {
        "hash": where["transactionHash"],
        "transactionIndex": where["transactionIndex"],
        "blockHash": where["blockHash"],
        "blockNumber": where["blockNumber"],
        **parties,
        "nonce": hex(transaction.nonce),
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "gasPrice": hex(_GAS_PRICE_WEI),
        "input": "0x" + transaction.data.hex(),
        "type": "0x0",
    }


def _is_transfer(log: dict[str, Any]) -> bool:
    topics = log["topics"]
    usdc = log["address"] == USDC_ADDRESS.lower()
    return usdc and topics[0] == TRANSFER_TOPIC and topics[1] != _ZERO_TOPIC


def address_of(key: str) -> str:
    """Return the checksummed address of the account of a 0x private key."""
    return _private_key(key).public_key.to_checksum_address()


def _private_key(key: str) -> PrivateKey:
    return PrivateKey(bytes.fromhex(key.removeprefix("0x")))


def calldata(signature: str, *arguments: str | int) -> bytes:
    """Return ABI call data for a function of static one-word arguments."""
    words = (int(a, 16) if isinstance(a, str) else a for a in arguments)
    return keccak(text=signature)[:4] + b"".join(w.to_bytes(32, "big") for w in words)
