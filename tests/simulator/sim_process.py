"""One simulated process: the real wallet over simulated borders, which can die at any step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, cast

from sim_chain import NETWORK, RpcServer, chain_over
from sim_disk import Lockstep, unwind
from sim_loop import Mortal, owner
from sim_plan import Fault, Setting

from wallet.ledger.sqlite import SqliteLedger
from wallet.ledger.worker import LedgerWorker
from wallet.limits import Rules
from wallet.money import Usd
from wallet.parts import Parts
from wallet.payer import Payer
from wallet.purchases import PurchaseStore
from wallet.rails.x402.evm import checksum_address
from wallet.rails.x402.rail import X402Rail
from wallet.signing.key import UnlockedKey
from wallet.vault import Vault

if TYPE_CHECKING:
    from wallet.signing.checked import Checked, CheckedHold

PAYER = checksum_address("0x" + "7a" * 20)
LONGEST_DELAY_MS = 20


@dataclass
class Slot:
    """What outlives a process: its faults to come, and its disk."""

    number: int
    home: Path
    draw: Random
    faults: list[Fault] = field(default_factory=list[Fault])
    process: SimulatedProcess | None = None


class RecordingKey(UnlockedKey):
    """Stands for the curve alone: every check before it is the wallet's own."""

    __slots__ = ("_signing",)

    def __init__(self, signing: Callable[[str], None]) -> None:
        self.address = PAYER
        self._signing = signing

    def sign(self, hold: Checked) -> str:
        """Report the nonce of a transfer, and return 65 bytes made from it."""
        nonce = cast("CheckedHold", hold).transfer.nonce
        self._signing(nonce)
        digest = sha256(nonce.encode()).hexdigest()
        return f"0x{digest}{digest}1b"


class _KeySource:
    def __init__(self, key: RecordingKey) -> None:
        self._key = key

    def address(self) -> str:
        return PAYER

    def unlock(self) -> UnlockedKey:
        return self._key


@dataclass(frozen=True)
class Surroundings:
    """What every process shares: the local clock, what is heard of it, and the RPC servers."""

    setting: Setting
    clock_ms: Callable[[], int]
    committed: Callable[[], None]
    signing: Callable[[str], None]
    died: Callable[[SimulatedProcess], None]
    note: Callable[[str], None]
    servers: list[RpcServer]


class SimulatedProcess(Mortal):
    """A server's life from start to death; implements `sim_disk.Host`."""

    def __init__(self, slot: Slot, around: Surroundings) -> None:
        self.dead = False
        self.connections: list[sqlite3.Connection] = []
        self.steps: list[Lockstep] = []
        self.name = f"p{slot.number}"
        self.slot = slot
        self._around = around
        self.context: Context = copy_context()
        self.context.run(owner.set, self)
        self.parts = self._open_parts()
        self.payer = Payer(self.parts)

    def _open_parts(self) -> Parts:
        around, path = self._around, self.slot.home / "ledger.sqlite3"
        clock_ms = around.clock_ms
        return Parts(
            ledger=LedgerWorker(
                lambda: SqliteLedger(path, clock=lambda: clock_ms() // 1000, lock_timeout_s=0)
            ),
            store=PurchaseStore(self.slot.home / "purchases"),
            keys=Vault(_KeySource(RecordingKey(around.signing))),
            chain=chain_over(around.servers),
            rails=(X402Rail(),),
            rules=rules_of(around.setting),
            principal="local",
            clock=clock_ms,
            entropy=self.slot.draw.randbytes,
            room_bytes=1,
            proof_wait_s=around.setting.proof_wait_s,
        )

    def trouble(self, target: str) -> Fault | None:
        """Count one operation and return the fault that is due at it."""
        faults = self.slot.faults
        for index, fault in enumerate(faults):
            if fault.target != target:
                continue
            if fault.nth > 1:
                faults[index] = replace(fault, nth=fault.nth - 1)
                return None
            left = fault.times - 1 if fault.effect.startswith("fail") else 0
            faults[index : index + 1] = [replace(fault, times=left)] if left else []
            self._around.note(f"{self.name}: {fault.effect} {target}")
            return fault
        return None

    def may_pause(self) -> bool:
        """Tell whether a pause is planned, so that a job needs a thread of its own."""
        return any(fault.effect == "pause" for fault in self.slot.faults)

    def committed(self) -> None:
        """Notice that a database transaction is durable."""
        self._around.committed()

    def delay_s(self) -> float:
        """Return how long a thread takes to begin or to be heard."""
        return self.slot.draw.randrange(LONGEST_DELAY_MS) / 1000

    def die(self) -> None:
        """Stop everything here and now; what is not committed is gone."""
        if self.dead:
            return
        self.dead = True
        self.slot.process = None
        self._around.note(f"{self.name} dies")
        self._around.died(self)
        for connection in self.connections:
            sqlite3.Connection.close(connection)

    def clear_away(self) -> None:
        """Let what is left of a dead process unwind without any effect."""
        unwind(self)


def rules_of(setting: Setting) -> Rules:
    """Return the user's limits in this life."""
    return Rules(
        per_payment=Usd(setting.per_payment),
        per_host_per_day=Usd(setting.per_host_per_day),
        per_day=Usd(setting.per_day),
        total=None if setting.total is None else Usd(setting.total),
        approval_above=Usd(setting.per_payment),
        payments_per_minute=setting.payments_per_minute,
        networks=(NETWORK,),
        schemes=("exact",),
        validity_s=setting.validity_s,
        repeat_window_s=600,
    )
