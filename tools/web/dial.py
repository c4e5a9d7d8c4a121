"""Which addresses may be dialled for a host: resolved once, off the loop, each one checked."""

from __future__ import annotations

import functools
import socket
from collections.abc import Awaitable, Callable, Sequence

import anyio
import anyio.to_thread

from tools.web.addresses import is_address
from tools.web.guard import HostRules, check_address, check_host

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Maps a host name and port to literal addresses, best first; raises OSError when it cannot."""

LOOKUPS_AT_ONCE = 16
_MAX_ADDRESSES = 8


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, in a worker thread, for a host's addresses.

    A lookup that nobody waits for any more is left to end by itself.

    Raises:
        OSError: the name does not resolve.
    """
    ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=_lookup_room())
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@functools.cache
def _lookup_room() -> anyio.CapacityLimiter:
    """Return the threads that lookups may take: names that a seller makes slow hold up no others'.

    The event loop's own threads stay free, where the chain's servers are looked up, and anyio's,
    where purchases are stored.
    """
    return anyio.CapacityLimiter(LOOKUPS_AT_ONCE)


async def checked_addresses(
    host: str, port: int, rules: HostRules, resolver: Resolver
) -> Sequence[str]:
    """Return one to eight addresses of a normalised host, all of them allowed.

    One forbidden address among several refuses the host: a mixed answer is how rebinding begins.

    Raises:
        PurserError: HOST_NOT_ALLOWED or PRIVATE_ADDRESS.
        OSError: the name does not resolve.
    """
    check_host(host, rules)
    if is_address(host):
        addresses: Sequence[str] = [host]
    else:
        try:
            addresses = await resolver(host, port)
        except UnicodeError:
            raise OSError("the name cannot be asked for") from None
    if not addresses:
        raise OSError("the name has no address")
    for address in addresses:
        check_address(address, host, port, rules)
    return addresses[:_MAX_ADDRESSES]
