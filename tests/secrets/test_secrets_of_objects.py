"""Failures in the process: what a debugger's traceback, a log record or a pickle would show."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.traceback import Traceback

from sandbox.run import BUYER, BUYER_KEY
from tests.secrets.canary import PASSPHRASE, all_secrets, leaks
from wallet.errors import PurserError
from wallet.keystore import Keystore, WalletExistsError
from wallet.signing.key import UnlockedKey
from wallet.signing.transfers import Signer
from wallet.vault import Vault

KEY = BUYER_KEY.removeprefix("0x")
NEARLY_KEYS = {
    "a digit too many": KEY + "0",
    "a digit too few": KEY[:-1],
    "a word around it": f"my key is {KEY}",
}
# Beside the whole key, most of its digits: a key with a typing mistake is as good as the key.
PIECES = {"head": KEY[:40], "tail": KEY[-40:], "head as bytes": repr(bytes.fromhex(KEY[:40]))[2:-1]}


def shown(error: BaseException) -> str:
    """Return all that a traceback can show of an exception: its locals and its whole chain."""
    plain = traceback.TracebackException.from_exception(error, capture_locals=True)
    console = Console(file=io.StringIO(), width=300)
    console.print(
        Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_string=10_000,
            locals_hide_dunder=False,
        )
    )
    assert isinstance(console.file, io.StringIO)
    return "".join([*plain.format(), *_hidden_chain(error), console.file.getvalue()])


def _hidden_chain(error: BaseException) -> Iterator[str]:
    """Yield what `from None` keeps from being printed, but not from being there."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        yield from traceback.TracebackException.from_exception(
            earlier, capture_locals=True
        ).format()
        error = earlier


def failure(action: Callable[[], object]) -> BaseException:
    """Return the exception of an action, with the frames of this project alone."""
    with pytest.raises((PurserError, WalletExistsError, ValueError, TypeError)) as caught:
        action()
    error: BaseException = caught.value
    assert error.__traceback__ is not None
    # The frames of the test itself hold the canary on purpose.
    first = error.__traceback__
    while first.tb_next is not None and "tests/secrets" in first.tb_frame.f_code.co_filename:
        first = first.tb_next
    return error.with_traceback(first)


def check(said: str) -> None:
    assert leaks(said, all_secrets([]) | PIECES) == []


@pytest.mark.parametrize("text", NEARLY_KEYS.values(), ids=NEARLY_KEYS)
def test_a_mistyped_key_is_in_no_traceback_with_locals(tmp_path: Path, text: str) -> None:
    variables = {"PURSER_PRIVATE_KEY": text}
    source = Keystore(tmp_path, "env", environ=variables)
    assert variables == {}
    check(shown(failure(source.unlock)))
    check(shown(failure(Vault(source)._unlock)))  # pyright: ignore[reportPrivateUsage]
    keystore = Keystore(tmp_path, "keystore", environ={})
    check(shown(failure(lambda: keystore.import_key(text, PASSPHRASE))))
    check(shown(failure(lambda: keystore.import_key(KEY, PASSPHRASE[:7]))))


def test_a_passphrase_is_in_no_traceback_with_locals(tmp_path: Path) -> None:
    stored = Keystore(tmp_path, "keystore", environ={"PURSER_PASSPHRASE": PASSPHRASE})
    stored.import_key(KEY)
    wrong = Keystore(tmp_path, "keystore", environ={"PURSER_PASSPHRASE": PASSPHRASE[::-1]})
    error = failure(wrong.unlock)
    assert leaks(shown(error), all_secrets([]) | {"wrong": PASSPHRASE[::-1]}) == []
    damaged = (tmp_path / "keystore.json").read_text(encoding="utf-8").replace('"mac"', '"mack"')
    (tmp_path / "keystore.json").write_text(damaged, encoding="utf-8")
    check(shown(failure(stored.unlock)))


def test_an_open_key_shows_itself_in_no_repr_no_pickle_and_no_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source = Keystore(tmp_path, "env", environ={"PURSER_PRIVATE_KEY": BUYER_KEY})
    vault = Vault(source)
    key = vault._unlock()  # pyright: ignore[reportPrivateUsage]
    signer = Signer(source, lambda _: None)
    signer.prepare()
    assert key.address == BUYER
    check(shown(failure(lambda: UnlockedKey(bytes.fromhex(KEY) + b"0"))))
    for one in (key, source, vault, signer):
        logging.getLogger("canary").debug("%r %s %s", one, one, [one])
        check(f"{one!r} {one} {[one]} {getattr(one, '__dict__', '')}")
        with pytest.raises(TypeError, match=r"cannot (be copied or pickled|pickle)"):
            pickle.dumps(one)
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        check(shown(failure(lambda duplicate=duplicate: duplicate(key))))
    check(caplog.text)
