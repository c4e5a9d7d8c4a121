"""One simulated life from a plan: the same plan gives the same life, step by step."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import Coroutine, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from sim_chain import Blockchain, RpcServer
from sim_disk import borders
from sim_loop import StuckError, VirtualLoop, burying
from sim_model import Model, ViolationError
from sim_plan import (
    CENT,
    DAY_S,
    Answer,
    Call,
    ClockJump,
    Death,
    Event,
    Fault,
    Plan,
    Reconcile,
    Rpc,
    Stall,
)
from sim_process import SimulatedProcess, Slot, Surroundings
from sim_seller import Market, SimulatedExchange, page

from wallet.errors import PurserError
from wallet.ledger.base import LedgerUnavailableError
from wallet.ledger.sqlite import SqliteLedger
from wallet.money import Usd
from wallet.payer import Bought
from wallet.purchases import PurchaseStore
from wallet.reconcile import reconcile_all

LONGEST_CALL_S = 3_000
MARGIN_S = 1_800
MEMORY = Path("/dev/shm")


@dataclass
class Life:
    """What came of a plan: the rule it broke, if any, and all its steps."""

    plan: Plan
    broken: str | None
    trace: list[str]
    signatures: int
    settled: int
    voided: int

    @property
    def digest(self) -> str:
        """Return a hash of every step."""
        return sha256("\n".join(self.trace).encode()).hexdigest()


@dataclass
class World:
    """Everything around the processes, and the processes."""

    plan: Plan
    home: Path
    loop: VirtualLoop
    trace: list[str] = field(default_factory=list[str])
    jumped_s: int = 0

    def __post_init__(self) -> None:
        setting, seed = self.plan.setting, self.plan.seed
        self.truth = Blockchain(self.now_s, setting.wealth)
        self.model = Model(self.home / "ledger.sqlite3", setting, self.truth, self.note)
        self.market = Market(self.truth, self.model, self.note)
        delay = Random(f"rpc {seed}")
        self.servers = [
            RpcServer(number, self.truth, lambda: delay.randrange(300) / 1000)
            for number in range(setting.rpc_servers)
        ]
        self.slots = [
            Slot(number, self.home, Random(f"process {number} of {seed}"))
            for number in range(setting.processes + 1)
        ]
        self.dead: list[SimulatedProcess] = []
        self.calls: list[tuple[SimulatedProcess, asyncio.Task[Any]]] = []

    def now_ms(self) -> int:
        """Return the true time: unix milliseconds."""
        return self.plan.setting.start_s * 1000 + round(self.loop.now_s * 1000)

    def now_s(self) -> int:
        """Return the true time in unix seconds, which the chain's blocks carry."""
        return self.now_ms() // 1000

    def local_ms(self) -> int:
        """Return what the machine's clock shows."""
        return self.now_ms() + self.jumped_s * 1000

    def note(self, text: str) -> None:
        """Write down one step."""
        self.trace.append(f"{self.loop.now_s:12.3f}  {text}")

    def process(self, number: int) -> SimulatedProcess:
        """Return the living process in a slot, starting one as its host would."""
        slot = self.slots[number]
        if slot.process is None:
            around = Surroundings(
                setting=self.plan.setting,
                clock_ms=self.local_ms,
                committed=self.model.look,
                signing=self.model.signing,
                died=self.dead.append,
                note=self.note,
                servers=self.servers,
            )
            self.note(f"p{number} starts")
            slot.process = SimulatedProcess(slot, around)
            self._begin(slot.process, self.reconcile(slot.process))
        return slot.process

    def _begin(
        self, process: SimulatedProcess, work: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None]:
        """Start work that belongs to a process, and ends with it."""
        task = self.loop.create_task(work, context=process.context.copy())
        self.calls.append((process, task))
        return task

    async def live(self) -> None:
        """Run the plan, heal everything, and see that every purchase ends."""
        for event in self.plan.events:
            await self._until(event.at_ms / 1000)
            self.note(str(event))
            self._happen(event)
        await self._until(self.loop.now_s + LONGEST_CALL_S)
        await self._heal()
        await self._reconcile_and_judge()
        await self._buy_as_a_control()
        await self._reconcile_and_judge()

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0, at_s - self.loop.now_s))
        self._stop_if_broken()

    def _stop_if_broken(self) -> None:
        if self.model.broken is not None:
            raise ViolationError(self.model.broken)

    def _happen(self, event: Event) -> None:
        match event:
            case Call():
                process = self.process(event.process)
                for _ in range(event.copies):
                    self._begin(process, self.call(process, event))
            case Reconcile():
                process = self.process(event.process)
                self._begin(process, self.reconcile(process))
            case Death():
                process = self.slots[event.process].process
                if process is not None:
                    process.die()
                    self.loop.bury(process)
            case Fault():
                self.slots[event.process].faults.append(event)
            case Rpc():
                server = self.servers[event.server]
                server.mode = "ok" if event.mode == "lag" else event.mode
                server.lag_s = event.lag_s if event.mode == "lag" else 0
                self.model.liar_says_used |= event.mode == "lie_used"
            case ClockJump():
                self.jumped_s += event.by_s
            case Stall():
                self.truth.stall(event.for_ms // 1000)

    async def call(self, process: SimulatedProcess, event: Call) -> None:
        """Be the host of one tool call: wait for it, give up on it, judge its answer."""
        exchange = SimulatedExchange(self.market, event.url, event.answer)
        price = None if event.max_price is None else Usd(event.max_price)
        give_up_s = None if event.give_up_ms is None else event.give_up_ms / 1000
        with anyio.move_on_after(give_up_s):
            try:
                bought = await process.payer.fetch(
                    exchange, max_price=price, pay_again=event.pay_again
                )
            except PurserError as error:
                self._judge_refusal(exchange, error)
            else:
                self._judge_bought(event, bought)
            return
        self.note(f"{process.name}: the host gave up on {event.url}")

    def _judge_refusal(self, exchange: SimulatedExchange, error: PurserError) -> None:
        self.note(f"{exchange.request.url}: {error.kind.value.code}, spent {error.spent}")
        if error.spent == "no":
            self.model.answered_no(exchange.sent)
        if error.spent == "yes":
            self.model.answered_yes(error.receipt_id)

    def _judge_bought(self, event: Call, bought: Bought) -> None:
        again = " again" if bought.reused else ""
        state, known = bought.purchase.state, bought.purchase.evidence
        self.note(f"{event.url}: bought{again} as {bought.purchase.id[-4:]}, {state}, {known}")
        self.model.require(
            bought.http_status >= 300 or bought.body == page(event.url),
            "what is returned is what was bought",
        )
        amount = bought.purchase.amount_usd
        if not bought.reused and amount is not None and event.max_price is not None:
            self.model.require(amount.micros <= event.max_price, "max_price_usd is kept")

    async def reconcile(self, process: SimulatedProcess) -> None:
        """Look at open purchases as the upkeep does."""
        try:
            done = await reconcile_all(process.parts)
        except LedgerUnavailableError:
            self.note(f"{process.name}: reconciling met no ledger")
            return
        open_now, verified = len(done.still_open), len(done.verified)
        self.note(f"{process.name}: reconciled, {open_now} open, {verified} verified")

    async def _heal(self) -> None:
        """Let every call end, mend everything, pass the last expiry, and reconcile."""
        for process, task in self.calls:
            self._judge_task(process, task)
        for slot in self.slots:
            slot.faults.clear()
            if slot.process is not None and self.plan.setting.kill_at_end:
                slot.process.die()
        self.note("everything is mended")
        self.market.cash_all()
        self.jumped_s = 0
        if not self.servers:
            self.servers.append(RpcServer(0, self.truth, lambda: 0))
        for server in self.servers:
            server.mode, server.lag_s = "ok", 0
        rows = [bill.row for bill in self.model.bills.values()]
        latest_s = max([self.now_s(), *(max(r["valid_before"], r["created_at"]) for r in rows)])
        await self._until(self.loop.now_s + latest_s - self.now_s() + MARGIN_S + DAY_S)
        self.market.cash_all()

    async def _reconcile_and_judge(self) -> None:
        last = self.process(len(self.slots) - 1)
        await self._begin(last, self.reconcile(last))
        await self._until(self.loop.now_s + 61)
        self.model.judge_the_end()
        self._check_books()

    def _judge_task(self, process: SimulatedProcess, task: asyncio.Task[None]) -> None:
        """Every call of a living process has ended, in a way that its host understands."""
        if process.dead:
            return
        self.model.require(task.done(), "every call ends")
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.note(f"a call ended in {error!r}")
            self.model.require(False, "every failure is a typed one")

    def _check_books(self) -> None:
        with closing(SqliteLedger(self.home / "ledger.sqlite3")) as ledger:
            faults = ledger.check()
        for fault in faults:
            self.note(fault)
        self.model.require(not faults, "the books balance")
        store = PurchaseStore(self.home / "purchases")
        for bill in self.model.bills.values():
            if bill.row["body_sha256"] is not None:
                kept = store.load(bill.row["id"])
                self.model.require(kept is not None, "what was delivered can be read again")

    async def _buy_as_a_control(self) -> None:
        """A wallet that pays nobody breaks no cap: see that an honest purchase still works."""
        spent = sum(b.micros for b in self.model.bills.values() if b.state == "settled")
        total, wealth = self.plan.setting.total, self.plan.setting.wealth
        gone = sum(one.authorization.amount_atomic for one in self.truth.included.values())
        if (total is not None and spent + CENT > total) or gone + CENT > wealth:
            return
        event = Call(0, 0, "https://last.example/0", Answer(say="truth"))
        process = self.process(len(self.slots) - 1)
        await self._begin(process, self.call(process, event))
        self._stop_if_broken()
        paid = [bill.state for bill in self.model.bills.values() if bill.row["url"] == event.url]
        self.model.require(paid == ["settled"], "an honest seller is paid")


def live(plan: Plan, template: Path) -> Life:
    """Run one life in memory, starting from the empty ledger in `template`."""
    folder = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(dir=folder, prefix="purser-life-") as name:
        home = Path(name)
        shutil.copyfile(template, home / "ledger.sqlite3")
        loop = VirtualLoop()
        world = World(plan, home, loop)
        try:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(world.live())
            broken = world.model.broken
        except ViolationError as error:
            broken = str(error)
        except StuckError:
            broken = "nothing waits for ever"
        finally:
            _end(world)
    settled = sum(bill.state == "settled" for bill in world.model.bills.values())
    voided = sum(bill.state == "void" for bill in world.model.bills.values())
    signatures = sum(bill.signatures for bill in world.model.bills.values())
    return Life(plan, broken, world.trace, signatures, settled, voided)


def _end(world: World) -> None:
    """Kill what still lives, and leave neither threads nor files nor connections behind."""
    for slot in world.slots:
        if slot.process is not None:
            slot.process.die()
    with burying():
        for process in world.dead:
            process.clear_away()
        asyncio.set_event_loop(None)
        world.loop.close()
        world.calls.clear()
        world.dead.clear()
    world.model.close()


@contextmanager
def simulating() -> Generator[Path]:
    """Put the simulated borders in place, and give the empty ledger that every life begins with."""
    with TemporaryDirectory(prefix="purser-template-") as name, borders():
        template = Path(name) / "ledger.sqlite3"
        SqliteLedger(template).close()
        gc.collect()
        gc.freeze()
        try:
            yield template
        finally:
            gc.unfreeze()
