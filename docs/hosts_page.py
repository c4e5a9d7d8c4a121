"""The generated page of hosts, and the links of the README, from the table of hosts."""

from __future__ import annotations

from page_parts import table

from server.mcp_hosts.installing import shown
from server.mcp_hosts.links import cursor_link, cursor_web_link, vscode_link, vscode_web_link
from server.mcp_hosts.table import Host, Platform, hosts

SYSTEMS: dict[Platform, str] = {"macos": "macOS", "windows": "Windows", "linux": "Linux"}

_HOSTS = """\
# Hosts

`purser install HOST` adds Purser to an MCP host by editing the host's own file. `purser install`
alone lists the hosts, which of them seem to be on this machine, and which have Purser already.

```sh
purser install claude-code                    # for this user
purser install vscode --scope project         # for the project in this folder
purser install codex --print                  # only show it
purser install cursor --remove                # take it out again
```

What it does to the file:

- It changes the entry named `purser` (or `--name`) and nothing else. Comments, order, indentation
  and line ends of the rest stay as they were, byte for byte. What the entry has beside Purser's own
  parts stays too, such as a variable that you put there; comments inside the entry do not.
- It leaves a copy beside the file, with the time in its name, that only you can read, and never
  writes over one. The copy keeps what the file held: delete it if that was a passphrase. The file
  keeps its mode, and a link is followed, not replaced. The new text takes the place of the old one
  in one step, and only if no other program has changed the file meanwhile.
- A second run changes nothing and leaves no copy. A file that cannot be read stops it, and so does
  one that writes its servers in an unusual way; the line and column of a mistake are told.
- It writes absolute paths, because hosts start servers with a short `PATH`: those of the Purser
  that you ran, through uv from a checkout or from the package, or as an installed program.
- It passes `PURSER_HOME` on when that is set, and what you name with `--env NAME=VALUE`. A private
  key is refused, and so is a passphrase in a project's file.

The key belongs in the system's keyring, where no host has to pass anything on. When it is in
`keystore.json`, the host has to pass `PURSER_PASSPHRASE` on, and whoever reads the host's file can
read it there. An entry holds paths of one machine, so a project's file is of use to others only if
they install it themselves.

## From nothing to a paid page

```sh
purser init                     # a wallet, and the limits
purser fund                     # where to send a few dollars
purser install claude-code      # or another host
```

Then ask the host's model for a page that costs something.
`tests/hosts/test_installed_hosts_start.py::test_three_commands_lead_from_nothing_to_a_paid_page`
does it on the sandbox, with a wallet that holds play money.

## Where each host keeps its servers

The first path counts whose variables are set; `*` stands for a folder that has to exist.

{rows}

## The entry in each file

{entries}
## Links

Cursor and VS Code also take a link, and ask before they add anything. The links run the package by
its name, so they need `uvx` where the host can find it; `purser install` does not.

```text
{cursor}
{vscode}
```

## A bundle for Claude Desktop

A release comes with `purser.mcpb`. Claude Desktop installs it when it is opened, with its own uv
and the versions in the lock file, and asks for the limits, the network and, if you need them, the
passphrase or a key; it keeps those two in the system's keychain. A field that is left empty means
the usual setting; a field that is filled in outranks `config.toml`.

`uv run python release/bundle.py` builds the same file, byte for byte, in `dist/`, and checks its
manifest.
"""


def _paths(host: Host, platform: Platform) -> str:
    slash = "\\" if platform == "windows" else "/"
    return ", ".join(
        f"`{_readable(one, platform).replace('/', slash)}`" for one in host.user[platform]
    )


def _readable(template: str, platform: Platform) -> str:
    if platform == "windows":
        return template.replace("{home}", "%USERPROFILE%").replace("{", "%").replace("}", "%")
    return template.replace("{home}", "~").replace("{", "$").replace("}", "")


def hosts_page() -> str:
    """Return the page of hosts."""
    rows = [
        [f"{host.title} (`{key}`)", SYSTEMS[platform], _paths(host, platform)]
        for key, host in hosts().items()
        for platform in SYSTEMS
    ]
    rows += [
        [f"{host.title} (`{key}`)", "project", f"`{host.project}`"]
        for key, host in hosts().items()
        if host.project
    ]
    return _HOSTS.format(
        rows=table(["host", "where", "file"], rows),
        entries="\n".join(_entry(host) for host in hosts().values()),
        cursor=cursor_link(),
        vscode=vscode_link(),
    )


def _entry(host: Host) -> str:
    args = ["run", "--directory", "/absolute/path/to/purser", "purser", "serve"]
    entry = host.filled(name="purser", command="/absolute/path/to/uv", args=args, env={})
    text = shown(host, "purser", entry).rstrip("\n")
    return f"### {host.title}\n\n```{host.format}\n{text}\n```\n\n{host.next}\n"


def links_block() -> str:
    """Return the links of the README."""
    return f"[Add to Cursor]({cursor_web_link()})\nor [add to VS Code]({vscode_web_link()})."
