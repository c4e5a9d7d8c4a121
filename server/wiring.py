"""The composition root: from settings to the toolbox that tools and commands are given."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from server.sealed_policy import policy_of
from server.settings import Settings
from tools.context import Holding, ManyLimits, Toolbox
from tools.directories.asking import Source
from tools.directories.cache import DirectoryCache
from tools.directories.finding import Directories
from wallet.appraisal import Appraiser
from wallet.assets import Asset, assets, networks
from wallet.chain import Chain, ChainUnreadableError
from wallet.channels.rules import ChannelRules
from wallet.exchange import Exchange, WebRequest
from wallet.keystore import Keystore
from wallet.ledger.base import Ledger
from wallet.ledger.worker import LedgerWorker
from wallet.limits import Rules
from wallet.money import token_units
from wallet.parts import Parts
from wallet.payer import Payer
from wallet.purchases import PurchaseStore
from wallet.rails.mpp.rail import MppRail
from wallet.rails.x402.rail import X402Rail
from wallet.vault import Vault

if TYPE_CHECKING:
    from tools.web.http import WebClient

LOCAL_PRINCIPAL = "local"
PROOF_WAIT_S = 3


@dataclass(frozen=True, slots=True)
class Wired:
    """The toolbox for tools, and the parts beneath it for commands that look deeper."""

    toolbox: Toolbox
    parts: Parts
    settings: Settings


def rules_from(settings: Settings) -> Rules:
    """Return the policy's rules as the settings give them."""
    budget, wallet, batch = settings.budget, settings.wallet, settings.batch
    return Rules(
        per_payment=budget.per_payment,
        per_host_per_day=budget.per_host_per_day,
        per_day=budget.per_day,
        total=budget.total,
        approval_above=budget.approval_above,
        payments_per_minute=budget.payments_per_minute,
        networks=wallet.networks,
        schemes=wallet.schemes,
        validity_s=wallet.validity_s,
        sign_in=wallet.sign_in,
        payment_flows=wallet.payment_flows,
        repeat_window_s=settings.fetch.repeat_window_s,
        approval_life_s=settings.approvals.expires_s,
        channels=ChannelRules(batch.max_deposit, batch.deposit_pages, batch.max_withdraw_delay_s),
    )


class LazyWeb:
    """The guarded web; its HTTP client is loaded at the first exchange, not at the start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: WebClient | None = None

    def exchange(self, request: WebRequest, *, timeout_s: float | None = None) -> Exchange:
        """Prepare one exchange; nothing is sent yet.

        Raises:
            PurserError: the URL or a header cannot be used.
        """
        from tools.web.http import WebClient, WebExchange

        fetch = self._settings.fetch
        if self._client is None:
            self._client = WebClient(
                self._settings.host_rules(),
                user_agent=f"purser/{metadata.version('purser-mcp')}",
                max_body_bytes=fetch.max_body_bytes,
            )
        longest_s = fetch.timeout_s if timeout_s is None else min(timeout_s, fetch.timeout_s)
        return WebExchange(self._client, request, timeout_s=longest_s)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


class Holdings:
    """What the wallet holds on each enabled network; a chain that cannot be read says so."""

    def __init__(self, chain: Chain, enabled: tuple[str, ...]) -> None:
        self._chain = chain
        self._enabled = enabled

    async def holdings(self, address: str) -> tuple[Holding, ...]:
        """Return one row per enabled network and token, with a reason where it cannot be read."""
        wanted = [
            asset
            for network in self._enabled
            for asset in assets().values()
            if asset.network == network and asset.usd_pegged
        ]
        return tuple([await self._holding(asset, address) for asset in wanted])

    async def _holding(self, asset: Asset, address: str) -> Holding:
        try:
            amount_atomic = await self._chain.balance(asset, address)
        except ChainUnreadableError as error:
            return Holding(asset.network, asset.symbol, None, str(error))
        return Holding(
            asset.network, asset.symbol, token_units(amount_atomic, asset.decimals), None
        )


def rpc_urls(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return every known network's RPC URLs: a hold outlives the setting that allowed it."""
    return {network_id: settings.rpc_urls(network_id) for network_id in networks()}


def open_keystore(settings: Settings, ask_passphrase: Callable[[], str] | None = None) -> Keystore:
    """Return the wallet's key, which opens only under the settings it is sealed with, if it is."""
    return Keystore(
        settings.home,
        settings.wallet.key,
        policy=policy_of(settings),
        ask_passphrase=ask_passphrase,
    )


def _directories(settings: Settings, web: LazyWeb, parts: Parts) -> Directories:
    chosen = settings.directories
    sources = (
        *(Source("bazaar", url) for url in chosen.bazaar),
        *(Source("mpp", url) for url in chosen.mpp),
        *(Source("site", url) for url in chosen.sites),
    )
    return Directories(
        sources=sources,
        web=web,
        rules=settings.host_rules(),
        appraiser=Appraiser(parts),
        cache=DirectoryCache(settings.directories_path()),
        cache_s=chosen.cache_s,
        timeout_s=chosen.wait_s,
        clock=lambda: int(time.time()),
    )


@asynccontextmanager
async def open_wired(
    settings: Settings, *, ask_passphrase: Callable[[], str] | None = None
) -> AsyncGenerator[Wired]:
    """Build everything once and close it in reverse; opens no file before it is needed.

    Args:
        settings: what the user set.
        ask_passphrase: asks the person at the terminal for the keystore's passphrase; None, as
            under a host, where there is nobody to ask.

    Raises:
        StorageFailedError: the folder for bought content cannot be made.
    """

    def open_ledger() -> Ledger:
        from wallet.ledger.sqlite import SqliteLedger

        return SqliteLedger(settings.ledger_path())

    ledger = LedgerWorker(open_ledger)
    chain = Chain(rpc_urls(settings))
    store = PurchaseStore(settings.purchases_path())
    parts = Parts(
        ledger=ledger,
        store=store,
        keys=Vault(open_keystore(settings, ask_passphrase), may_sign_in=settings.wallet.sign_in),
        chain=chain,
        rails=(X402Rail(), MppRail()),
        rules=rules_from(settings),
        principal=LOCAL_PRINCIPAL,
        clock=lambda: time.time_ns() // 1_000_000,
        entropy=os.urandom,
        room_bytes=settings.fetch.max_body_bytes,
        proof_wait_s=PROOF_WAIT_S,
    )
    web = LazyWeb(settings)
    toolbox = Toolbox(
        buyer=Payer(parts),
        web=web,
        records=ledger,
        shelf=store,
        chain=Holdings(chain, settings.wallet.networks),
        finder=_directories(settings, web, parts),
        many=ManyLimits(
            per_host_concurrency=settings.fetch.per_host_concurrency,
            time_s=settings.fetch.timeout_s,
            repeat_window_s=settings.fetch.repeat_window_s,
        ),
    )
    try:
        yield Wired(toolbox, parts, settings)
    finally:
        await web.aclose()
        await chain.close()
        await ledger.aclose()
