"""Settings: strict, in the user's words, and never looser than what was written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.run import Sandbox
from server.config_template import default_config_text
from server.paths import purser_home
from server.settings import Settings, SettingsError, load_settings
from server.settings_models import Config
from server.settings_values import SUPPORTED_SCHEMES
from tools.web.guard import HostRules
from wallet.assets import networks
from wallet.methods import WAYS
from wallet.money import Usd

SECRET = "s3cr3t-api-key"


def load(tmp_path: Path, text: str = "", **environ: str) -> Settings:
    if text:
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    return load_settings(tmp_path, environ)


def problems(tmp_path: Path, text: str = "", **environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text, **environ)
    assert caught.value.__cause__ is None
    assert SECRET not in str(caught.value) + repr(caught.value)
    return tuple(
        line.replace(f"{tmp_path / 'config.toml'}: ", "") for line in caught.value.problems
    )


def test_without_a_file_the_careful_defaults_hold(tmp_path: Path) -> None:
    settings = load(tmp_path)
    budget, wallet = settings.budget, settings.wallet
    assert (budget.per_payment, budget.per_host_per_day, budget.per_day) == (
        Usd.parse("1.00"),
        Usd.parse("2.00"),
        Usd.parse("5.00"),
    )
    assert (budget.total, budget.approval_above) == (None, Usd.parse("0.50"))
    assert budget.payments_per_minute == 30
    assert (wallet.key, wallet.networks, wallet.schemes) == (
        "keyring",
        ("eip155:8453",),
        ("exact",),
    )
    assert wallet.validity_s == 120
    assert settings.host_rules() == HostRules()
    assert settings.ledger_path() == tmp_path / "ledger.sqlite3"
    assert settings.fetch.model_dump() == {
        "timeout_s": 45,
        "max_body_bytes": 10_000_000,
        "repeat_window_s": 600,
        "per_host_concurrency": 4,
    }


def test_the_template_says_exactly_the_defaults() -> None:
    assert Config.model_validate(tomllib.loads(default_config_text())) == Config()


def test_the_template_takes_the_key_and_the_networks_chosen_at_init() -> None:
    text = default_config_text(key="keystore", networks_enabled=["eip155:84532", "eip155:8453"])
    wallet = Config.model_validate(tomllib.loads(text)).wallet
    assert (wallet.key, wallet.networks) == ("keystore", ("eip155:84532", "eip155:8453"))
    uncommented = text.replace("# [network", "[network").replace("# rpc_urls", "rpc_urls")
    assert Config.model_validate(tomllib.loads(uncommented)).network.keys() == {"eip155:84532"}
    with pytest.raises(ValueError, match="networks"):
        default_config_text(networks_enabled=["eip155:999999"])


def test_every_line_of_the_template_fits_a_terminal() -> None:
    assert [line for line in default_config_text().splitlines() if len(line) > 100] == []


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    text = """
    [budget]
    per_payment = "0.10"
    per_day = "9.00"
    total = "100"
    [hosts]
    deny = ["a.example"]
    [wallet]
    networks = ["eip155:84532"]
    """
    settings = load(
        tmp_path,
        text,
        PURSER_BUDGET__PER_DAY="3.00",
        PURSER_BUDGET__TOTAL="",
        PURSER_HOSTS__DENY='["b.example", "*.c.example"]',
        PURSER_FETCH__TIMEOUT_S="7",
        PURSER_HOME="elsewhere",
        PURSER_PRIVATE_KEY="no setting",
        PATH="/bin",
    )
    assert settings.budget.per_payment == Usd.parse("0.10")
    assert settings.budget.per_day == Usd.parse("3.00")
    assert settings.budget.total is None
    assert settings.hosts.deny == ("b.example", "*.c.example")
    assert settings.wallet.networks == ("eip155:84532",)
    assert settings.fetch.timeout_s == 7


def test_rpc_servers_of_the_user_stand_in_for_the_tables(tmp_path: Path) -> None:
    text = '[network."eip155:84532"]\nrpc_urls = ["http://127.0.0.1:8545"]'
    settings = load(
        tmp_path, text, PURSER_NETWORK__EIP155_8453__RPC_URLS='["https://rpc.example/key"]'
    )
    assert settings.rpc_urls("eip155:84532") == ("http://127.0.0.1:8545",)
    assert settings.rpc_urls("eip155:8453") == ("https://rpc.example/key",)
    assert settings.rpc_urls("eip155:137") == networks()["eip155:137"].rpc_urls
    assert "rpc.example" not in repr(settings)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbf[budget]\nper_day = "4"\n')
    assert load(tmp_path).budget.per_day == Usd.parse("4")


def test_the_settings_of_the_sandbox_are_valid(tmp_path: Path, sandbox: Sandbox) -> None:
    settings = load(tmp_path, sandbox.config_toml())
    assert settings.rpc_urls(sandbox.network) == (sandbox.rpc_url,)
    assert settings.host_rules().private_ok == tuple(sandbox.settings()["hosts"]["private_ok"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[budget]\nper_dya = '1'", "budget.per_dya: is not a setting; did you mean per_day?"),
        ("[budgets]\nper_day = '1'", "budgets: is not a setting; did you mean budget?"),
        ("per_day = '1'", "per_day: is not a setting"),
        ("home = '/x'", "home: is not a setting"),
        ("budget = 5", "budget: must be a table"),
        ("network = 5", "network: must be a table"),
        ("[budget]\nper_day = 1.5", "budget.per_day: put the amount in quotes"),
        ("[budget]\nper_day = 1", "budget.per_day: put the amount in quotes"),
        ("[budget]\nper_day = true", "budget.per_day: put the amount in quotes"),
        ("[budget]\nper_day = ['1']", "budget.per_day: must be an amount in quotes"),
        ("[budget]\nper_day = ''", "budget.per_day: write a USD amount as digits"),
        ("[budget]\nper_day = '-1'", "budget.per_day: write a USD amount as digits"),
        ("[budget]\nper_day = '1e3'", "budget.per_day: write a USD amount as digits"),
        ("[budget]\nper_day = '1.0000001'", "budget.per_day: write a USD amount as digits"),
        ("[budget]\ntotal = 0", "budget.total: put the amount in quotes"),
        ("[budget]\npayments_per_minute = 0", "budget.payments_per_minute: must be at least 1"),
        ("[budget]\npayments_per_minute = '3'", "payments_per_minute: must be a whole number"),
        ("[budget]\npayments_per_minute = 3.0", "payments_per_minute: must be a whole number"),
        ("[budget]\npayments_per_minute = true", "payments_per_minute: must be a whole number"),
        ("[hosts]\nmode = 'closed'", "hosts.mode: must be 'open' or 'allowlist'"),
        ("[hosts]\nallow = 'a.example'", "hosts.allow: must be a list"),
        ("[hosts]\nallow = [5]", "hosts.allow entry 1: must be text in quotes"),
        ("[hosts]\nallow = ['a.example', 'https://b.example']", "hosts.allow: entry 2: it is not"),
        ("[hosts]\ndeny = ['*']", "hosts.deny: entry 1: it is not a DNS name"),
        ("[hosts]\nallow = ['a.*.example']", "hosts.allow: entry 1: it is not a DNS name"),
        ("[hosts]\nallow = ['a.example', 'a.example']", "hosts.allow: names the same entry twice"),
        ("[hosts]\nprivate_ok = ['127.0.0.1']", "hosts.private_ok: entry 1: a hosts.private_ok"),
        ("[wallet]\nkey = 'file'", "wallet.key: must be 'keyring', 'keystore' or 'env'"),
        ("[wallet]\nnetworks = []", "wallet.networks: needs at least one entry"),
        ("[wallet]\nnetworks = ['base']", "wallet.networks: entry 1: write the network as eip155"),
        ("[wallet]\nnetworks = ['eip155:5']", "wallet.networks: entry 1: is not a network"),
        ("[wallet]\nschemes = ['exactly']", "wallet.schemes: entry 1: is not a payment scheme"),
        ("[wallet]\nvalidity_s = 86400", "wallet.validity_s: must be at most 3600"),
        ("[network.'eip155:5']\nrpc_urls=['https://a.example']", 'network: "eip155:5": is not a n'),
        ("[network.'eip155:8453']", 'network."eip155:8453".rpc_urls: is missing'),
        ("[network.'eip155:8453']\nrpc_urls=[]", 'network."eip155:8453".rpc_urls: needs at least'),
        (
            "[network.'eip155:8453']\nrpc_url='x'",
            'network."eip155:8453".rpc_url: is not a setting; did',
        ),
        ("[ledger]\nurl = 'ledger.db'", "ledger.url: must be empty, or the absolute path"),
        ("[fetch]\ntimeout_s = 0", "fetch.timeout_s: must be at least 1"),
        ("[fetch\n", "is not valid TOML (at line 1, column 7)"),
        ("[budget]\nper_day = '1'\nper_day = '2'\n", "is not valid TOML (at line 3"),
    ],
)
def test_a_bad_file_stops_the_start_with_the_key_and_the_reason(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert any(expected in line for line in problems(tmp_path, text)), problems(tmp_path, text)


@pytest.mark.parametrize(
    "url",
    [
        f"http://rpc.example/{SECRET}",
        f"ftp://rpc.example/{SECRET}",
        f"https:///{SECRET}",
        f"https://[{SECRET}/",
        f"http://127.0.0.1.evil.example/{SECRET}",
        SECRET,
    ],
)
def test_an_rpc_url_is_https_or_on_this_machine_and_is_never_shown(
    tmp_path: Path, url: str
) -> None:
    text = f'[network."eip155:8453"]\nrpc_urls = ["https://ok.example", "{url}"]'
    assert "rpc_urls: entry 2: must be an https URL" in problems(tmp_path, text)[0]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_shared_ledger_is_refused_for_now_without_showing_its_password(
    tmp_path: Path, scheme: str
) -> None:
    text = f'[ledger]\nurl = "{scheme}://user:{SECRET}@db.example/purser"'
    assert "PostgreSQL is not supported in this version" in problems(tmp_path, text)[0]


def test_a_ledger_elsewhere_is_named_by_its_absolute_path(tmp_path: Path) -> None:
    elsewhere = tmp_path / "shared" / "ledger.sqlite3"
    assert load(tmp_path, f"[ledger]\nurl = '{elsewhere}'").ledger_path() == elsewhere


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PURSER_BUDGET__PER_DYA", "1", "is not a setting"),
        ("PURSER_BUDGETS__PER_DAY", "1", "is not a setting"),
        ("PURSER_BUDGET__PER_DAY__X", "1", "is not a setting"),
        ("PURSER_BUDGET__", "1", "is not a setting"),
        ("PURSER_BUDGET_PER_DAY", "1", "write PURSER_<SECTION>__<NAME>"),
        ("PURSER_PER_DAY", "1", "write PURSER_<SECTION>__<NAME>"),
        ("purser_per_day", "1", "write PURSER_<SECTION>__<NAME>"),
        ("PURSER_PRIVATE_KEYS", SECRET, "write PURSER_<SECTION>__<NAME>"),
        ("PURSER___", "1", "is not a setting"),
        ("PURSER_NETWORK__EIP155_8453", "1", "is not a setting"),
        ("PURSER_NETWORK__EIP155_5__RPC_URLS", '["https://a.example"]', "is not a network"),
        ("PURSER_NETWORK__EIP155_8453__RPC_URLS", f"https://{SECRET}", "must be a JSON list"),
        ("PURSER_NETWORK__EIP155_8453__RPC_URLS", f'["{SECRET}"]', "must be an https URL"),
        ("PURSER_BUDGET__PER_DAY", "lots", "write a USD amount as digits"),
        ("PURSER_BUDGET__PER_DAY", " 1", "write a USD amount as digits"),
        ("PURSER_BUDGET__PER_DAY", "", "write a USD amount as digits"),
        ("PURSER_budget__per_day", "lots", "write a USD amount as digits"),
        ("PURSER_FETCH__TIMEOUT_S", "1_0", "must be a whole number"),
        ("PURSER_FETCH__TIMEOUT_S", "٣", "must be a whole number"),
        ("PURSER_FETCH__TIMEOUT_S", "9999", "must be at most 600"),
        ("PURSER_HOSTS__ALLOW", "a.example", "must be a JSON list"),
        ("PURSER_HOSTS__ALLOW", '"a.example"', "must be a list"),
        ("PURSER_WALLET__KEY", SECRET, "must be 'keyring', 'keystore' or 'env'"),
    ],
)
def test_a_bad_variable_stops_the_start_and_is_named(
    tmp_path: Path, name: str, value: str, reason: str
) -> None:
    (line,) = problems(tmp_path, **{name: value})
    assert reason in line
    if "is not a network" not in reason:
        assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["PURSER_HOME", "PURSER_PRIVATE_KEY", "PURSER_PASSPHRASE"])
def test_what_is_no_setting_but_belongs_to_purser_does_not_stop_the_start(
    tmp_path: Path, name: str
) -> None:
    assert load(tmp_path, **{name: SECRET}) == load(tmp_path)


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    text = "[budget]\nper_day = 1\n[fetch]\ntimeout_s = 0\nretries = 5"
    found = problems(tmp_path, text, PURSER_WALLET__VALIDITY_S="1", PURSER_NO__SUCH="x")
    assert len(found) == 5


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = " + b"[" * 100_000])
def test_an_unreadable_file_never_means_the_defaults(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"config\.toml: (is not|is nested)"):
        load(tmp_path)


def test_a_folder_in_the_place_of_the_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path)


@given(st.sampled_from(["PURSER_BUDGET__PER_DAY", "PURSER_BUDGET__TOTAL"]), st.text(max_size=12))
def test_a_cap_from_the_environment_is_what_was_written_or_nothing_starts(
    name: str, value: str
) -> None:
    if "\0" in value:
        return
    try:
        settings = load_settings(Path("nowhere"), {name: value})
    except SettingsError:
        return
    budget = settings.budget
    cap = budget.per_day if name.endswith("DAY") else budget.total
    assert cap == (None if value == "" else Usd.parse(value))


# Where it all lives


def test_home_is_made_for_this_user_alone(tmp_path: Path) -> None:
    home = purser_home({"PURSER_HOME": str(tmp_path / "a" / "b")})
    assert home == tmp_path / "a" / "b"
    if os.name != "nt":
        assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_an_unusable_home_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PURSER_HOME: must be an absolute path"):
        purser_home({"PURSER_HOME": "relative/folder"})
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="cannot be made"):
        purser_home({"PURSER_HOME": str(tmp_path / "file" / "home")})


@pytest.mark.slow
def test_the_default_home_is_the_platforms_folder(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from server.paths import purser_home\n"
        "from server.settings import load_settings\n"
        "assert 'platformdirs' not in sys.modules\n"
        "assert load_settings().home == purser_home({})\n"
        "print(purser_home({}))"
    )
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PURSER_")}
    environ |= {
        "XDG_DATA_HOME": str(tmp_path),
        "LOCALAPPDATA": str(tmp_path),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    home = Path(done.stdout.strip())
    assert home.is_dir()
    assert home.name == "purser"
    assert home.is_relative_to(tmp_path)


def test_the_schemes_that_can_be_enabled_are_those_that_can_be_paid() -> None:
    assert {way.setting for way in WAYS.values()} == set(SUPPORTED_SCHEMES)


@pytest.mark.slow
def test_reading_settings_loads_nothing_slow() -> None:
    code = (
        "import sys, pathlib\n"
        "from server.settings import load_settings\n"
        "load_settings(pathlib.Path('nowhere'), {})\n"
        "heavy = ('wallet.rails', 'wallet.ledger', 'wallet.model')\n"
        "assert not [name for name in sys.modules if name.startswith(heavy)]\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    for slow in (
        "pydantic_settings",
        "httpx",
        "eth_keys",
        "web3",
        "keyring",
        "platformdirs",
        "mcp",
    ):
        assert f"'{slow}'" not in done.stdout
