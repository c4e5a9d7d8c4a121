"""Imports go one way, and each dangerous or slow library has one home."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = {
    "wallet": {"wallet"},
    "tools": {"tools", "wallet"},
    "server": {"server", "tools", "wallet", "sandbox"},
    "purser_mcp": {"purser_mcp", "server"},
    "sandbox": {"sandbox", "server", "tools", "wallet", "purser_mcp"},
}
OURS = frozenset(LAYERS) | {"tests", "benchmarks"}
PRODUCT = ("server", "tools", "wallet", "purser_mcp")

# Where a library may be imported, as files or folders. The sandbox is the other side of the wire
# and keeps to its own rules.
HOMES = {
    "httpx": ("tools/web/http.py",),
    "httpcore": ("tools/web/http.py",),
    "eth_account": ("wallet/key_forms.py",),
    "eth_keys": ("wallet/signing/key.py", "wallet/signatures.py"),  # the second has no private key
    "cryptography": ("wallet/signatures.py",),
    "eth_keyfile": (),
    "keyring": ("wallet/system_keyring.py",),
    "coincurve": (),
    "web3": ("wallet/chain.py",),
    "httpx2": ("server/upstream/",),
    "mcp": ("server/",),
    "mcp_types": ("server/",),
    "starlette": ("server/",),
    "uvicorn": ("server/pages/serving.py",),
    "trafilatura": ("tools/reading/",),
    "pypdf": ("tools/reading/",),
    "lxml": ("tools/reading/",),
    "x402": (),
    "ruamel": ("server/mcp_hosts/yaml_edit.py",),
}

# Rails are sans-IO: what they need of the clock, of chance, of disk or net is handed to them.
NOT_IN_RAILS = frozenset(
    {
        *("os", "time", "random", "secrets", "socket", "httpx", "pathlib", "anyio", "datetime"),
        *("asyncio", "ssl", "uuid", "tempfile", "shutil", "sqlite3", "subprocess"),
    }
)
WALLET_IO = tuple(
    f"wallet.{name}"
    for name in (
        *("chain", "files", "ids", "key_forms", "keystore", "ledger", "signing", "system_keyring"),
        "wallet_file",
    )
)

# What a key is put before is made by the signers alone, once the ledger bore it out.
SIGNERS, CHECKED = "wallet/signing/", re.compile(r"wallet\.signing\.(\w+\.)*[Cc]hecked")

SLOW = frozenset(
    {
        *("httpx", "eth_account", "web3", "trafilatura", "lxml", "pypdf", "keyring", "rich"),
        *("platformdirs", "x402"),
    }
)
LOADED_AT_START = [
    name
    for name in ("server.app", "tools", *sorted(f"tools.{p.stem}" for p in ROOT.glob("tools/*.py")))
    if (ROOT / name.replace(".", "/")).with_suffix(".py").is_file() or (ROOT / name).is_dir()
]


@dataclass(frozen=True)
class Import:
    """One import: the dotted module it names and whether it waits until a function runs."""

    module: str
    lazy: bool

    @property
    def top(self) -> str:
        """Return the first part of the module's name."""
        return self.module.partition(".")[0]


def _named(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            parents = package.split(".")
            base = parents[: max(0, len(parents) - level + 1)] if level else []
            where = [*base, module] if module else base
            yield from (".".join([*where, alias.name]) for alias in names)
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name
        case _:
            pass


def _walk(node: ast.AST, package: str, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        yield from (Import(name, lazy) for name in _named(child, package))
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            inside = True
        yield from _walk(child, package, lazy or inside)


def imports(name: str, source: str) -> list[Import]:
    """Return every import of a file, at any depth, under `TYPE_CHECKING` and by name too."""
    return list(_walk(ast.parse(source), name.rpartition("/")[0].replace("/", "."), lazy=False))


def _at_home(name: str, library: str) -> bool:
    homes = HOMES.get(library)
    return homes is None or any(
        name.startswith(home) if home.endswith("/") else name == home for home in homes
    )


def violations(name: str, source: str) -> list[str]:
    """Return what a file imports against the rules; `name` is its path from the root."""
    package = name.partition("/")[0]
    found: list[str] = []
    for item in imports(name, source):
        top = item.top
        if top in OURS and package in LAYERS and top not in LAYERS[package]:
            found.append(f"{package} imports {item.module}")
        in_command = item.lazy and name.startswith("server/commands")
        if top == "sandbox" and package == "server" and not in_command:
            found.append(f"{item.module} outside a function of server/commands")
        if top == "server" and package == "purser_mcp" and not item.lazy:
            found.append(f"{item.module} before the launcher runs")
        if package in PRODUCT and not _at_home(name, top):
            found.append(f"{item.module} away from its home")
        if CHECKED.match(item.module) and not name.startswith(SIGNERS):
            found.append(f"{item.module} outside the signers")
        if name.startswith("wallet/rails/") and (
            top in NOT_IN_RAILS or item.module.startswith(WALLET_IO)
        ):
            found.append(f"{item.module} in a rail")
    return found


FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in LAYERS for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("name", FILES)
def test_a_module_imports_only_what_its_layer_may(name: str) -> None:
    assert violations(name, (ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("wallet/policy.py", "import tools"),
        ("wallet/policy.py", "def f():\n    from server.app import run"),
        ("wallet/policy.py", "if TYPE_CHECKING:\n    from tools.web import http"),
        ("wallet/ledger/base.py", "import sandbox.chain"),
        ("tools/balance.py", "from server import app"),
        ("tools/balance.py", "import httpx"),
        ("tools/web/page.py", "if True:\n    import httpcore"),
        ("tools/web/http.py", "from mcp.types import Tool"),
        ("tools/balance.py", "import trafilatura"),
        ("server/app.py", "def f():\n    import httpx"),
        ("server/app.py", "import importlib\nimportlib.import_module('web3')"),
        ("server/app.py", "def f():\n    import sandbox"),
        ("server/commands/demo.py", "import sandbox"),
        ("server/app.py", "import x402"),
        ("wallet/payer.py", "from eth_account import Account"),
        ("wallet/vault.py", "from wallet.signing.checked import CheckedHold"),
        ("wallet/payer.py", "def f():\n    from wallet.signing import checked"),
        ("wallet/payer.py", "from wallet.signing.transfers import CheckedHold"),
        ("wallet/reconcile.py", "import web3"),
        ("wallet/vault.py", "def f():\n    from eth_keys.datatypes import PrivateKey"),
        ("wallet/rails/x402/did.py", "def f():\n    import cryptography"),
        ("wallet/signatures.py", "from wallet.rails.x402.evm import keccak256\nimport eth_account"),
        ("wallet/rails/x402/parse.py", "import time"),
        ("wallet/rails/x402/parse.py", "def f():\n    from datetime import datetime"),
        ("wallet/rails/base.py", "from wallet import chain"),
        ("wallet/rails/base.py", "def f():\n    from .. import signing"),
        ("wallet/rails/x402/rail.py", "from wallet.ledger.base import Ledger"),
        ("wallet/policy.py", "import importlib as i\ni.import_module('server.app')"),
        ("purser_mcp/__init__.py", "import server.cli"),
        ("purser_mcp/__init__.py", "def main():\n    import wallet"),
        ("server/app.py", "import tests"),
    ],
)
def test_a_forbidden_import_is_noticed(name: str, source: str) -> None:
    assert violations(name, source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("wallet/policy.py", "from wallet.money import Usd\nfrom eth_utils import keccak"),
        ("wallet/rails/x402/parse.py", "from ..base import Rail\nimport json"),
        ("wallet/key_forms.py", "def f():\n    from eth_account import Account"),
        ("wallet/chain.py", "import web3"),
        ("wallet/signing/sign_in.py", "from wallet.signing.checked import CheckedSignIn"),
        ("tools/web/http.py", "import httpx, httpcore"),
        ("tools/reading/choosing.py", "import trafilatura"),
        ("server/app.py", "from mcp.server import Server\nimport tools\nimport wallet.payer"),
        ("server/commands/demo.py", "def run():\n    from sandbox import chain"),
        ("purser_mcp/__init__.py", "def main():\n    from server import cli"),
        ("sandbox/seller.py", "import x402, httpx, wallet.assets"),
    ],
)
def test_an_allowed_import_is_left_alone(name: str, source: str) -> None:
    assert violations(name, source) == []


@pytest.mark.slow
@pytest.mark.parametrize("module", LOADED_AT_START)
def test_what_is_loaded_at_start_loads_no_slow_library(module: str) -> None:
    code = f"import json, sys\nimport {module}\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded: list[str] = json.loads(ran.stdout.splitlines()[-1])
    assert module in loaded
    assert SLOW & {name.partition(".")[0] for name in loaded} == set()
