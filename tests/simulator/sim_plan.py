"""What happens in one simulated life, as data: drawn from a seed, printed, cut smaller, replayed.

Every event carries all that it needs, so that leaving one out changes none of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

DAY_S = 86_400
NOON_S = 1_795_262_400  # 2026-11-21 12:00 UTC
CENT = 10_000  # micro-USD, and atomic units of a token with 6 decimals


@dataclass(frozen=True, slots=True)
class Answer:
    """How a seller treats one call: `ask` the free request, `settle` the money, `say` the answer.

    Each takes its time. A connection that cannot be made (`never_sent`) fails after `answer_ms`.
    """

    ask: str = "402"
    ask_ms: int = 100
    price: int = CENT
    settle: str = "now"
    settle_ms: int = 0
    say: str = "truth"
    answer_ms: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """The model calls `paid_fetch`, `copies` times at once; a host may give up waiting."""

    at_ms: int
    process: int
    url: str
    answer: Answer = Answer()
    copies: int = 1
    pay_again: bool = False
    max_price: int | None = None
    give_up_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The process looks at its open purchases."""

    at_ms: int
    process: int


@dataclass(frozen=True, slots=True)
class Death:
    """The process is killed, wherever it is; another starts when it is next needed."""

    at_ms: int
    process: int


@dataclass(frozen=True, slots=True)
class Fault:
    """From `at_ms` on, the `nth` `target` (commit, begin, file) of the process goes wrong.

    `effect`: fail_before, fail_after, die_before, die_after, or pause (for `pause_ms`, between
    two commits of one job). A failure repeats `times` times.
    """

    at_ms: int
    process: int
    target: str
    nth: int
    effect: str
    times: int = 1
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rpc:
    """An RPC server changes: ok, down, hang, lag (by `lag_s`), or a lie."""

    at_ms: int
    server: int
    mode: str
    lag_s: int = 0


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The local clock is set forward or back; the chain's time goes on as it was."""

    at_ms: int
    by_s: int


@dataclass(frozen=True, slots=True)
class Stall:
    """The chain makes no block for a while."""

    at_ms: int
    for_ms: int


Event = Call | Reconcile | Death | Fault | Rpc | ClockJump | Stall


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for a whole life; money in micro-USD."""

    start_s: int = NOON_S
    processes: int = 1
    rpc_servers: int = 1
    per_payment: int = 20 * CENT
    per_host_per_day: int = 15 * CENT
    per_day: int = 25 * CENT
    total: int | None = None
    payments_per_minute: int = 30
    validity_s: int = 120
    proof_wait_s: int = 3
    wealth: int = 10_000 * CENT
    kill_at_end: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """One simulated life; `seed` also draws the small delays between its steps."""

    seed: int
    setting: Setting
    events: tuple[Event, ...] = field(default=())


LIES = ("lie_unused", "lie_unused", "lie_unused", "lie_used", "lie_poor")
SETTLE = ("now", "late", "never", "last_moment")
SAY = (
    "truth", "claim", "no_claim", "refuse", "error", "disconnect", "hang", "failure", "pending",
    "forged", "other_hash", "other_payer", "large", "never_sent",
)  # fmt: skip
EFFECTS = {
    "commit": ("fail_before", "fail_after", "die_before", "die_after", "pause", "pause"),
    "begin": ("fail_before", "die_before"),  # SQLite begins, or does not
    "file": ("fail_before", "fail_after", "die_before", "die_after"),
}
GOOD_SAY = ("truth", "truth", "truth", "claim", "large")


def plan_for(seed: int) -> Plan:
    """Draw one life: some are calm, some have one kind of trouble, some have every kind."""
    draw = Random(f"plan {seed}")
    setting = _setting(draw)
    hostile, crashing, chainless, skewed = (draw.random() < 0.6 for _ in range(4))
    span_ms = draw.choice((20_000, 120_000, 900_000, 12_000_000))
    urls = [f"https://{host}.example/{page}" for host in "ab" for page in range(3)]
    urls = draw.sample(urls, draw.choice((1, 2, 2, 3, 5)))
    moments = _Moments(draw, span_ms)
    events: list[Event] = []
    for _ in range(draw.randint(2, 12)):
        events.append(_call(draw, setting, urls, moments.call(), hostile))
    if draw.random() < 0.25:
        events += _rush(draw, setting, moments.call())
    for _ in range(draw.randint(0, 4)):
        events.append(Reconcile(moments.near(), draw.randrange(setting.processes)))
    if crashing:
        events += _crashes(draw, setting, moments)
    if chainless:
        events += _chain_troubles(draw, setting, moments)
    if skewed:
        for _ in range(draw.randint(1, 3)):
            by_s = draw.choice((-DAY_S, -3600, -300, -30, 30, 300, 700, 7200, 7200, DAY_S))
            events.append(ClockJump(moments.near(), by_s))
            events.append(Reconcile(moments.near(), draw.randrange(setting.processes)))
    events.sort(key=lambda event: event.at_ms)
    return Plan(seed, setting, tuple(events))


class _Moments:
    """Draws times in milliseconds; trouble comes where something is going on."""

    def __init__(self, draw: Random, span_ms: int) -> None:
        self._draw = draw
        self._span_ms = span_ms
        self._calls = [0]

    def call(self) -> int:
        """Return the time of a new call: anywhere, or shortly after another."""
        at_ms = self._draw.randrange(self._span_ms)
        if self._draw.random() < 0.5:
            at_ms = self.near()
        self._calls.append(at_ms)
        return at_ms

    def near(self) -> int:
        """Return a time shortly after some call."""
        within_ms = self._draw.choice((50, 500, 5_000, 50_000, 200_000))
        return self._draw.choice(self._calls) + self._draw.randrange(within_ms)


def _setting(draw: Random) -> Setting:
    return Setting(
        start_s=draw.choice((NOON_S, NOON_S + DAY_S // 2 - draw.randrange(1, 600))),
        processes=draw.choice((1, 1, 2, 3)),
        rpc_servers=draw.choice((0, 1, 2, 2, 3)),
        per_host_per_day=draw.choice((3, 8, 15)) * CENT,
        per_day=draw.choice((4, 10, 25)) * CENT,
        total=draw.choice((None, None, 6 * CENT, 20 * CENT)),
        payments_per_minute=draw.choice((2, 5, 30, 1000)),
        validity_s=draw.choice((60, 120)),
        proof_wait_s=draw.choice((0, 2, 5)),
        wealth=draw.choice((10_000, 10_000, 5)) * CENT,
        kill_at_end=draw.random() < 0.5,
    )


def _call(draw: Random, setting: Setting, urls: list[str], at_ms: int, hostile: bool) -> Call:
    answer = Answer(
        ask_ms=draw.choice((0, 100, 1_000, 8_000)),
        price=draw.choice((1, 1, 2, 3)) * CENT,
        settle_ms=draw.choice((0, 500, 4_000, 30_000)),
        say=draw.choice(GOOD_SAY),
        answer_ms=draw.choice((0, 100, 1_000, 8_000)),
    )
    if hostile:
        say = draw.choice(SAY)
        slow = (0, 40_000) if say == "never_sent" else (0, 100, 1_000, 8_000, 40_000)
        answer = Answer(
            ask=draw.choice(("402", "402", "402", "402", "402", "dear", "decoys", "free", "fail")),
            ask_ms=answer.ask_ms,
            price=answer.price,
            settle=draw.choice(SETTLE),
            settle_ms=answer.settle_ms,
            say=say,
            answer_ms=draw.choice(slow),
        )
    return Call(
        at_ms=at_ms,
        process=draw.randrange(setting.processes),
        url=draw.choice(urls),
        answer=answer,
        copies=draw.choice((1, 1, 1, 2, 4)),
        pay_again=draw.random() < 0.2,
        max_price=draw.choice((None, None, None, CENT, 5 * CENT)),
        give_up_ms=draw.choice((None, None, None, draw.randrange(1, 10_000))),
    )


def _rush(draw: Random, setting: Setting, at_ms: int) -> list[Event]:
    """Draw many different purchases in one moment, over every process: a race for the caps."""
    answer = Answer(price=draw.choice((1, 2, 3)) * CENT, ask_ms=draw.choice((0, 50)))
    return [
        Call(at_ms, number % setting.processes, f"https://a.example/rush/{number}", answer)
        for number in range(draw.randint(4, 10))
    ]


def _crashes(draw: Random, setting: Setting, moments: _Moments) -> list[Event]:
    events: list[Event] = []
    for _ in range(draw.randint(0, 3)):
        events.append(Death(moments.near(), draw.randrange(setting.processes)))
    for _ in range(draw.randint(0, 6)):
        target = draw.choice(("commit", "commit", "commit", "begin", "file"))
        effects = list(EFFECTS[target])
        events.append(
            Fault(
                at_ms=moments.near(),
                process=draw.randrange(setting.processes),
                target=target,
                nth=draw.randint(1, 8),
                effect=draw.choice(effects),
                times=draw.choice((1, 1, 2, 10)),
                pause_ms=draw.choice((10, 1_000, 70_000, 200_000)),
            )
        )
    return events


def _chain_troubles(draw: Random, setting: Setting, moments: _Moments) -> list[Event]:
    """Spoil RPC servers, and let one of them lie where there are two or more."""
    events: list[Event] = []
    if draw.random() < 0.4:
        events.append(Stall(moments.near(), draw.choice((10_000, 100_000))))
    if setting.rpc_servers == 0:
        return events
    for _ in range(draw.randint(0, 4)):
        mode = draw.choice(("ok", "down", "hang", "lag"))
        server = draw.randrange(setting.rpc_servers)
        events.append(Rpc(moments.near(), server, mode, draw.choice((2, 12, 120))))
    if setting.rpc_servers >= 2 and draw.random() < 0.6:
        liar, lie = draw.choice((0, 0, 1)), draw.choice(LIES)
        events = [
            event for event in events if not (isinstance(event, Rpc) and event.server == liar)
        ]
        events.append(Rpc(0, liar, lie))
    return events
