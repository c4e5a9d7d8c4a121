"""Start and stop the other side of the wire: chain, JSON-RPC, facilitator and sellers.

Everything runs in this process, in two background threads on loopback. The heavy packages of the
`sandbox` extra are imported by `Sandbox.start()`, not with this module.
"""

from __future__ import annotations

import logging
import secrets
import warnings
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from sandbox.chain import LocalChain
    from sandbox.rpc import AsgiApp
    from sandbox.serve import Served

NETWORK = "eip155:84532"
BUYER_FUNDS_ATOMIC = 1_000_000_000  # 1,000 USDC
_GAS_MONEY_WEI = 10**17

# The first five keys of the widely published "test test ... junk" mnemonic. Never send them money.
_MINTER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
_MINTER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
_FACILITATOR_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
_FACILITATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BUYER_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"
BUYER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
SELLER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
THIEF_KEY = "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"
THIEF = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"
"""The hostile seller; it has gas money, so that it can cash what it gets without a facilitator."""
_RECEIVER_KEY = "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"
"""The next key of the mnemonic; it signs the claims and refunds of the seller's channels."""


class SandboxMissingError(RuntimeError):
    """Report that the packages of the `sandbox` extra are not installed."""


class Sandbox:
    """A seller, a facilitator and a chain on loopback; a context manager.

    `seller_url`, `rpc_url` and `chain` are set by `start`. `seen_payment_headers` lists the value
    of every payment header that reached the seller.
    """

    buyer_key = BUYER_KEY
    buyer_address = BUYER
    seller_address = SELLER
    network = NETWORK

    seller_url: str
    rpc_url: str
    chain: LocalChain

    def __init__(self, *, seller_port: int = 0, rpc_port: int = 0) -> None:
        """Choose the ports; 0 takes a free one."""
        self._ports = (seller_port, rpc_port)
        self._served: list[Served] = []
        self.seen_payment_headers: list[str] = []

    def start(self) -> Self:
        """Build a fresh chain and serve it and the sellers; returns when both accept requests.

        Raises:
            SandboxMissingError: the `sandbox` extra is not installed.
            OSError: a port is taken.
            RuntimeError: the sandbox is already running.
        """
        if self._served:
            raise RuntimeError("the sandbox is already running")
        self.seen_payment_headers.clear()
        self.chain, self._served = _build(*self._ports, self.seen_payment_headers)
        try:
            for served in self._served:
                served.start()
        except RuntimeError:
            self.stop()
            raise
        self.seller_url, self.rpc_url = (served.url for served in self._served)
        return self

    def stop(self) -> None:
        """Close every socket and join the threads; stopping twice is harmless."""
        stopping, self._served = self._served, []
        for served in stopping:
            served.ask_to_stop()
        for served in stopping:
            served.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def open_account(self, amount_atomic: int) -> tuple[str, str]:
        """Return the key and the address of a fresh account that holds USDC, and no gas money."""
        from sandbox.chain import address_of

        key = "0x" + secrets.token_hex(32)
        address = address_of(key)
        self.chain.mint(_MINTER_KEY, address, amount_atomic)
        return key, address

    def approve_permit2(self, key: str, amount_atomic: int) -> None:
        """Let Permit2 move USDC of the account of `key`, in a transaction whose gas is given."""
        from sandbox.chain import calldata
        from sandbox.evm import PERMIT2_ADDRESS, USDC_ADDRESS

        self.give_gas(key)
        approval = calldata("approve(address,uint256)", PERMIT2_ADDRESS, amount_atomic)
        self.chain.transact(key, USDC_ADDRESS, approval)

    def give_gas(self, key: str) -> None:
        """Give the account of `key` ether for some transactions."""
        from sandbox.chain import address_of

        self.chain.transact(_MINTER_KEY, address_of(key), value_wei=_GAS_MONEY_WEI)

    def settings(self) -> dict[str, Any]:
        """Return the Purser settings that buy from this sandbox, as nested dicts."""
        return {
            "hosts": {"private_ok": [self.seller_url.removeprefix("http://")]},
            "wallet": {"key": "env", "networks": [NETWORK]},
            "directories": {"bazaar": [f"{self.seller_url}/directory"]},
            "network": {NETWORK: {"rpc_urls": [self.rpc_url]}},
        }

    def config_toml(self, *, key: str = "env") -> str:
        """Return `settings` as the text of a config.toml, but this source of the key."""
        host = self.seller_url.removeprefix("http://")
        return (
            f'[hosts]\nprivate_ok = ["{host}"]\n\n'
            f'[wallet]\nkey = "{key}"\nnetworks = ["{NETWORK}"]\n\n'
            f'[directories]\nbazaar = ["{self.seller_url}/directory"]\n\n'
            f'[network."{NETWORK}"]\nrpc_urls = ["{self.rpc_url}"]\n'
        )


def _build(
    seller_port: int, rpc_port: int, seen_payment_headers: list[str]
) -> tuple[LocalChain, list[Served]]:
    """Return a fresh chain with a funded buyer, and seller and JSON-RPC in front, not started."""
    # Without a handler, the packages' warnings would reach stderr through logging's last resort.
    for name in ("x402", "uvicorn", "eth", "web3"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        with warnings.catch_warnings():
            # Deprecations inside third-party packages are not the caller's business.
            warnings.simplefilter("ignore", DeprecationWarning)
            from sandbox.chain import LocalChain
            from sandbox.facilitator import build_facilitator, build_signer
            from sandbox.rpc import JsonRpc
            from sandbox.sellers import build_seller
            from sandbox.serve import Served
    except ImportError as e:
        raise SandboxMissingError(
            f"the sandbox needs packages that are not installed ({e.name}); "
            "run `uv sync` in the repository, or `pip install 'purser-mcp[sandbox]'`"
        ) from e
    chain = LocalChain([_MINTER, _FACILITATOR, THIEF])
    chain.mint(_MINTER_KEY, BUYER, BUYER_FUNDS_ATOMIC)
    rpc = JsonRpc(chain)
    signer = build_signer(rpc, _FACILITATOR_KEY)
    facilitator = build_facilitator(signer)

    def build_schemes() -> AsgiApp:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from sandbox.schemes import build_scheme_seller
        return build_scheme_seller(facilitator, signer, SELLER, _RECEIVER_KEY)

    seller = build_seller(facilitator, SELLER, build_schemes, seen_payment_headers)
    first = Served(seller, seller_port, "sandbox-seller")
    try:
        return chain, [first, Served(rpc.asgi, rpc_port, "sandbox-rpc")]
    except OSError:
        first.stop()
        raise
