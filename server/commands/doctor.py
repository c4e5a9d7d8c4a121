"""`purser doctor`: look at everything a payment needs, and say what to do about what is wrong."""

from __future__ import annotations

import argparse
import os
import sqlite3
import stat
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from server.commands.common import (
    NO_WALLET,
    PassphraseUnknownError,
    add_json,
    clean,
    has_wallet,
    passphrase_asker,
    print_json,
    print_table,
    say,
)
from server.commands.launcher import as_typed
from server.commands.play_wallet import is_not_running
from server.play_money import PLAY_PASSPHRASE, is_play_folder, starting_it
from wallet.errors import ErrorKind, PurserError
from wallet.ledger.base import LedgerUnavailableError

if TYPE_CHECKING:
    from server.settings import Settings
    from server.wiring import Wired

DRIFT_WARN_S = 30
ROOM_WARN_BYTES = 1_000_000_000
SHOWN_FAULTS = 5
PACKAGES = ("server", "tools", "wallet")
_PROMPT = "Passphrase of the keystore (Enter skips the check): "
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do unless it is well."""

    check: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `purser doctor` takes."""
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Examine everything; fail when anything has failed."""
    import anyio

    from server.settings import SettingsError, load_settings

    findings = [check_packages()]
    try:
        settings = load_settings()
    except SettingsError as error:
        advice = "correct the settings; nothing else can be checked before"
        findings.append(Finding("settings", "fail", str(error), advice))
    else:
        findings += [*check_play_money(settings.home), *check_settings(settings)]
        findings += check_files(settings.home)
        findings += anyio.run(_examine, settings)
    failed = any(one.status == "fail" for one in findings)
    if args.json:
        print_json({"healthy": not failed, "checks": [asdict(one) for one in findings]})
    else:
        _show(findings)
    return 1 if failed else 0


def _show(findings: list[Finding]) -> None:
    rows = [[one.status, one.check, as_typed(one.detail)] for one in findings]
    print_table(["status", "check", "found"], rows, styles=_STYLES)
    todo = [one for one in findings if one.status != "ok" and one.advice]
    if todo:
        say("\nWhat to do:")
        for one in todo:
            say(f"  {one.check}: {clean(as_typed(one.advice))}")
    else:
        say("\nAll is well.")


def check_packages() -> Finding:
    """Tell whether the code comes from one place, so that no other package stands in for ours."""
    roots: set[Path] = set()
    for name in PACKAGES:
        spec = find_spec(name)
        roots |= {
            Path(place).resolve().parent
            for place in (spec and spec.submodule_search_locations) or ()
        }
    if len(roots) == 1:
        return Finding("code", "ok", f"server, tools and wallet come from {roots.pop()}")
    found = ", ".join(sorted(map(str, roots)))
    advice = (
        "another package has the name of one of Purser's; install Purser on its own (uvx, pipx)"
    )
    return Finding("code", "fail", f"server, tools and wallet come from {found}", advice)


def check_play_money(home: Path) -> list[Finding]:
    """Tell whether this is a folder of play money, before anything else about it."""
    if not is_play_folder(home):
        return []
    advice = "never send it real money; it pays on test networks alone"
    return [Finding("money", "warn", "play money, under a published key", advice)]


def check_settings(settings: Settings) -> list[Finding]:
    """Describe the settings, which could be read, and what in them is odd."""
    from server.settings import CONFIG_FILE

    config = settings.home / CONFIG_FILE
    source = str(config) if config.is_file() else f"defaults; there is no {config}"
    findings = [Finding("settings", "ok", source)]
    budget = settings.budget
    limits = f"${budget.per_payment} a payment, ${budget.per_day} a day"
    if budget.per_payment > budget.per_day:
        advice = "budget.per_payment is above budget.per_day, so the day's budget is the limit"
        findings.append(Finding("limits", "warn", limits, advice))
    else:
        findings.append(Finding("limits", "ok", limits))
    return findings


def check_files(home: Path) -> list[Finding]:
    """Tell whether anyone else on this machine may read or change what is in PURSER_HOME."""
    if os.name != "posix":
        return [Finding("files", "ok", f"{home} (access is the user profile's on this system)")]
    if home.stat().st_uid != os.getuid():
        return [Finding("files", "fail", f"{home} belongs to another user", "chown it to yourself")]
    loose = [path for path in (home, *sorted(home.iterdir())) if _open_to_others(path)]
    if not loose:
        return [Finding("files", "ok", f"{home} and what is in it is yours alone")]
    names = " ".join(str(path) for path in loose[:SHOWN_FAULTS])
    # Behind a closed folder an open file can be reached by nobody.
    status = "fail" if home in loose else "warn"
    return [Finding("files", status, f"open to other users: {names}", f"chmod go= {names}")]


def _open_to_others(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:  # a journal that came and went
        return False
    return not stat.S_ISLNK(mode) and bool(stat.S_IMODE(mode) & 0o077)


async def _examine(settings: Settings) -> list[Finding]:
    """Make every check that needs the wallet; one that breaks does not stop the next."""
    from server.wiring import open_wired
    from wallet.purchases import StorageFailedError

    try:
        async with open_wired(settings, ask_passphrase=passphrase_asker(_PROMPT)) as wired:
            checks: list[Callable[[Wired], Awaitable[list[Finding]]]] = [
                check_key,
                check_ledger,
                check_room,
            ]
            findings = [finding for check in checks for finding in await check(wired)]
            for network in settings.wallet.networks:
                found = await check_network(network, settings.rpc_urls(network))
                findings += in_play(found, settings.home)
            return findings + await check_upstreams(settings)
    except StorageFailedError as error:
        return [Finding("disk", "fail", str(error), "make PURSER_HOME writable")]


async def check_key(wired: Wired) -> list[Finding]:
    """Tell whether the key can be reached, by unlocking it; it is never shown."""
    source, cannot_pay = wired.settings.wallet.key, "without its key the wallet cannot pay"
    if not has_wallet(wired.settings):
        return [Finding("key", "fail", NO_WALLET, cannot_pay)]
    try:
        address = await wired.parts.keys.unlock()
    except PassphraseUnknownError:
        detail = "locked: `purser serve` cannot pay until its host sets PURSER_PASSPHRASE"
        value = f"={PLAY_PASSPHRASE}" if is_play_folder(wired.settings.home) else ""
        advice = f"set PURSER_PASSPHRASE{value} here too, to check it"
        return [Finding("key", "warn", detail, advice)]
    except PurserError as error:
        if error.kind is ErrorKind.POLICY_CHANGED:
            advice = (
                "nothing is paid: undo that, or see `purser policy show` and `purser policy seal`"
            )
            return [Finding("seal", "fail", error.detail, advice)]
        return [Finding("key", "fail", error.detail, cannot_pay)]
    if source == "env":
        advice = "a key in the environment is for tests and CI; `purser init` keeps it better"
        return [Finding("key", "warn", f"{address}, from the environment", advice)]
    key = Finding("key", "ok", f"{address}, from the {source}, which opens")
    return [key, check_seal(wired.settings)]


def check_seal(settings: Settings) -> Finding:
    """Tell whether the limits are sealed; the key has just opened, so a seal there is proven."""
    from server.wiring import open_keystore

    seal = open_keystore(settings).claimed_seal()
    if seal is None:
        return Finding("seal", "ok", "none; `purser policy seal` binds the key to the limits")
    return Finding("seal", "ok", "the settings in force are the sealed ones")


async def check_ledger(wired: Wired) -> list[Finding]:
    """Tell whether the books balance, how they are kept, and what is open in them."""
    path = wired.settings.ledger_path()
    try:
        faults = await wired.parts.ledger.call(lambda ledger: ledger.check())
        held = await wired.parts.ledger.call(lambda ledger: ledger.open_purchases())
    except LedgerUnavailableError as error:
        return [
            Finding("ledger", "fail", str(error), f"look at {path}; nothing is paid without it")
        ]
    findings = [check_sqlite(path)]
    if faults:
        shown = " ".join(faults[:SHOWN_FAULTS])
        advice = f"stop Purser, keep a copy of {path}, and restore a sound one"
        findings.append(Finding("ledger", "fail", shown, advice))
    else:
        findings.append(Finding("ledger", "ok", f"{path} is sound and its sums agree"))
    if held:
        detail = f"{len(held)} without a proven outcome"
        findings.append(Finding("open payments", "warn", detail, "run `purser reconcile`"))
    else:
        findings.append(Finding("open payments", "ok", "none"))
    return findings


def check_sqlite(path: Path) -> Finding:
    """Tell which SQLite keeps the ledger, and whether its journal mode is safe with it."""
    from wallet.ledger.database import WAL_SAFE_SQLITE

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
            (mode,) = reader.execute("PRAGMA journal_mode").fetchone()
    except sqlite3.Error:
        mode = "unknown"
    detail = f"SQLite {sqlite3.sqlite_version}, journal mode {mode}"
    if mode == "wal" and sqlite3.sqlite_version_info < WAL_SAFE_SQLITE:
        advice = "stop every Purser and start it again; this SQLite is not safe with WAL"
        return Finding("sqlite", "warn", detail, advice)
    return Finding("sqlite", "ok", detail)


async def check_room(wired: Wired) -> list[Finding]:
    """Tell whether bought content would fit on the disk."""
    try:
        free = wired.parts.store.free_bytes()
        wired.parts.store.ensure_room(wired.parts.room_bytes)
    except (OSError, PurserError) as error:
        detail = error.detail if isinstance(error, PurserError) else "cannot be examined"
        return [Finding("disk", "fail", detail, "free some space; nothing is paid until then")]
    detail = f"{free // 1_000_000} MB free"
    if free < ROOM_WARN_BYTES:
        return [Finding("disk", "warn", detail, "free some space before it runs out")]
    return [Finding("disk", "ok", detail)]


async def check_upstreams(settings: Settings) -> list[Finding]:
    """Tell of each server of tools whether it answers, and what of it is left out."""
    if not settings.upstream:
        return []
    from server.upstream.checkup import look_at_all

    findings: list[Finding] = []
    for look in await look_at_all(settings):
        name = f"upstream {look.name}"
        if look.reason:
            advice = "start it, or take it out of config.toml; everything else works without it"
            findings.append(Finding(name, "warn", look.reason, advice))
        elif look.left_out:
            detail = f"{look.tools} tools; left out {'; '.join(look.left_out)}"
            advice = "nothing, unless you need what is left out"
            findings.append(Finding(name, "warn", detail, advice))
        else:
            findings.append(Finding(name, "ok", f"{look.tools} tools"))
    return findings


async def check_network(network: str, urls: tuple[str, ...]) -> list[Finding]:
    """Ask each RPC server on its own; one that answers is enough to go on with."""
    from wallet.chain import Chain, ChainUnreadableError

    name, answered = f"network {network}", 0
    reasons: list[str] = []
    block_times: list[int] = []
    for url in urls:
        chain = Chain({network: (url,)})
        try:
            await chain.chain_id(network)
            block_times.append(await chain.latest_block_time(network))
            answered += 1
        except ChainUnreadableError as error:
            reasons += error.reasons
        finally:
            await chain.close()
    if not answered:
        advice = f'set network."{network}".rpc_urls; payments stay held while no chain is read'
        return [Finding(name, "fail", "; ".join(reasons) or "no rpc_urls are set", advice)]
    detail = f"{answered} of {len(urls)} servers answer, with the right chain id"
    if reasons:
        advice = "fine while one answers; replace the others when this lasts"
        finding = Finding(name, "warn", f"{detail}; {'; '.join(reasons)}", advice)
    else:
        finding = Finding(name, "ok", detail)
    return [finding, check_clock(network, max(block_times), int(time.time()))]


def in_play(findings: list[Finding], home: Path) -> list[Finding]:
    """Say how to start the sandbox, where its chain should answer and it does not run."""
    if not is_play_folder(home) or not is_not_running(home):
        return findings
    advice = f"start {starting_it(home)}"
    return [replace(one, advice=advice) if one.status == "fail" else one for one in findings]


def check_clock(network: str, block_time: int, now: int) -> Finding:
    """Compare this machine's clock with the newest block's time, both in unix seconds."""
    name, drift_s = f"clock {network}", now - block_time
    if drift_s < -DRIFT_WARN_S:
        detail = f"this machine is {-drift_s} s behind the chain"
        return Finding(name, "warn", detail, "set the clock: payments would expire too early")
    if drift_s > DRIFT_WARN_S:
        detail = f"the newest block is {drift_s} s old by this machine's clock"
        return Finding(name, "warn", detail, "set the clock, unless this chain is simply quiet")
    return Finding(name, "ok", f"within {abs(drift_s)} s of the newest block")
