"""What must be true of the money, kept in plain Python and checked after every commit.

The model reads rows through a connection of its own, hears of signatures and of bytes on the wire
when they happen, and knows what is true on the chain. It adds up for itself.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sim_chain import Authorization, Blockchain
from sim_plan import DAY_S, Setting

MOVES = {
    "held": {"signed", "void"},
    "signed": {"unknown", "settled", "void"},
    "unknown": {"settled", "void"},
    "settled": set[str](),
    "void": set[str](),
}
COUNTED = ("held", "signed", "unknown", "settled")
REPEAT_WINDOW_S = 600
AGAIN_WINDOW_S = 60
COLUMNS = (
    "id, url, host, state, evidence, created_at, settled_at, pay_again, pay_to, amount_atomic,"
    " valid_before, nonce, amount_usd_micros, signed_payment,"
    " body_sha256"
)
NEWEST = f"SELECT {COLUMNS} FROM purchases WHERE state <> 'free' ORDER BY rowid"


class ViolationError(BaseException):
    """A rule about money is broken. No product code may catch it, so it is no Exception."""


@dataclass
class Bill:
    """One purchase as the model knows it: its row, and what the world saw of its nonce."""

    row: sqlite3.Row
    day: int
    signatures: int = 0
    sent: Authorization | None = None
    header: str | None = None
    states: list[str] = field(default_factory=list[str])

    @property
    def state(self) -> str:
        return self.row["state"]

    @property
    def micros(self) -> int:
        return self.row["amount_usd_micros"]


class Model:
    """Every bill by nonce, and the rules over them."""

    def __init__(
        self, path: Path, setting: Setting, truth: Blockchain, note: Callable[[str], None]
    ) -> None:
        self._setting = setting
        self._truth = truth
        self._note = note
        self._reader = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        self._reader.row_factory = sqlite3.Row
        self._newest_day = 0
        self.bills: dict[str, Bill] = {}
        self.liar_says_used = False
        self.broken: str | None = None

    def close(self) -> None:
        self._reader.close()

    def require(self, truth: bool, rule: str) -> None:
        """Stop the simulation when a rule does not hold."""
        if not truth:
            self.broken = self.broken or rule
            raise ViolationError(rule)

    def look(self) -> None:
        """Read the ledger as anybody would after a crash now, and judge what is new in it."""
        for row in self._reader.execute(NEWEST).fetchall():
            bill = self.bills.get(row["nonce"])
            if bill is None:
                self._begin(row)
            elif tuple(row) != tuple(bill.row):
                before, bill.row = bill.row, row
                if before["state"] != row["state"]:
                    self._move(bill, before["state"])
                elif before["evidence"] != row["evidence"]:
                    self._judge_evidence(bill)
        self._check_caps()

    def _begin(self, row: sqlite3.Row) -> None:
        self._note(f"ledger: {row['id'][-4:]} {row['state']} {row['url']}")
        self.require(row["state"] == "held", "a purchase begins as held")
        now, limit = row["created_at"], self._setting.payments_per_minute
        recent = [one for one in self.bills.values() if now - 60 < one.row["created_at"] <= now]
        self.require(len(recent) < limit, "payments_per_minute is kept")
        self.require(row["amount_usd_micros"] <= self._setting.per_payment, "per_payment is kept")
        self._newest_day = max(self._newest_day, now // DAY_S)
        self.bills[row["nonce"]] = Bill(row, self._newest_day, states=["held"])

    def _move(self, bill: Bill, before: str) -> None:
        self._note(f"ledger: {bill.row['id'][-4:]} {before} -> {bill.state}")
        bill.states.append(bill.state)
        self.require(bill.state in MOVES[before], f"no purchase goes from {before} to {bill.state}")
        if bill.state == "void":
            self.require(
                bill.sent is None or not self._truth.may_settle(bill.sent),
                "a hold is freed only on proof",
            )
        self._judge_evidence(bill)

    def _judge_evidence(self, bill: Bill) -> None:
        if bill.row["evidence"] == "verified" and not self.liar_says_used:
            settled = self._truth.settled(bill.row["nonce"], self._truth.now_s())
            self.require(settled is not None, "verified means that the chain shows it")

    def _check_caps(self) -> None:
        """Add up what the ledger counts, and what could really be gone, against every cap."""
        counted: defaultdict[tuple[str, int], int] = defaultdict(int)
        exposed: defaultdict[tuple[str, int], int] = defaultdict(int)
        for bill in self.bills.values():
            budgets = (("all", bill.day), ("total", 0), (bill.row["host"], bill.day))
            for budget in budgets:
                if bill.state in COUNTED:
                    counted[budget] += bill.micros
                if bill.sent is not None and self._truth.may_settle(bill.sent):
                    exposed[budget] += bill.micros
        for sums, what in ((counted, "settled and held"), (exposed, "what can be gone")):
            for (scope, day), amount in sums.items():
                self.require(amount <= self._cap(scope), f"{what}: {scope} on day {day} is kept")

    def _cap(self, scope: str) -> int:
        if scope == "all":
            return self._setting.per_day
        if scope == "total":
            return 10**18 if self._setting.total is None else self._setting.total
        return self._setting.per_host_per_day

    def signing(self, nonce: str) -> None:
        """Judge the moment of a signature, before it exists."""
        self.look()
        bill = self.bills.get(nonce)
        self.require(
            bill is not None and bill.state == "held", "no signature without a durable hold"
        )
        assert bill is not None
        bill.signatures += 1
        self._note(f"signs {bill.row['id'][-4:]}")
        self.require(bill.signatures == 1, "a purchase is signed once")
        for other in self.bills.values():
            if other is not bill and other.row["url"] == bill.row["url"]:
                self.require(self._is_over(other, bill), "one purchase, one nonce")

    def _is_over(self, other: Bill, new: Bill) -> bool:
        """Tell whether an identical purchase no longer stands in the way of a new nonce."""
        if other.state == "settled":
            again = bool(new.row["pay_again"])
            window_s = AGAIN_WINDOW_S if again else REPEAT_WINDOW_S
            if again and not other.row["pay_again"]:
                return True
            return new.row["created_at"] - other.row["settled_at"] >= window_s
        if other.state != "void":
            return False
        return other.sent is None or not self._truth.may_settle(other.sent)

    def sending(self, authorization: Authorization, header: str) -> None:
        """Judge the moment at which signed bytes leave the process."""
        self.look()
        bill = self.bills.get(authorization.nonce)
        self.require(bill is not None, "what is sent is in the ledger")
        assert bill is not None
        row = bill.row
        self._note(f"sends {row['id'][-4:]}")
        self.require(bill.signatures == 1, "what is sent was signed by the wallet")
        terms = (row["pay_to"], int(row["amount_atomic"]), row["valid_before"])
        sent = (authorization.payee, authorization.amount_atomic, authorization.valid_before)
        self.require(terms == sent, "what is sent is what was held")
        dead = not self._truth.may_settle(authorization)
        self.require(
            bill.state in ("signed", "unknown") or dead or bill.state == "settled",
            "what is sent is stored before, and not freed",
        )
        if bill.state in ("signed", "unknown"):
            self.require(header in row["signed_payment"], "the stored bytes are what is sent")
        self.require(bill.header in (None, header), "an authorization is sent in the same bytes")
        bill.sent, bill.header = authorization, header
        self._check_caps()

    def answered_no(self, nonces: list[str]) -> None:
        """Judge an answer that says no money moved, against what its call has sent."""
        for nonce in nonces:
            sent = self.bills[nonce].sent
            self.require(
                sent is None or not self._truth.may_settle(sent),
                "no answer says that no money moved while it may",
            )

    def answered_yes(self, purchase_id: str | None) -> None:
        """Judge an answer that says that money moved."""
        found = [bill for bill in self.bills.values() if bill.row["id"] == purchase_id]
        self.require(
            [bill.state for bill in found] == ["settled"],
            "an answer that says that money moved names a settled purchase",
        )

    def judge_the_end(self) -> None:
        """After every fault has healed: nothing is open, and the chain and the books agree."""
        self.look()
        for bill in self.bills.values():
            self.require(bill.state in ("settled", "void"), f"every hold ends; one is {bill.state}")
            if bill.row["nonce"] in self._truth.included:
                self.require(bill.state == "settled", "what the chain shows is settled")
                self.require(
                    bill.row["evidence"] == "verified", "what the chain shows ends as verified"
                )
            else:
                self.require(
                    bill.state == "void"
                    or bill.row["evidence"] == "claimed"
                    or self.liar_says_used,
                    "what the chain does not show is void, or a claim",
                )
        for nonce in self._truth.included:
            self.require(nonce in self.bills, "all that left the wallet is in the ledger")
