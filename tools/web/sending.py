"""What every exchange shares: one time limit for all of it, and how far its payment came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import anyio

from tools.web.wire import Answer, WireError
from wallet.errors import PurserError
from wallet.exchange import NeverSentError, TransportFailedError

# After the deadline of a paid answer's body, time to hand over what came of it.
_CLOSING_S = 0.1


class Deadline:
    """The one time limit of an exchange; its clock starts with the first look at it.

    Args:
        total_s: for everything together.
    """

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self._ends: float | None = None

    def left_s(self) -> float:
        """Return the seconds that are left, never less than none."""
        now = anyio.current_time()
        if self._ends is None:
            self._ends = now + self.total_s
        return max(0.0, self._ends - now)

    def is_enough_to_pay(self) -> bool:
        """Tell whether a third of the time is left, which a settlement may well take."""
        return self.left_s() >= self.total_s / 3


@contextmanager
def sending_payment(limit_s: float) -> Generator[None]:
    """Tell a payment that never left from one that may have been received.

    Raises:
        NeverSentError: not one byte of it left.
        TransportFailedError: anything else that kept an answer from arriving in time.
    """
    try:
        with anyio.fail_after(limit_s):
            yield
    except WireError as error:
        if error.unsent:
            raise NeverSentError("no connection could be made") from None
        raise TransportFailedError("the answer broke off") from None
    except TimeoutError:
        raise TransportFailedError("no whole answer in time") from None


async def send_payment(deadline: Deadline, send: Callable[[float], Awaitable[Answer]]) -> Answer:
    """Send a payment over a `Wire`.

    Args:
        deadline: the exchange's.
        send: calls `Wire.send` with what it is given as `body_until`.

    Raises:
        NeverSentError: the guard refused, or no connection could be made.
        TransportFailedError: as `sending_payment`.
    """
    left_s = deadline.left_s()
    try:
        with sending_payment(left_s + _CLOSING_S):
            return await send(anyio.current_time() + left_s)
    except PurserError:
        raise NeverSentError("the address was refused before connecting") from None
