"""`purser policy`: a person sees the limits, changes one, seals and unseals them."""

from __future__ import annotations

import io
import stat

import pytest

from server.commands.policy_change import read_passphrase
from server.config_template import default_config_text
from tests.commands.command_line import CommandLine, Ran
from tests.seal.sealing_kit import ADDRESS, KEY, PASSPHRASE, SEAL_PASSPHRASE, StepKeyring
from wallet.keystore import Keystore


class Terminal(io.StringIO):
    """Standard input where a person types."""

    def isatty(self) -> bool:
        return True


STDIN = ("--passphrase-file", "-")
TYPED = SEAL_PASSPHRASE + "\n"


@pytest.fixture(autouse=True)
def keyring_of_the_test(system_keyring: StepKeyring) -> StepKeyring:
    return system_keyring


@pytest.fixture
def owner(purser: CommandLine) -> CommandLine:
    """Return the shell of a person with a wallet in the keyring and the settings of `init`."""
    Keystore(purser.home, "keyring", environ={}).import_key(KEY)
    (purser.home / "config.toml").write_text(default_config_text(), encoding="utf-8")
    return purser


@pytest.fixture
def sealed(owner: CommandLine) -> CommandLine:
    assert owner("policy", "seal", *STDIN, stdin=TYPED).code == 0
    return owner


def config(purser: CommandLine) -> str:
    return (purser.home / "config.toml").read_text(encoding="utf-8")


def loosen(purser: CommandLine) -> None:
    text = config(purser).replace('per_day = "5.00"', 'per_day = "500.00"')
    (purser.home / "config.toml").write_text(text, encoding="utf-8")


def state(purser: CommandLine) -> tuple[str, list[str]]:
    data = purser("policy", "show", "--json").json()
    return data["seal"]["state"], data["seal"]["changed"]


def test_show_lists_every_limit_with_where_it_comes_from(owner: CommandLine) -> None:
    owner.env["PURSER_BUDGET__PER_DAY"] = "4"
    ran = owner("policy", "show", "--json")
    assert (ran.code, ran.err) == (0, "")
    rows = {one["name"]: one for one in ran.json()["settings"]}
    assert rows["budget.per_day"] == {
        "name": "budget.per_day",
        "value": "4.00",
        "origin": "PURSER_BUDGET__PER_DAY",
        "sealable": True,
        "sealed_value": None,
        "changed": False,
    }
    assert rows["hosts.mode"]["origin"] == "config.toml"
    assert not rows["fetch.timeout_s"]["sealable"]
    assert ran.json()["seal"] == {"state": "none", "sealed_at": None, "changed": []}


def test_show_works_without_wallet_or_settings(purser: CommandLine) -> None:
    assert state(purser) == ("no wallet", [])
    ran = purser("policy", "show")
    assert "run `" in ran.out
    assert "default" in ran.out


def test_show_names_no_secret(owner: CommandLine) -> None:
    owner.env["PURSER_NETWORK__EIP155_8453__RPC_URLS"] = '["https://x.example/s3cr3t"]'
    for ran in (owner("policy", "show"), owner("policy", "show", "--json")):
        assert "rpc_urls" in ran.out
        assert "s3cr3t" not in ran.out + ran.err


def test_sealing_shows_what_is_sealed_and_what_to_do_next(owner: CommandLine) -> None:
    owner.env["PURSER_BUDGET__PER_DAY"] = "4"
    ran = owner("policy", "seal", *STDIN, stdin=TYPED)
    assert (ran.code, ran.err) == (0, "")
    assert "budget.per_day" in ran.out
    assert "must be in a host's too: PURSER_BUDGET__PER_DAY" in ran.out
    assert "Start Purser's hosts again" in ran.out
    assert state(owner) == ("sealed", [])
    del owner.env["PURSER_BUDGET__PER_DAY"]
    assert state(owner) == ("changed", ["budget.per_day"])


def test_a_changed_setting_is_shown_beside_the_sealed_one(sealed: CommandLine) -> None:
    loosen(sealed)
    ran = sealed("policy", "show")
    (line,) = (line for line in ran.out.splitlines() if line.startswith("budget.per_day"))
    assert line.split() == ["budget.per_day", "500.00", "config.toml", "sealed:", "5.00"]
    assert "nothing is paid" in ran.out
    assert ran.code == 0


def test_doctor_tells_the_truth_about_the_seal(owner: CommandLine) -> None:
    def finding() -> tuple[str, str]:
        checks = owner("doctor", "--json").json()["checks"]
        (found,) = (one for one in checks if one["check"] == "seal")
        return found["status"], found["detail"]

    owner.env["PURSER_NETWORK__EIP155_8453__RPC_URLS"] = '["http://127.0.0.1:9"]'
    assert finding() == ("ok", "none; `purser policy seal` binds the key to the limits")
    owner("policy", "seal", *STDIN, stdin=TYPED)
    assert finding() == ("ok", "the settings in force are the sealed ones")
    loosen(owner)
    assert finding() == ("fail", "Changed since the limits were sealed: budget.per_day.")


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [("short", "at least 12"), ("", "is empty"), ("\n" + TYPED, "is empty")],
)
def test_a_passphrase_that_is_no_good_seals_nothing(
    owner: CommandLine, passphrase: str, words: str
) -> None:
    ran = owner("policy", "seal", *STDIN, stdin=passphrase)
    assert ran.code == 1
    assert words in ran.err
    assert state(owner) == ("none", [])


def test_without_a_terminal_or_a_file_there_is_nobody_to_ask(owner: CommandLine) -> None:
    ran = owner("policy", "seal", stdin=TYPED)
    assert ran.code == 1
    assert "--passphrase-file" in ran.err
    ran = owner("policy", "seal", "--passphrase-file", str(owner.home / "nothing"))
    assert (ran.code, "cannot be read" in ran.err) == (1, True)


def test_at_a_terminal_a_new_passphrase_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = ["too short", SEAL_PASSPHRASE, "another one, alas", SEAL_PASSPHRASE, SEAL_PASSPHRASE]

    def answer(_: str) -> str:
        return answers.pop(0)

    monkeypatch.setattr("getpass.getpass", answer)
    monkeypatch.setattr("server.commands.policy_change.sys.stdin", Terminal())
    assert read_passphrase(None, new=True) == SEAL_PASSPHRASE
    assert answers == []


@pytest.mark.parametrize("action", ["seal", "unseal"])
def test_the_wrong_passphrase_changes_nothing(sealed: CommandLine, action: str) -> None:
    loosen(sealed)
    ran = sealed("policy", action, *STDIN, stdin="not the passphrase\n")
    assert ran.code == 1
    assert "not the seal's passphrase" in ran.err
    assert state(sealed) == ("changed", ["budget.per_day"])


def test_the_right_one_seals_anew_and_unseals(sealed: CommandLine) -> None:
    loosen(sealed)
    assert sealed("policy", "seal", *STDIN, stdin=TYPED).code == 0
    assert state(sealed) == ("sealed", [])
    ran = sealed("policy", "unseal", *STDIN, stdin=TYPED)
    assert (ran.code, "are not sealed" in ran.out) == (0, True)
    assert state(sealed) == ("none", [])
    assert sealed("policy", "unseal").code == 0


def test_set_changes_one_line_of_the_file(owner: CommandLine) -> None:
    before = config(owner)
    ran = owner("policy", "set", "budget.per_day", "2.5")
    assert (ran.code, ran.err) == (0, "")
    assert config(owner) == before.replace('per_day = "5.00" ', 'per_day = "2.5"  ')
    assert stat.S_IMODE((owner.home / "config.toml").stat().st_mode) == 0o600
    assert owner("policy", "set", "hosts.deny", "a.example", "b.example").code == 0
    assert owner("policy", "set", "hosts.allow", '["c.example"]').code == 0
    assert owner("policy", "set", "budget.payments_per_minute", "7").code == 0
    rpc = "network.eip155:8453.rpc_urls"
    assert owner("policy", "set", rpc, "https://x.example").code == 0
    rows = {one["name"]: one for one in owner("policy", "show", "--json").json()["settings"]}
    assert rows["hosts.deny"]["value"] == '["a.example", "b.example"]'
    assert rows["hosts.allow"]["value"] == '["c.example"]'
    assert rows["budget.payments_per_minute"]["value"] == "7"
    assert rows['network."eip155:8453".rpc_urls']["origin"] == "config.toml"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("budget.per_dy", "2"), 2, "did you mean budget.per_day?"),
        (("nonsense", "2"), 2, "is not a setting"),
        (("network.eip155:1234567.rpc_urls", "https://x.example"), 2, "is not a setting"),
        (("budget.per_day",), 2, "needs one value"),
        (("budget.per_day", "1", "2"), 2, "needs one value"),
        (("budget.payments_per_minute", "many"), 2, "whole number"),
        (("budget.per_day", "-1"), 1, "budget.per_day"),
        (("budget.per_day", "a lot"), 1, "budget.per_day"),
        (("hosts.allow", "*"), 1, "hosts.allow"),
        (("wallet.validity_s", "9999"), 1, "must be at most 3600"),
    ],
)
def test_set_refuses_what_is_no_setting_or_does_not_validate(
    owner: CommandLine, arguments: tuple[str, ...], code: int, words: str
) -> None:
    before = config(owner)
    ran = owner("policy", "set", *arguments)
    assert (ran.code, config(owner)) == (code, before)
    assert words in ran.err


def test_set_says_when_a_variable_wins_over_the_file(owner: CommandLine) -> None:
    owner.env["PURSER_BUDGET__PER_DAY"] = "4"
    ran = owner("policy", "set", "budget.per_day", "2")
    assert (ran.code, "PURSER_BUDGET__PER_DAY" in ran.err) == (0, True)


def test_set_on_sealed_limits_asks_for_the_passphrase_and_seals_in_one_go(
    sealed: CommandLine,
) -> None:
    before = config(sealed)
    for wrong in ("wrong passphrase\n", ""):
        ran = sealed("policy", "set", "budget.per_day", "9", *STDIN, stdin=wrong)
        assert (ran.code, config(sealed)) == (1, before)
    assert state(sealed) == ("sealed", [])
    ran = sealed("policy", "set", "budget.per_day", "9", *STDIN, stdin=TYPED)
    assert (ran.code, "and sealed" in ran.out) == (0, True)
    assert 'per_day = "9"' in config(sealed)
    assert state(sealed) == ("sealed", [])


def test_set_does_not_seal_what_somebody_else_has_changed(sealed: CommandLine) -> None:
    loosen(sealed)
    before = config(sealed)
    ran = sealed("policy", "set", "hosts.mode", "allowlist", *STDIN, stdin=TYPED)
    assert (ran.code, config(sealed)) == (3, before)
    assert "budget.per_day" in ran.err
    assert state(sealed) == ("changed", ["budget.per_day"])
    assert sealed("policy", "set", "budget.per_day", "5", *STDIN, stdin=TYPED).code == 0


def test_set_leaves_the_source_of_a_sealed_key_alone(sealed: CommandLine) -> None:
    ran = sealed("policy", "set", "wallet.key", "env", *STDIN, stdin=TYPED)
    assert (ran.code, "Unseal" in ran.err) == (1, True)


def test_what_is_not_sealed_is_set_without_the_passphrase(sealed: CommandLine) -> None:
    ran = sealed("policy", "set", "fetch.timeout_s", "60", "--json")
    assert (ran.code, ran.json()["seal"]["state"]) == (0, "sealed")
    assert state(sealed) == ("sealed", [])


def test_a_key_in_the_environment_is_not_sealed_and_the_reason_is_told(
    purser: CommandLine,
) -> None:
    purser.env |= {"PURSER_WALLET__KEY": "env", "PURSER_PRIVATE_KEY": KEY}
    ran = purser("policy", "seal", *STDIN, stdin=TYPED)
    assert ran.code == 1
    assert "whoever sets the key's variable" in ran.err
    assert purser("policy", "show").code == 0


def test_without_a_wallet_there_is_nothing_to_seal(purser: CommandLine) -> None:
    ran = purser("policy", "seal", *STDIN, stdin=TYPED)
    assert (ran.code, "init" in ran.err) == (1, True)


def test_json_holds_refusals_too(sealed: CommandLine) -> None:
    ran: Ran = sealed("policy", "unseal", "--json", *STDIN, stdin="wrong passphrase\n")
    assert ran.json()["error"]["code"] == "invalid_argument"
    ran = sealed("policy", "seal", "--json", *STDIN, stdin=TYPED)
    assert ran.json()["seal"]["state"] == "sealed"
    ran = sealed("policy", "unseal", "--json", *STDIN, stdin=TYPED)
    assert ran.json()["seal"]["state"] == "none"


def test_a_keystore_without_its_passphrase_is_shown_as_unproven(
    purser: CommandLine,
) -> None:
    Keystore(purser.home, "keystore", environ={}).import_key(KEY, PASSPHRASE)
    purser.env |= {"PURSER_WALLET__KEY": "keystore", "PURSER_PASSPHRASE": PASSPHRASE}
    ran = purser("policy", "seal", *STDIN, stdin=TYPED)
    assert (ran.code, "Copies of keystore.json" in ran.out) == (0, True)
    assert state(purser) == ("sealed", [])
    del purser.env["PURSER_PASSPHRASE"]
    assert state(purser) == ("unproven", [])
    assert ADDRESS not in ran.out


def test_no_passphrase_and_no_key_is_ever_printed(sealed: CommandLine) -> None:
    runs = [
        sealed("policy", "show"),
        sealed("policy", "show", "--json"),
        sealed("policy", "seal", *STDIN, stdin=TYPED),
        sealed("policy", "set", "budget.per_day", "3", *STDIN, stdin=TYPED),
        sealed("policy", "unseal", *STDIN, stdin=TYPED),
    ]
    text = "".join(ran.out + ran.err for ran in runs)
    assert SEAL_PASSPHRASE not in text
    assert KEY not in text
