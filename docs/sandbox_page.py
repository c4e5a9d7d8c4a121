"""The generated page of what the sandbox sells."""

from __future__ import annotations

from page_parts import table

from sandbox.corpus import documents
from sandbox.wares import WARES

_SANDBOX = """\
# The sandbox

In a checkout, type `uv run purser` for `purser`.

`purser sandbox` runs a chain, a facilitator and sellers on this machine, for demos and tests.
Everything is real but the money: sellers and facilitator are those of the official `x402` package.
With `--wallet FOLDER` it also keeps a wallet of play money, to
[try it in a host](try-it-in-a-host.md).

{wares}

`http://127.0.0.1:PORT/` lists the same with a line to buy each, such as:

```sh
{lines}
```

- Two prices are between `budget.approval_above` and `budget.per_payment` as they are shipped, so an
  approval can be tried; `/dear` is above what may be paid at all.
- Schemes beside `exact` have to be enabled first, such as by
  `purser policy set wallet.schemes exact permit2`.
- What is not there is refused before it has a price: a name that the library lacks (404), or a body
  that cannot be used (400). `/fails` breaks after the payment on purpose, and takes nothing; its
  price is held until the payment has run out, about half an hour, and `purser balance` shows it
  until then.
- `/library/` sells, and `/shelf/` gives away, the documents that [reading](reading.md) is tried on:
  {names}.
- `?delay_ms=N` (0 to 5000) makes any answer come N milliseconds later, unpaid and paid: a stand-in
  for a network, and for settling on a real chain.
- Its directory of services is at `/directory`, for [finding](finding.md); `/openapi.json` and
  `/.well-known/x402` tell the same.
"""
_SELLER = "http://127.0.0.1:8402"
_SHOWN = ("/article", "/library/*", "/api/summarise", "/api/passage")


def sandbox_page() -> str:
    """Return the page, from the table of wares and the corpus."""
    rows = [[f"`{ware.route}`", ware.price, ware.title, ware.paid_by] for ware in WARES]
    free = ["`GET /free`", "free", "Tide tables, for comparison", "nothing"]
    lines = [f"purser fetch {one.arguments(_SELLER)}" for one in WARES if one.path in _SHOWN]
    return _SANDBOX.format(
        wares=table(["route", "price", "what it is", "paid by"], [free, *rows]),
        lines="\n".join(lines),
        names=", ".join(f"`{one.name}`" for one in documents()),
    )
