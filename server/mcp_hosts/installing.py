"""Decide what installing or removing does to a host's text; nothing is read or written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from server.mcp_hosts.edits import Editor, NotEditableError, Place, table_of
from server.mcp_hosts.table import Host

Action = Literal["added", "updated", "already there", "removed", "not there"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done to a text, and the entry as it then is; None when there is none.

    `kept` names the variables, and the other parts, that an entry had and that are not ours.
    """

    action: Action
    text: str
    entry: dict[str, Any] | None
    kept: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to write."""
        return self.action in ("added", "updated", "removed")


def editor_of(host: Host) -> Editor:
    """Return the editor of a host's kind of text."""
    if host.format == "toml":
        from server.mcp_hosts.toml_edit import TOML

        return TOML
    if host.format == "yaml":
        from server.mcp_hosts.yaml_edit import YAML_EDITOR

        return YAML_EDITOR
    from server.mcp_hosts.json_edit import JSON

    return JSON


def plan_install(host: Host, text: str, name: str, entry: Mapping[str, Any]) -> Edit:
    """Return the text with the entry in it.

    What an entry of that name has beside ours stays, its variables too: a passphrase that was put
    there by hand, or a switch of the host's own.

    Raises:
        BrokenFileError: the text is not what the host reads.
        NotEditableError: only a person can change it well.
    """
    editor, place = editor_of(host), Place(host.table, name)
    old = _entry(editor.parse(text), place)
    if old is None:
        return Edit("added", editor.put(text, place, entry), dict(entry))
    variables = host.key_of("env")
    merged = {**old, **entry}
    kept = [key for key in old if key not in entry and key != variables]
    if isinstance(found := old.get(variables), dict):
        had, ours = cast("dict[str, Any]", found), entry.get(variables, {})
        merged[variables] = {**had, **ours}
        kept += [name for name in had if name not in ours]
    if merged == old:
        return Edit("already there", text, old, tuple(kept))
    return Edit("updated", editor.put(text, place, merged), merged, tuple(kept))


def plan_remove(host: Host, text: str, name: str) -> Edit:
    """Return the text without the entry.

    Raises:
        BrokenFileError: the text is not what the host reads.
        NotEditableError: only a person can change it well.
    """
    editor, place = editor_of(host), Place(host.table, name)
    if _entry(editor.parse(text), place) is None:
        return Edit("not there", text, None)
    return Edit("removed", editor.drop(text, place), None)


def shown(host: Host, name: str, entry: Mapping[str, Any]) -> str:
    """Return the entry as a whole file of the host's would hold it, to be pasted."""
    return editor_of(host).put("", Place(host.table, name), entry)


def variables_of(host: Host, entry: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the names of the variables that an entry sets."""
    found = (entry or {}).get(host.key_of("env"))
    return frozenset(cast("dict[str, Any]", found)) if isinstance(found, dict) else frozenset()


def _entry(data: Mapping[str, Any], place: Place) -> dict[str, Any] | None:
    servers = table_of(data, place)
    if place.name not in servers:
        return None
    found = servers[place.name]
    if not isinstance(found, dict):
        raise NotEditableError(f"{place.table} has something else under the name {place.name}")
    return cast("dict[str, Any]", found)
