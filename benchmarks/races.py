"""Race eight processes for one cap, many times over, and kill some; exit 1 when a promise breaks.

Promised: exactly as many signatures as the cap allows, no error but the cap's refusal, and for the
slowest process at least a third of the median's share. With kills: the cap was never passed, and
once all time has run out no hold is lost or left.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox.run import Sandbox
from tests.races.killing import Siege, audit, besiege, run_out
from tests.races.racing import AFFORDABLE, CALLS, PROCESSES, Race, Ran, fairness, run_race


def report(name: str, rounds: list[list[Ran]]) -> bool:
    """Print the shares of each round and what they come to; tell whether all promises held."""
    kept = True
    ratios: list[float] = []
    for ran in rounds:
        shares = [one.bought for one in ran]
        errors = [error for one in ran for error in one.errors]
        ratios.append(fairness(shares))
        fine = sum(shares) == AFFORDABLE and not errors and ratios[-1] * 3 >= 1
        kept = kept and fine
        waits_ms = sorted(wait for one in ran for wait in one.waits_ms)
        print(
            f"  shares {' '.join(f'{share:2}' for share in shares)}  sum {sum(shares)}"
            f"  min/median {ratios[-1]:.2f}  waits ms p50 {waits_ms[len(waits_ms) // 2]:6.1f}"
            f" p99 {waits_ms[len(waits_ms) * 99 // 100]:7.1f} max {waits_ms[-1]:7.1f}"
            f"{'' if fine else '  BROKEN'}{''.join(f' ({error})' for error in set(errors))}"
        )
    if ratios:
        print(
            f"{name}: {len(rounds)} rounds, min/median"
            f" worst {min(ratios):.2f}, typical {statistics.median(ratios):.2f}"
        )
    return kept


def race(rounds: int, sandbox: Sandbox | None) -> list[list[Ran]]:
    """Run the race in a fresh home, several times."""
    found: list[list[Ran]] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            urls = None if sandbox is None else (sandbox.seller_url, sandbox.rpc_url)
            found.append(run_race(Race(Path(home), urls)))
    return found


def with_kills(seed: int) -> bool:
    """Besiege one ledger and audit it; tell whether all promises held."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as home:
        siege = Siege(Path(home), (sandbox.seller_url, sandbox.rpc_url), seed)
        besiege(siege)
        left = audit(siege)
        asyncio.run(run_out(siege, sandbox))
        found = audit(siege)
        transfers = sandbox.chain.transfer_count()
        kept = (
            left.faults == found.faults == []
            and found.peak_micros <= siege.limit.micros
            and found.most_signed_per_call == 1
            and found.open == []
            and transfers == len(found.settled)
        )
        states = ", ".join(one.state for one in left.open) or "none"
        print(
            f"  seed {seed}: {siege.kills} kills, open afterwards {states};"
            f" in the end {len(found.settled)} settled, {transfers} transfers,"
            f" {len(found.open)} open{'' if kept else '  BROKEN'}"
        )
    return kept


def main() -> int:
    """Run every kind and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="races for the ledger alone")
    parser.add_argument("--payer-rounds", type=int, default=5, help="races of whole wallets")
    parser.add_argument("--kill-seeds", type=int, default=5, help="rounds with kill -9")
    parser.add_argument("--first-seed", type=int, default=1)
    args = parser.parse_args()
    if "forkserver" not in multiprocessing.get_all_start_methods():
        print("this needs a POSIX system")
        return 1
    print(f"{PROCESSES} processes with {CALLS} calls each, a cap for {AFFORDABLE}")
    kept = report("ledger and signer", race(args.rounds, None))
    if args.payer_rounds:
        with Sandbox() as sandbox:
            kept &= report("whole wallets", race(args.payer_rounds, sandbox))
    for seed in range(args.first_seed, args.first_seed + args.kill_seeds):
        kept &= with_kills(seed)
    print("all promises held" if kept else "A PROMISE WAS BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
