"""The bundle for Claude Desktop: what is in it, and that a host can start it."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from pydantic import ValidationError

from purser_mcp.bundled import leave_out_unset
from server.registry import ENTRIES
from server.settings import load_settings
from tests.differential.node_packages import NodeMissingError, installed
from tests.end_to_end.hosting import ANSWER_TIMEOUT_S, structured
from tests.release.published import ROOT, script

UV = shutil.which("uv") or ""
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the bundle."""
    path = tmp_path_factory.mktemp("dist") / "purser.mcpb"
    script("bundle").build(path)
    return path


@pytest.fixture(scope="module")
def manifest(bundle: Path) -> dict[str, Any]:
    """Return the manifest in the bundle."""
    return json.loads(zipfile.ZipFile(bundle).read("manifest.json"))


def filled(manifest: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """Return the variables that a host passes on; what was not filled in stays as it is."""
    variables: dict[str, str] = manifest["server"]["mcp_config"]["env"]
    defaults = {
        name: str(option["default"])
        for name, option in manifest["user_config"].items()
        if "default" in option
    }
    values = defaults | given

    def value(found: re.Match[str]) -> str:
        return values.get(found[1], found[0])

    return {name: re.sub(r"\$\{user_config\.(\w+)\}", value, v) for name, v in variables.items()}


def test_the_bundle_holds_the_sources_the_lock_and_no_more(bundle: Path) -> None:
    names = set(zipfile.ZipFile(bundle).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        *("purser_mcp", "server", "tools", "wallet", "sandbox"),
        *("LICENSE", "README.md", "pyproject.toml", "uv.lock", "icon.png", "manifest.json"),
    }
    assert {"purser_mcp/bundled.py", "server/mcp_hosts/hosts.toml"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_same_sources_give_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    script("bundle").build(tmp_path / "again.mcpb")
    assert (tmp_path / "again.mcpb").read_bytes() == bundle.read_bytes()


def test_the_manifest_has_the_version_and_the_tools_of_the_package(
    manifest: dict[str, Any],
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (manifest["version"], manifest["license"]) == (project["version"], project["license"])
    assert [one["name"] for one in manifest["tools"]] == [one.function.__name__ for one in ENTRIES]
    options = manifest["user_config"]
    assert {name for name, one in options.items() if one.get("sensitive")} == {
        "passphrase",
        "private_key",
    }
    limits = [options[name] for name in ("per_payment", "per_host_per_day", "per_day")]
    assert all(one["min"] <= one["default"] <= one["max"] for one in limits)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"icon": "none.png"}, "none.png is not in the bundle"),
        ({"user_config": {}}, "per_day is used and not asked for"),
        ({"user_config": {"more": {"type": "string", "title": "t", "description": "d"}}}, "more"),
    ],
)
def test_a_manifest_that_does_not_hold_together_is_noticed(
    manifest: dict[str, Any], change: dict[str, Any], told: str
) -> None:
    files = {"icon.png", "purser_mcp/bundled.py", "pyproject.toml", "uv.lock"}
    problems = script("manifest").problems
    assert problems(manifest, files) == []
    assert told in "; ".join(problems(manifest | change, files))


@pytest.mark.parametrize("change", [{"manifest_version": "0.3"}, {"extra": 1}, {"tools": []}])
def test_a_manifest_of_another_form_is_noticed(
    manifest: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        script("manifest").problems(manifest | change, set())


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_official_validator_takes_the_manifest(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    try:
        packages = installed(pinned_in=HERE)
    except NodeMissingError as error:
        pytest.skip(str(error))
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    shutil.copy(ROOT / "release" / "icon.png", tmp_path)
    program = packages / "node_modules" / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js"
    command = ["node", str(program), "validate", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    path.write_text(json.dumps({**manifest, "server": {}}), encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_what_was_filled_in_becomes_settings(manifest: dict[str, Any], tmp_path: Path) -> None:
    given = {"per_day": "7.5", "total": "40", "network": "eip155:84532", "private_key": "secret"}
    environ = filled(manifest, given)
    leave_out_unset(environ)
    settings = load_settings(tmp_path, environ)
    assert (str(settings.budget.per_day), str(settings.budget.total)) == ("7.50", "40.00")
    assert settings.wallet.networks == ("eip155:84532",)
    assert settings.wallet.key == "env"
    assert environ["PURSER_PRIVATE_KEY"] == "secret"


def test_fields_left_as_they_were_mean_the_usual_settings(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    environ = filled(manifest, {})
    leave_out_unset(environ)
    assert load_settings(tmp_path, environ) == load_settings(tmp_path, {})


def test_emptied_fields_mean_the_usual_settings(manifest: dict[str, Any], tmp_path: Path) -> None:
    environ = filled(manifest, dict.fromkeys(manifest["user_config"], "")) | {"OTHER": ""}
    leave_out_unset(environ)
    assert environ == {"OTHER": ""}
    assert load_settings(tmp_path, environ) == load_settings(tmp_path, {})


def test_a_field_that_is_wrong_still_stops_the_start(manifest: dict[str, Any]) -> None:
    environ = filled(manifest, {"per_day": "many"})
    leave_out_unset(environ)
    assert environ["PURSER_BUDGET__PER_DAY"] == "many"


@pytest.mark.asyncio
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(not UV, reason="needs uv")
async def test_a_host_can_start_the_bundle(
    bundle: Path, manifest: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "extension"
    zipfile.ZipFile(bundle).extractall(folder)
    config = manifest["server"]["mcp_config"]
    assert config["command"] == "uv"
    parameters = StdioServerParameters(
        command=UV,
        args=[word.replace("${__dirname}", str(folder)) for word in config["args"]],
        env={name: value for name, value in os.environ.items() if not name.startswith("PURSER_")}
        | filled(manifest, {"home": str(tmp_path / "home"), "total": "", "passphrase": ""})
        | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        cwd=tmp_path,
    )
    with (tmp_path / "stderr").open("w", encoding="utf-8") as log:
        async with Client(
            stdio_client(parameters, errlog=log),
            mode="legacy",
            read_timeout_seconds=ANSWER_TIMEOUT_S * 4,
        ) as client:
            balance = structured(await client.call_tool("check_balance", {}))
    limits = {cap["name"]: cap["limit_usd"] for cap in balance["limits"]}
    assert limits["per_day"] == "5.00"
    assert (tmp_path / "home" / "ledger.sqlite3").is_file()


def test_the_icon_is_the_one_that_is_drawn() -> None:
    icon = script("icon")
    stored = (ROOT / "release" / "icon.png").read_bytes()
    assert stored[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", stored[16:24]) == (icon.SIDE, icon.SIDE)
    start = stored.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", stored[start - 8 : start - 4])
    pixels = zlib.decompress(stored[start : start + length])
    bytes_a_row = 1 + 4 * icon.SIDE
    assert len(pixels) == bytes_a_row * icon.SIDE
    for y in (0, 40, 111, 160, 255):
        assert pixels[bytes_a_row * y :][:bytes_a_row] == icon.row(y)
    assert (ROOT / "release" / "icon.svg").read_text(encoding="utf-8") == icon.svg()
