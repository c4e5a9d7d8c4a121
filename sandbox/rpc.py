"""JSON-RPC 2.0 in front of the chain: over HTTP for buyers, in the process for the facilitator.

The methods and their encodings follow Ethereum's execution API; batches are not supported.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from sandbox.chain import CallRevertedError, LocalChain, TransactionRejectedError
from sandbox.evm import CHAIN_ID

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600
_METHOD_NOT_FOUND = -32601
_INVALID_PARAMS = -32602
_SERVER_ERROR = -32000
_EXECUTION_REVERTED = 3

_REVERT_STRING = bytes.fromhex("08c379a0")  # Error(string)
_MAX_REQUEST_BYTES = 1_000_000


class JsonRpc:
    """Answers JSON-RPC requests from a `LocalChain`."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._methods: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "purser-sandbox",
            "net_version": lambda: str(CHAIN_ID),
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_syncing": lambda: False,
            "eth_gasPrice": lambda: hex(chain.gas_price()),
            "eth_blockNumber": lambda: hex(chain.block_number()),
            "eth_getBlockByNumber": self._block,
            "eth_call": self._call,
            "eth_getBalance": lambda *at: hex(chain.balance_wei(*at)),
            "eth_getTransactionCount": lambda *at: hex(chain.nonce(*at)),
            "eth_getCode": lambda *at: "0x" + chain.code(*at).hex(),
            "eth_getTransactionByHash": chain.transaction,
            "eth_getTransactionReceipt": chain.receipt,
            "eth_getLogs": self._logs,
            "eth_sendRawTransaction": self._send_raw,
        }

    def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        """Return `{"result": ...}` or `{"error": {...}}` for one call."""
        handler = self._methods.get(method)
        if handler is None:
            return _error(_METHOD_NOT_FOUND, f"the method {method} does not exist")
        try:
            return {"result": handler(*params)}
        except CallRevertedError as e:
            data = "0x" + e.output.hex()
            return _error(_EXECUTION_REVERTED, _revert_message(e), data)
        except TransactionRejectedError as e:
            return _error(_SERVER_ERROR, str(e))
        except LookupError as e:
            return _error(_SERVER_ERROR, f"not found: {e}")
        except (TypeError, ValueError, AttributeError) as e:
            return _error(_INVALID_PARAMS, f"invalid params: {e}")

    def answer_bytes(self, body: bytes) -> bytes:
        """Return the response object to one request object, both as JSON bytes."""
        try:
            request = json.loads(body)
        except ValueError:
            return _encode(None, _error(_PARSE_ERROR, "the body is not JSON"))
        match request:
            case {"method": str(method), **rest}:
                params = rest.get("params", [])
                if not isinstance(params, list):
                    answer = _error(_INVALID_PARAMS, "params must be an array")
                else:
                    answer = self.answer(method, cast("list[Any]", params))
                return _encode(rest.get("id"), answer)
            case _:
                return _encode(None, _error(_INVALID_REQUEST, "one request object is expected"))

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve `POST /` as an ASGI application."""
        if scope["type"] != "http":
            return
        if scope["method"] != "POST" or scope["path"] != "/":
            await _respond(send, 405 if scope["path"] == "/" else 404, b"")
            return
        body = bytearray()
        more = True
        while more and len(body) <= _MAX_REQUEST_BYTES:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        if more:
            await _respond(send, 413, b"")
            return
        await _respond(send, 200, self.answer_bytes(bytes(body)))

    def _send_raw(self, raw: str | bytes) -> str:
        return self._chain.send_raw(_unhex(raw))

    def _call(self, call: dict[str, Any], tag: str = "latest") -> str:
        data = _unhex(call.get("input") or call.get("data") or "0x")
        return "0x" + self._chain.call(call["to"], data, call.get("from"), tag).hex()

    def _block(self, tag: str, full: bool = False) -> dict[str, Any] | None:
        """Return a block's header fields; its transactions are not listed."""
        try:
            header = self._chain.header(tag)
        except LookupError:
            return None
        return {
            "number": hex(header.block_number),
            "hash": "0x" + header.hash.hex(),
            "parentHash": "0x" + header.parent_hash.hex(),
            "timestamp": hex(header.timestamp),
            "gasLimit": hex(header.gas_limit),
            "gasUsed": hex(header.gas_used),
            "baseFeePerGas": hex(header.base_fee_per_gas),
            "difficulty": "0x0",
            "extraData": "0x",
            "logsBloom": f"0x{header.bloom:0512x}",
            "miner": "0x" + header.coinbase.hex(),
            "mixHash": "0x" + header.mix_hash.hex(),
            "nonce": "0x" + header.nonce.hex(),
            "receiptsRoot": "0x" + header.receipt_root.hex(),
            "sha3Uncles": "0x" + header.uncles_hash.hex(),
            "stateRoot": "0x" + header.state_root.hex(),
            "transactionsRoot": "0x" + header.transaction_root.hex(),
            "transactions": [],
            "uncles": [],
        }

    def _logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in query:
            raise ValueError("blockHash is not supported")
        first = self._number(query.get("fromBlock", "latest"))
        last = self._number(query.get("toBlock", "latest"))
        addresses = _choices(query.get("address"))
        wanted: list[Any] = query.get("topics") or []
        topics = [_choices(topic) for topic in wanted]
        return [
            log
            for log in tuple(self._chain.logs())
            if first <= int(log["blockNumber"], 16) <= last
            and (not addresses or log["address"] in addresses)
            and _topics_match(log["topics"], topics)
        ]

    def _number(self, tag: str) -> int:
        return int(tag, 16) if tag.startswith("0x") else int(self._chain.header(tag).block_number)


def _choices(value: str | list[str] | None) -> frozenset[str]:
    """Return the accepted values of an address or topic filter; empty accepts all."""
    values = [value] if isinstance(value, str) else value or []
    return frozenset(v.lower() for v in values)


def _topics_match(topics: list[str], wanted: list[frozenset[str]]) -> bool:
    if len(wanted) > len(topics):
        return False
    return all(not choices or topics[i] in choices for i, choices in enumerate(wanted))


def _revert_message(error: CallRevertedError) -> str:
    """Return geth's wording, with the reason when the revert data is an `Error(string)`."""
    output = error.output
    if not output.startswith(_REVERT_STRING):
        return f"execution reverted: {error}"
    length = int.from_bytes(output[36:68], "big")
    return "execution reverted: " + output[68 : 68 + length].decode("utf-8", "replace")


def _unhex(value: str | bytes) -> bytes:
    """Return the bytes of 0x hex; web3 in the process hands over bytes as they are."""
    if isinstance(value, bytes):
        return value
    return bytes.fromhex(value.removeprefix("0x"))


def _error(code: int, message: str, data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"error": error}


def _encode(request_id: Any, answer: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, **answer}).encode()


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
