"""What commands share: run against the wired wallet, and print tables, facts and JSON.

Text goes through `clean` before it is shown: an escape sequence in a stored URL must not reach a
terminal. A pipe gets plain text; colours and boxes are for terminals, and `NO_COLOR` is honoured.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TextIO

from server.commands.ctrl_c import heeding_questions, question
from server.exit_codes import USAGE
from wallet.errors import ErrorKind, PurserError, as_sentence

if TYPE_CHECKING:
    from rich.console import Console

    from server.settings import Settings
    from server.wiring import Wired

CELL_CHARS = 2_000
_WHOLE = frozenset(
    {"receipt", "approval", "status", "check", "price"}
)  # never broken over two lines
NO_WALLET = "there is no wallet yet: run `purser init`"
PASSPHRASE_TRIES = 3


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def run_wired(
    job: Callable[[Wired], Awaitable[int]],
    *,
    as_json: bool = False,
    unlocks: bool = False,
    while_asking: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> int:
    """Load the settings, open the wallet, run the job in it, and return the job's exit code.

    Args:
        job: what to do with the open wallet.
        as_json: print a typed failure as `{"error": ...}` before raising it, so that standard
            output holds one JSON object in every case.
        unlocks: the key is needed, so a person at a terminal may be asked for the passphrase.
        while_asking: surrounds that question, to keep the terminal clear for it.

    Raises:
        SettingsError: the settings cannot be used.
        PurserError: the job failed or was refused.
    """
    import anyio

    from server.settings import load_settings
    from server.wiring import open_wired
    from wallet.ledger.base import LedgerUnavailableError
    from wallet.purchases import StorageFailedError

    settings = load_settings()
    asker = passphrase_asker()

    def ask() -> str:
        with while_asking(), question():
            return asker()

    async def opened() -> int:
        try:
            with heeding_questions():
                async with open_wired(settings, ask_passphrase=ask if unlocks else None) as wired:
                    return await job(wired)
        except (LedgerUnavailableError, StorageFailedError) as error:
            raise PurserError(ErrorKind.LEDGER_UNAVAILABLE, as_sentence(str(error))) from None

    with json_errors(as_json):
        return anyio.run(opened)


class PassphraseUnknownError(PurserError):
    """WALLET_LOCKED: no passphrase is set, and nobody has given one."""


def passphrase_asker(prompt: str = "Passphrase of the keystore: ") -> Callable[[], str]:
    """Return what asks a person for the keystore's passphrase, hidden.

    What is returned raises PassphraseUnknownError when nobody is there, or nothing is typed.
    """

    def ask() -> str:
        text = getpass.getpass(prompt) if sys.stdin.isatty() else ""
        if not text:
            detail = "The keystore is locked: set PURSER_PASSPHRASE, or use a terminal."
            raise PassphraseUnknownError(ErrorKind.WALLET_LOCKED, detail)
        return text

    return ask


def choose_passphrase(of_what: str, shortest: int, rule: str = "") -> str | None:
    """Ask a person for a new passphrase, hidden and twice; None when none was chosen.

    `of_what` follows "for the"; it needs `shortest` characters, and `rule` says what else to know.
    """
    rule = f"at least {shortest} characters{rule}"
    for _ in range(PASSPHRASE_TRIES):
        passphrase = getpass.getpass(f"New passphrase for the {of_what}, {rule}: ")
        if len(passphrase) < shortest:
            say(f"It needs {rule}.", sys.stderr)
        elif getpass.getpass("The same again: ") != passphrase:
            say("The two differ.", sys.stderr)
        else:
            return passphrase
    return None


@contextmanager
def json_errors(as_json: bool) -> Generator[None]:
    """Print a typed failure as `{"error": ...}`: `purser/error`, with its words for a terminal.

    Raises:
        PurserError: the failure, printed or not.
    """
    try:
        yield
    except PurserError as error:
        if as_json:
            from server.commands.wording import error_meta

            print_json({"error": error_meta(error)})
        raise


def usage(text: str) -> int:
    """Say what is wrong with the arguments, and return the exit code for that."""
    say(f"purser: {text}", sys.stderr)
    return USAGE


def clean(text: str, max_chars: int = CELL_CHARS) -> str:
    """Put a text on one line, without control or direction characters, bounded."""
    line = text if text.isprintable() else "".join(_visible(char) for char in text)
    return line if len(line) <= max_chars else line[: max_chars - 3] + "..."


def clean_block(text: str) -> str:
    """Take control and direction characters out of a text, but keep its lines and tabs."""
    return "".join(char if char in "\n\t" else _visible(char) for char in text)


def _visible(char: str) -> str:
    """Keep a printable character; a line break becomes a space, other controls go.

    Of the format characters (Cf) the zero-width joiners stay: scripts and emoji need them.
    """
    if char in "\n\t\u2028\u2029":
        return " "
    category = unicodedata.category(char)
    hidden = category in ("Cc", "Cs") or (category == "Cf" and char not in "\u200c\u200d")
    return "" if hidden else char


def dollars(amount: str | None, otherwise: str = "-") -> str:
    """Write an amount that is a decimal text with its sign: `$0.01`."""
    return otherwise if amount is None else f"${amount}"


def say(text: str = "", stream: TextIO | None = None) -> None:
    """Write a line; what the stream's encoding lacks becomes a question mark."""
    target = sys.stdout if stream is None else stream
    encoding = target.encoding or "utf-8"
    target.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    target.flush()


def print_json(data: Any, *, indent: int | None = 2) -> None:
    """Write JSON to standard output, in ASCII, so that any pipe and console takes it."""
    say(json.dumps(data, indent=indent))


def is_terminal() -> bool:
    """Tell whether a person looks at standard output in a terminal that can do more than text."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def make_console(
    stream: TextIO | None = None, *, quiet: bool = False, width: int | None = None
) -> Console:
    """Return a rich console that writes no escape sequence at all when NO_COLOR is set."""
    from rich.console import Console

    colours = None if os.environ.get("NO_COLOR") else "auto"
    return Console(
        file=stream or sys.stdout, quiet=quiet, width=width, highlight=False, color_system=colours
    )


def print_facts(facts: Sequence[tuple[str, str]], max_chars: int = CELL_CHARS) -> None:
    """Write names and values in two columns, each value cut at `max_chars`."""
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        say(f"{name:<{width}}  {clean(value, max_chars)}".rstrip())


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    styles: Mapping[str, str] | None = None,
) -> None:
    """Write a table: drawn in a terminal, aligned columns elsewhere.

    Args:
        headings: one for each column.
        rows: cells as text; they are cleaned here.
        title: a line above the table.
        styles: the rich style of a cell, by its text; plain output has none.
    """
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if title is not None:
        say(title)
    if is_terminal():
        _draw(headings, cleaned, styles or {})
        return
    widths = [max(map(len, column)) for column in zip(headings, *cleaned, strict=True)]
    for line in ([heading.upper() for heading in headings], *cleaned):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def _draw(
    headings: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str]
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
    for row in rows:
        table.add_row(*(Text(cell, styles.get(cell, "")) for cell in row))
    make_console().print(table)


def has_wallet(settings: Settings) -> bool:
    """Tell whether there is a wallet where `wallet.key` says that it is."""
    from wallet.keystore import KEYSTORE_FILE, WALLET_FILE

    if settings.wallet.key == "env":
        return True
    name = KEYSTORE_FILE if settings.wallet.key == "keystore" else WALLET_FILE
    return (settings.home / name).exists()


async def wallet_address(wired: Wired) -> str:
    """Return the wallet's address, asking for no passphrase where the address is stored.

    Raises:
        PurserError: WALLET_LOCKED.
    """
    from wallet.keystore import Keystore

    source = wired.settings.wallet.key
    if not has_wallet(wired.settings):
        raise PurserError(ErrorKind.WALLET_LOCKED, as_sentence(NO_WALLET))
    if source == "env":
        return await wired.parts.keys.address()
    return Keystore(wired.settings.home, source, environ={}).address()
