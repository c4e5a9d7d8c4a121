"""Pages that Purser serves to the person at this machine, and to nobody else.

A site is a list of Starlette routes, served by `serving.serve_pages` on 127.0.0.1 and a free port.
Nobody reaches a route without a session: `Pages.link(path, ...)` gives a URL that opens one, once,
for that path and what lies below it. A route is written like this:

    async def hello(request: Request) -> Response:
        visit = visit_of(request)                      # `guard`
        form = tag("form", visit.csrf("/hello"), tag("button", "Again", type="submit"),
                   method="post", action=visit.path("/hello"))
        return page("Hello", tag("p", text_of_a_seller), form)   # `layout` and `markup`

    async with serve_pages([Route("/hello", hello, methods=["GET", "POST"])]) as pages:
        url = pages.link("/hello", life_s=300, session_life_s=1800)

- `markup` escapes by default; `foreign` also takes out what hides or turns text around.
- `gate` keeps links, sessions and the tokens of forms; `guard` checks each request before a route
  sees it, and puts the headers on each answer: a strict Content-Security-Policy and no caching.
- A path inside a page goes through `Visit.path`, since it begins with the session's own name.
- A form posts to `visit.path(action)` and holds `visit.csrf(action)` for the same action. What was
  sent is `visit.form`. A POST without that field, or from anywhere else, never reaches the route.
- Styles and scripts are files in `static/`, at `/static/NAME`; nothing inline and nothing from
  outside is loaded. `fetch` and `EventSource` may ask the own origin.
- The URL of a link opens a session for whoever has it. It goes to the person (a terminal, a
  browser, the host's own question), and never into a tool's result or a log.
"""
