"""A sealed key opens under the sealed settings alone, and only the passphrase changes that."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from tests.seal.sealing_kit import (
    ADDRESS,
    FILES,
    KEY,
    LOOSE,
    NOW,
    PASSPHRASE,
    POLICY,
    SEAL_PASSPHRASE,
    StepKeyring,
    keys,
    rewrite,
    sealed_wallet,
)
from wallet.errors import ErrorKind, PurserError
from wallet.keystore import Keystore, Source
from wallet.seal import Policy, make_seal

pytestmark = pytest.mark.usefixtures("system_keyring")
sources = pytest.mark.parametrize("source", ["keyring", "keystore"])


def refused(
    action: Callable[[], object], words: str, kind: ErrorKind = ErrorKind.POLICY_CHANGED
) -> PurserError:
    with pytest.raises(PurserError, match=words) as caught:
        action()
    assert caught.value.kind is kind
    assert caught.value.spent == "no"
    return caught.value


def no_key(home: Path, source: Source, *policies: Policy) -> None:
    for policy in policies or (POLICY, LOOSE):
        with pytest.raises(PurserError):
            keys(home, source, policy).unlock()


@sources
def test_a_sealed_key_opens_under_the_sealed_settings(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    assert keys(tmp_path, source).unlock().address == ADDRESS
    standing = keys(tmp_path, source).standing()
    assert (standing.state, standing.differences, standing.guarded) == ("sealed", (), True)
    assert standing.seal == keys(tmp_path, source).claimed_seal()


@sources
def test_changed_settings_do_not_open_it_and_are_named(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    error = refused(keys(tmp_path, source, LOOSE).unlock, "budget.per_day")
    assert "5000" not in str(error)
    assert keys(tmp_path, source, LOOSE).address() == ADDRESS
    many = Policy({f"budget.a{'b' * n}": "1" for n in range(30)})
    assert len(str(refused(keys(tmp_path, source, many).unlock, "and more"))) < 500


@sources
def test_a_caller_that_names_no_settings_gets_no_sealed_key(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    refused(keys(tmp_path, source, None).unlock, "budget.per_day")


@sources
def test_without_the_seal_beside_it_the_key_stays_shut(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    rewrite(tmp_path, source, lambda fields: fields.pop("purser_seal"))
    no_key(tmp_path, source)


@sources
def test_an_edited_seal_opens_nothing(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    rewrite(tmp_path, source, lambda f: f["purser_seal"]["settings"].update(LOOSE.settings))
    no_key(tmp_path, source)


@sources
def test_a_seal_that_cannot_be_read_opens_nothing(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    rewrite(tmp_path, source, lambda fields: fields.update(purser_seal="none"))
    no_key(tmp_path, source)


@sources
def test_a_seal_of_the_attackers_own_opens_nothing(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    own = make_seal(LOOSE, "the attacker's own words", NOW).fields()
    rewrite(tmp_path, source, lambda fields: fields.update(purser_seal=own))
    no_key(tmp_path, source)


@sources
def test_a_seal_copied_from_another_wallet_opens_nothing(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path / "a", source)
    other = tmp_path / "b"
    keys(other, source).import_key("11" * 32, PASSPHRASE)
    keys(other, source, LOOSE).put_seal(SEAL_PASSPHRASE, NOW)
    theirs = json.loads((other / FILES[source]).read_bytes())["purser_seal"]
    rewrite(tmp_path / "a", source, lambda fields: fields.update(purser_seal=theirs))
    no_key(tmp_path / "a", source)


def test_an_older_and_looser_seal_does_not_count_again(tmp_path: Path) -> None:
    sealed_wallet(tmp_path, "keyring", LOOSE)
    older = (tmp_path / "wallet.json").read_bytes()
    keys(tmp_path, "keyring").put_seal(SEAL_PASSPHRASE, NOW + 1)
    (tmp_path / "wallet.json").write_bytes(older)
    no_key(tmp_path, "keyring")


@sources
def test_a_seal_put_beside_an_unsealed_key_shuts_it(tmp_path: Path, source: Source) -> None:
    keys(tmp_path, source).import_key(KEY, PASSPHRASE)
    own = make_seal(POLICY, SEAL_PASSPHRASE, NOW).fields()
    rewrite(tmp_path, source, lambda fields: fields.update(purser_seal=own))
    refused(keys(tmp_path, source).unlock, "do not belong together")
    keys(tmp_path, source).remove_seal("")
    assert keys(tmp_path, source).unlock().address == ADDRESS


@sources
@pytest.mark.parametrize("wrong", ["", SEAL_PASSPHRASE + "!", PASSPHRASE, KEY])
def test_another_passphrase_changes_nothing(
    tmp_path: Path, system_keyring: StepKeyring, source: Source, wrong: str
) -> None:
    sealed_wallet(tmp_path, source)
    before = (tmp_path / FILES[source]).read_bytes(), dict(system_keyring.entries)
    wallet = keys(tmp_path, source, LOOSE)
    for action in (lambda: wallet.put_seal(wrong, NOW), lambda: wallet.remove_seal(wrong)):
        refused(action, "not the seal's passphrase", ErrorKind.INVALID_ARGUMENT)
    assert ((tmp_path / FILES[source]).read_bytes(), dict(system_keyring.entries)) == before


def test_in_the_keyring_a_lost_seal_is_still_guarded_by_its_passphrase(tmp_path: Path) -> None:
    sealed_wallet(tmp_path, "keyring")
    rewrite(tmp_path, "keyring", lambda fields: fields.pop("purser_seal"))
    standing = keys(tmp_path, "keyring", LOOSE).standing()
    assert (standing.state, standing.guarded) == ("broken", True)
    wallet = keys(tmp_path, "keyring", LOOSE)
    refused(lambda: wallet.put_seal("x" * 20, NOW), "not the", ErrorKind.INVALID_ARGUMENT)
    keys(tmp_path, "keyring").put_seal(SEAL_PASSPHRASE, NOW)
    assert keys(tmp_path, "keyring").unlock().address == ADDRESS


@sources
def test_sealing_anew_moves_the_key_to_the_new_settings(tmp_path: Path, source: Source) -> None:
    sealed_wallet(tmp_path, source)
    keys(tmp_path, source, LOOSE).put_seal(SEAL_PASSPHRASE, NOW + 1)
    assert keys(tmp_path, source, LOOSE).unlock().address == ADDRESS
    refused(keys(tmp_path, source).unlock, "budget.per_day")


@sources
def test_unsealing_restores_the_plain_form(
    tmp_path: Path, system_keyring: StepKeyring, source: Source
) -> None:
    keys(tmp_path, source).import_key(KEY, PASSPHRASE)
    plain = json.loads((tmp_path / FILES[source]).read_bytes())
    entries = dict(system_keyring.entries)
    keys(tmp_path, source).put_seal(SEAL_PASSPHRASE, NOW)
    assert source == "keystore" or system_keyring.entries != entries
    keys(tmp_path, source).remove_seal(SEAL_PASSPHRASE)
    fields = json.loads((tmp_path / FILES[source]).read_bytes())
    assert fields.keys() == plain.keys()
    assert system_keyring.entries == entries
    assert [path.name for path in tmp_path.iterdir()] == [FILES[source]]
    if source == "keystore":
        assert bytes(Account.decrypt(fields, PASSPHRASE)).hex() == KEY
    else:
        assert fields == plain
    assert keys(tmp_path, source, LOOSE).unlock().address == ADDRESS


def test_the_owner_of_a_sealed_file_gets_the_key_out_by_hand(tmp_path: Path) -> None:
    sealed_wallet(tmp_path, "keystore")
    fields = json.loads((tmp_path / "keystore.json").read_bytes())
    seal = json.dumps(fields["purser_seal"], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(seal.encode()).hexdigest()
    assert bytes(Account.decrypt(fields, f"{PASSPHRASE}:{digest}")).hex() == KEY


def test_a_key_from_a_variable_is_not_sealed(tmp_path: Path) -> None:
    wallet = Keystore(tmp_path, "env", policy=POLICY, environ={"PURSER_PRIVATE_KEY": KEY})
    for action in (lambda: wallet.put_seal("x" * 20, NOW), lambda: wallet.remove_seal("")):
        refused(action, "env cannot be sealed", ErrorKind.INVALID_ARGUMENT)
    assert (wallet.standing().state, wallet.claimed_seal()) == ("open", None)
    assert wallet.unlock().address == ADDRESS


def test_the_seal_takes_no_passphrase_that_opens_the_key(tmp_path: Path) -> None:
    keys(tmp_path, "keystore").import_key(KEY, PASSPHRASE)
    wallet = keys(tmp_path, "keystore")
    refused(lambda: wallet.put_seal(PASSPHRASE, NOW), "another", ErrorKind.INVALID_ARGUMENT)
    assert wallet.unlock().address == ADDRESS


def test_a_damaged_entry_in_the_keyring_opens_nothing(
    tmp_path: Path, system_keyring: StepKeyring
) -> None:
    sealed_wallet(tmp_path, "keyring")
    system_keyring.entries["purser", ADDRESS] = f"{KEY}:nonsense"
    refused(keys(tmp_path, "keyring").unlock, "damaged", ErrorKind.WALLET_LOCKED)


@sources
def test_neither_passphrase_nor_key_is_written_or_said(
    tmp_path: Path, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sealed_wallet(tmp_path, source)
    wallet = keys(tmp_path, source, LOOSE)
    heard: list[object] = [wallet, vars(wallet), wallet.standing(), wallet.claimed_seal()]
    for action in (wallet.unlock, lambda: wallet.remove_seal(SEAL_PASSPHRASE + "!")):
        with pytest.raises(PurserError) as caught:
            action()
        assert caught.value.__cause__ is None
        heard += [caught.value, vars(caught.value)]
    text = "\n".join([*map(repr, heard), *map(str, heard), caplog.text])
    text += "\n".join(path.read_text() for path in tmp_path.iterdir())
    assert "budget.per_day" in text
    for secret in (KEY, KEY[::-1], SEAL_PASSPHRASE, PASSPHRASE):
        assert secret.lower() not in text.lower()
