"""The frame of every page, and the pages that say what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.pages.markup import Child, Html, join, tag

if TYPE_CHECKING:
    from starlette.responses import Response

STYLE_PATH = "/static/pages.css"
ICON_PATH = "/static/icon.svg"


def page(
    title: str,
    *body: Child,
    status: int = 200,
    refresh: str | None = None,
    wide: bool = False,
    scripts: tuple[str, ...] = (),
    styles: tuple[str, ...] = (),
) -> Response:
    """Return a whole page.

    Args:
        title: what the tab says, beside the name of the program.
        body: the contents of `main`.
        status: the HTTP status.
        refresh: seconds, and perhaps `;url=` and a path of ours, after which to load anew.
        wide: use the width of the window, for tables and charts.
        scripts: names of files in `static/`.
        styles: names of further style sheets there.
    """
    from starlette.responses import HTMLResponse

    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        None if refresh is None else tag("meta", http_equiv="refresh", content=refresh),
        tag("title", f"{title} - Purser"),
        tag("link", rel="icon", type="image/svg+xml", href=ICON_PATH),
        tag("link", rel="stylesheet", href=STYLE_PATH),
        *(tag("link", rel="stylesheet", href=f"/static/{name}") for name in styles),
        *(tag("script", src=f"/static/{name}", defer=True) for name in scripts),
    )
    width = "wide" if wide else None
    mark = tag("img", src=ICON_PATH, alt="", class_="mark")
    brand = tag("header", mark, tag("span", "Purser"), class_=width)
    main = tag("main", join(body), class_=width)
    whole = tag("html", head, tag("body", brand, main), lang="en")
    return HTMLResponse("<!doctype html>" + whole, status_code=status)


def problem(status: int, title: str, *told: str | Html) -> Response:
    """Return a short page that says why there is nothing to see, and what to do."""
    body = tag("section", tag("h1", title), *(tag("p", one) for one in told), class_="card")
    return page(title, body, status=status)
