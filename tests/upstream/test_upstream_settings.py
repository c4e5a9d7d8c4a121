"""`[upstream.NAME]`: read strictly, never quoted, sealed like every other setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.sealed_policy import is_secret, policy_of
from server.settings import SettingsError, load_settings
from wallet.money import Usd

SECRET = "hunter2-in-a-variable"


def problems(home: Path, config: str, **environ: str) -> str:
    (home / "config.toml").write_text(config, encoding="utf-8")
    with pytest.raises(SettingsError) as stopped:
        load_settings(home, environ)
    assert SECRET not in str(stopped.value)
    return str(stopped.value)


def test_each_kind_of_upstream_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        """\
[upstream.web]
url = "https://tools.example.com/mcp"
tools = ["a", "b"]
max_price_usd = "0.05"
[upstream.local-1]
command = ["npx", "server"]
env = { TOKEN = "hunter2-in-a-variable" }
timeout_s = 90
[upstream.clerk]
a2a = "https://agent.example.com/"
""",
        encoding="utf-8",
    )
    upstreams = load_settings(tmp_path, {}).upstream
    assert upstreams["web"].tools == ("a", "b")
    assert upstreams["web"].max_price_usd == Usd.parse("0.05")
    assert upstreams["local-1"].command == ("npx", "server")
    assert upstreams["local-1"].timeout_s == 90
    assert upstreams["clerk"].a2a == "https://agent.example.com/"
    assert SECRET not in repr(upstreams)
    assert SECRET not in repr(load_settings(tmp_path, {}))


def test_an_upstream_can_come_from_the_environment(tmp_path: Path) -> None:
    environ = {
        "PURSER_UPSTREAM__LOCAL_1__COMMAND": '["npx", "server"]',
        "PURSER_UPSTREAM__LOCAL_1__ENV": '{"TOKEN": "x"}',
        "PURSER_UPSTREAM__LOCAL_1__TIMEOUT_S": "7",
    }
    upstream = load_settings(tmp_path, environ).upstream["local-1"]
    assert (upstream.command, upstream.env, upstream.timeout_s) == (
        ("npx", "server"),
        {"TOKEN": "x"},
        7,
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("[upstream.x]\n", "upstream.x: needs exactly one of url, command and a2a"),
        (
            '[upstream.x]\nurl = "https://a.example/"\na2a = "https://a.example/"\n',
            "upstream.x: needs exactly one of url, command and a2a",
        ),
        ('[upstream.X]\ncommand = ["a"]\n', "an upstream's name is a lower-case letter"),
        ('[upstream."a.b"]\ncommand = ["a"]\n', "an upstream's name is a lower-case letter"),
        (f'[upstream.{"a" * 25}]\ncommand = ["a"]\n', "an upstream's name is a lower-case"),
        ('[upstream.x]\nurl = "ftp://a.example/"\n', "upstream.x.url: must be an https URL"),
        (
            f'[upstream.x]\nurl = "https://u:{SECRET}@a.example/"\n',
            "upstream.x.url: must be an https URL without a user name",
        ),
        ('[upstream.x]\nurl = "http://a.example/"\n', "upstream.x: Only https URLs are fetched."),
        (
            '[upstream.x]\nurl = "https://127.0.0.1/mcp"\n',
            "upstream.x: The URL names a private or special address.",
        ),
        (
            '[hosts]\ndeny = ["a.example"]\n[upstream.x]\na2a = "https://a.example/"\n',
            "upstream.x: The host rules exclude the URL's host.",
        ),
        ('[upstream.x]\ncommand = [""]\n', "upstream.x: command names no program"),
        ('[upstream.x]\ncommand = "npx server"\n', "upstream.x.command: must be a list"),
        (
            '[upstream.x]\nurl = "https://a.example/"\nenv = { A = "b" }\n',
            "upstream.x: env is only for a command",
        ),
        (
            '[upstream.x]\ncommand = ["a"]\nenv = { PURSER_PRIVATE_KEY = "b" }\n',
            "upstream.x.env: Purser's own variables are not handed on",
        ),
        (
            f'[upstream.x]\ncommand = ["a"]\nenv = {{ "A B" = "{SECRET}" }}\n',
            "upstream.x.env: names of variables are letters, digits and _",
        ),
        ('[upstream.x]\ncommand = ["a"]\nenv = { A = 1 }\n', "upstream.x.env.A: must be text"),
        ('[upstream.x]\ncommand = ["a"]\ntools = [""]\n', "upstream.x.tools: entry 1: is empty"),
        (
            '[upstream.x]\na2a = "https://a.example/"\ntools = ["a"]\n',
            "upstream.x: tools is not for an agent; it has one",
        ),
        (
            '[upstream.x]\ncommand = ["a"]\ntimeout_s = 0\n',
            "upstream.x.timeout_s: must be at least",
        ),
        ('[upstream.x]\ncommand = ["a"]\nmax_price_usd = 1\n', "put the amount in quotes"),
        ('[upstream.x]\ncommand = ["a"]\nuri = "b"\n', "upstream.x.uri: is not a setting; did you"),
        ("upstream = 3\n", "upstream: must be a table"),
    ],
)
def test_a_bad_value_stops_the_start_with_its_place_and_the_reason(
    tmp_path: Path, table: str, reason: str
) -> None:
    told = problems(tmp_path, table)
    assert "config.toml" in told
    assert reason in told


def test_what_may_hold_a_secret_is_sealed_as_its_hash(tmp_path: Path) -> None:
    config = f"""\
[upstream.x]
command = ["server", "--token={SECRET}"]
env = {{ TOKEN = "{SECRET}" }}
"""
    (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    values = policy_of(load_settings(tmp_path, {})).settings
    assert SECRET not in str(values)
    assert values["upstream.x.command"].startswith("sha256:")
    assert values["upstream.x.timeout_s"] == "45"
    assert is_secret("upstream.x.env")
    assert not is_secret("upstream.x.tools")


def test_a_changed_upstream_is_another_policy(tmp_path: Path) -> None:
    def policy(env: str) -> object:
        config = f'[upstream.x]\ncommand = ["a"]\nenv = {{ A = "{env}" }}\n'
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
        return policy_of(load_settings(tmp_path, {})).settings

    assert policy("1") != policy("2")
    assert policy("1") == policy("1")
