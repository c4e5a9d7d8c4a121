"""The wheel as a user installs it: what it holds, and that nothing in a folder stands in for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.end_to_end.hosting import environment

ROOT = Path(__file__).resolve().parent.parent.parent
UV = shutil.which("uv") or ""
DATA = (
    "wallet/data/networks.toml",
    "wallet/data/assets.toml",
    "wallet/ledger/schema/0001_initial.sql",
    "tools/web/blocked_ranges.toml",
    "server/mcp_hosts/hosts.toml",
    "sandbox/contracts/SandboxUSD.json",
    "sandbox/contracts/Multi.json",
    "sandbox/pages/article.html",
    "sandbox/pages/index.html",
)
OURS = ("server", "tools", "wallet", "sandbox")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("wheel"),
    pytest.mark.skipif(not UV, reason="needs uv"),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a new environment that borrows the packages Purser depends on."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / SCRIPTS / "python"
    install = [UV, "pip", "install", "--quiet", "--no-deps", "--offline", "--python", python, wheel]
    subprocess.run(install, check=True)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
    site = Path(subprocess.check_output(ask, text=True).strip())
    # A .pth file adds the folder after our own, and does not read the .pth of the checkout there.
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    return folder / SCRIPTS


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Make a working directory with packages named like ours that leave a mark when they run."""
    folder = tmp_path / "downloads"
    for name in OURS:
        (folder / name).mkdir(parents=True)
        mark = folder / "it-ran"
        code = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nraise SystemExit(66)\n"
        (folder / name / "__init__.py").write_text(code, encoding="utf-8")
    return folder


def test_the_wheel_holds_its_data_and_only_one_package_of_its_name(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    (info,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {"purser_mcp", info}
    assert {f"purser_mcp/_app/{path}" for path in DATA} <= set(names)
    tracked = {
        f"purser_mcp/_app/{path.relative_to(ROOT).as_posix()}"
        for package in OURS
        for path in (ROOT / package).rglob("*.py")
    }
    assert tracked <= set(names)
    assert not [name for name in names if "__pycache__" in name or "tests" in name]


@pytest.mark.parametrize(
    ("start", "python_path"),
    [
        ("purser", ""),
        ("purser", "."),
        ("python -P -m purser_mcp", "."),
        ("python -m purser_mcp", ""),
    ],
)
def test_packages_in_the_working_directory_never_stand_in_for_ours(
    scripts: Path, hostile: Path, start: str, python_path: str
) -> None:
    program, *flags = start.split()
    command = [str(scripts / program), *flags]
    env = environment(hostile.parent / "home", PURSER_WALLET__KEY="env", PYTHONPATH=python_path)

    def run(*arguments: str, said: str = "") -> str:
        ran = subprocess.run(
            [*command, *arguments],
            cwd=hostile,
            env=env,
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    assert run("--version").startswith("purser ")
    assert "usage: purser price" in run("price", "--help")
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "by-hand", "version": "0"},
        },
    }
    (answer,) = run("serve", said=json.dumps(hello) + "\n").splitlines()
    assert json.loads(answer)["result"]["serverInfo"]["name"] == "purser"
    assert not (hostile / "it-ran").exists()


@pytest.mark.parametrize("name", ["server", "tools", "wallet"])
@pytest.mark.parametrize("loaded", ["from a file", "from nowhere"])
def test_a_package_that_was_loaded_first_under_our_name_stops_the_start(
    tmp_path: Path, name: str, loaded: str
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    how = f"sys.path.insert(0, {str(tmp_path)!r})\nimport {name}\nsys.path.pop(0)\n"
    if loaded == "from nowhere":
        how = f"import types\nsys.modules[{name!r}] = types.ModuleType({name!r})\n"
    code = f"import sys\n{how}import purser_mcp\nsys.argv[1:] = ['--version']\n"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code + "sys.exit(purser_mcp.main())"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"purser: another package named {name!r} was loaded first\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", said)
