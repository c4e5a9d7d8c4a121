"""Cash an authorization as its holder can: straight at the token, with no facilitator to object."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from sandbox.chain import LocalChain
from sandbox.evm import CHAIN_ID, USDC_ADDRESS
from sandbox.hostile.scene import Payment

_TYPES = ("address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes")
_SELECTOR = keccak(text=f"transferWithAuthorization({','.join(_TYPES)})")[:4]
_GAS = 300_000


class Cashier:
    """Submits EIP-3009 authorizations to the chain and pays the gas; for one thread."""

    def __init__(self, chain: LocalChain, key: str) -> None:
        self._chain = chain
        self._account = Account.from_key(key)

    def cash(self, payment: Payment) -> str:
        """Submit the payment as it is and return the transaction's hash, mined or reverted."""
        terms = payment.authorization
        signature = payment.payload["payload"]["signature"]
        values = (
            terms["from"],
            terms["to"],
            int(terms["value"]),
            int(terms["validAfter"]),
            int(terms["validBefore"]),
            bytes.fromhex(terms["nonce"][2:]),
            bytes.fromhex(signature[2:]),
        )
        return self._submit(_SELECTOR + encode(_TYPES, values))

    def foreign_hash(self) -> str:
        """Return the hash of the first transfer on the chain, which made the buyer's money."""
        return self._chain.logs()[0]["transactionHash"]

    def _submit(self, data: bytes) -> str:
        signed = self._account.sign_transaction(
            {
                "chainId": CHAIN_ID,
                "nonce": self._chain.nonce(self._account.address),
                "gasPrice": self._chain.gas_price(),
                "gas": _GAS,
                "to": USDC_ADDRESS,
                "value": 0,
                "data": data,
            }
        )
        return self._chain.send_raw(bytes(signed.raw_transaction))
