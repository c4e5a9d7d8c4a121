"""Who gets to see a page on loopback, and who does not."""

from __future__ import annotations

import logging

import httpx
import pytest

from server.pages.guard import FORM_MAX_BYTES, HEADERS
from server.pages.serving import serve_pages
from tests.pages.page_kit import ask, small_site

CROSS = ["cross-site", "same-site"]


@pytest.mark.asyncio
async def test_a_link_opens_its_page_and_works_once() -> None:
    async with small_site() as site:
        link = site.link()
        first = await site.client.get(link)
        assert first.status_code == 200
        again = await site.client.get(link)
        assert again.status_code == 403
        assert "purser approvals --open" in again.text
        assert "set-cookie" not in again.headers


@pytest.mark.asyncio
async def test_a_link_that_waited_too_long_opens_nothing() -> None:
    async with small_site() as site:
        link = site.link()
        site.clock.now_s += 60
        assert (await site.client.get(link)).status_code == 403


@pytest.mark.asyncio
async def test_a_session_ends_by_itself() -> None:
    async with small_site() as site:
        path = await site.enter()
        site.clock.now_s += 599
        assert (await site.client.get(path)).status_code == 200
        site.clock.now_s += 1
        assert (await site.client.get(path)).status_code == 403


@pytest.mark.asyncio
async def test_the_cookie_is_strict_out_of_scripts_reach_and_for_one_path() -> None:
    async with small_site() as site:
        opened = await site.client.get(site.link())
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/s/" in cookie
        assert "max-age=600" in cookie


@pytest.mark.parametrize("path", ["/", "/desk", "/s/", "/s/desk", "/s/ab12/desk", "/x/s/ab12/desk"])
@pytest.mark.asyncio
async def test_without_a_link_there_is_only_a_hint(path: str) -> None:
    async with small_site() as site:
        seen = await site.client.get(path)
        assert seen.status_code == 403
        assert "purser approvals --open" in seen.text


@pytest.mark.asyncio
async def test_a_page_needs_the_cookie_of_its_own_session() -> None:
    async with small_site() as site:
        path = await site.enter()
        async with ask(site.guard, site.pages.origin) as other:
            assert (await other.get(path)).status_code == 403
            name = path.split("/")[2]
            wrong = {"cookie": f"purser-{name}={'0' * 64}"}
            assert (await other.get(path, headers=wrong)).status_code == 403


@pytest.mark.asyncio
async def test_a_session_sees_what_it_was_given_and_below_alone() -> None:
    async with small_site() as site:
        path = await site.enter()
        assert (await site.client.get(f"{path}/drawer")).status_code == 200
        for other in ("ling", "/../deskling", "/%2e%2e/deskling", "//drawer"):
            seen = await site.client.get(httpx.URL(site.pages.origin + path + other))
            assert seen.status_code in (403, 404)
            assert "<form" not in seen.text


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "127.0.0.1:1", ""])
@pytest.mark.asyncio
async def test_a_name_that_was_rebound_to_this_machine_is_turned_away(host: str) -> None:
    async with small_site() as site:
        path = await site.enter()
        seen = await site.client.get(path, headers={"host": host})
        assert seen.status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", None])
@pytest.mark.asyncio
async def test_a_form_from_elsewhere_does_nothing(origin: str | None) -> None:
    async with small_site() as site:
        path = await site.enter()
        form = await site.fields(path)
        assert (await site.post(path, form, origin=origin)).status_code == 403
        assert site.sent == []


@pytest.mark.parametrize("where", [*CROSS, "none"])
@pytest.mark.asyncio
async def test_a_form_that_the_browser_says_is_not_ours_does_nothing(where: str) -> None:
    async with small_site() as site:
        path = await site.enter()
        form = await site.fields(path)
        assert (await site.post(path, form, sec_fetch_site=where)).status_code == 403
        assert site.sent == []


@pytest.mark.parametrize("where", CROSS)
@pytest.mark.asyncio
async def test_another_site_cannot_load_a_page_or_a_file(where: str) -> None:
    async with small_site() as site:
        path = await site.enter()
        for wanted in (path, "/static/pages.css"):
            seen = await site.client.get(wanted, headers={"sec-fetch-site": where})
            assert seen.status_code == 403
            seen = await site.client.get(wanted, headers={"origin": "http://evil.example"})
            assert seen.status_code == 403


@pytest.mark.asyncio
async def test_a_form_needs_the_token_of_its_own_action() -> None:
    async with small_site() as site:
        path = await site.enter()
        form = await site.fields(path)
        assert (await site.post(path, {"csrf": ""})).status_code in (400, 403)
        assert (await site.post(path, {"answer": "yes"})).status_code == 403
        assert (await site.post(f"{path}/drawer", form)).status_code == 403
        assert (await site.post(path, {"csrf": form["csrf"][::-1]})).status_code == 403
        assert site.sent == []
        assert (await site.post(path, {**form, "answer": "yes"})).status_code == 200
        assert site.sent == [{"answer": "yes"}]


@pytest.mark.asyncio
async def test_a_form_of_one_session_is_worth_nothing_in_another() -> None:
    async with small_site() as site:
        first, second = await site.enter(), await site.enter()
        form = await site.fields(first)
        assert (await site.post(second, form)).status_code == 403
        assert site.sent == []


@pytest.mark.asyncio
async def test_what_is_no_plain_form_is_not_read() -> None:
    async with small_site() as site:
        path = await site.enter()
        form = await site.fields(path)
        head = {"origin": site.pages.origin}
        assert (await site.client.post(path, json=form, headers=head)).status_code == 415
        assert (await site.client.post(path, files=form, headers=head)).status_code == 415
        large = {**form, "answer": "x" * FORM_MAX_BYTES}
        assert (await site.post(path, large)).status_code == 413
        head |= {"content-type": "application/x-www-form-urlencoded"}
        for body in (f"csrf={form['csrf']}&a=1&a=2", "a", "csrf=%ff"):
            answer = await site.client.post(path, content=body, headers=head)
            assert answer.status_code in (400, 403)
        assert site.sent == []


@pytest.mark.parametrize(
    "headers",
    [{"sec-purpose": "prefetch"}, {"sec-fetch-dest": "image"}, {"sec-fetch-dest": "empty"}],
)
@pytest.mark.asyncio
async def test_a_glance_at_a_link_does_not_use_it_up(headers: dict[str, str]) -> None:
    async with small_site() as site:
        link = site.link()
        assert (await site.client.get(link, headers=headers)).status_code == 403
        assert (await site.client.head(link)).status_code == 403
        assert (await site.client.get(link)).status_code == 200


@pytest.mark.asyncio
async def test_every_answer_carries_the_headers() -> None:
    async with small_site() as site:
        path = await site.enter()
        wrong_host = {"host": "evil.example"}
        answers = [
            await site.client.get(site.link()),
            await site.client.get(path),
            await site.client.get("/"),
            await site.client.get("/static/pages.css"),
            await site.client.get("/static/../guard.py"),
            await site.client.get(path, headers=wrong_host),
            await site.client.delete(path),
        ]
        assert [one.status_code for one in answers] == [200, 200, 403, 200, 403, 421, 405]
        for answer in answers:
            assert HEADERS.items() <= dict(answer.headers).items()
            assert "server" not in answer.headers
        policy = HEADERS["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.asyncio
async def test_a_page_that_fails_says_nothing_of_why(caplog: pytest.LogCaptureFixture) -> None:
    async with small_site() as site:
        seen = await site.client.get(await site.enter("/fails"))
        assert seen.status_code == 500
        assert "secret" not in seen.text + caplog.text
        assert "RuntimeError" in caplog.text


@pytest.mark.asyncio
async def test_no_log_holds_a_link_or_a_cookie(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.CRITICAL)
    logging.getLogger("httpcore").setLevel(logging.CRITICAL)
    async with small_site() as site:
        link = site.link()
        await site.client.get(link)
        await site.client.get(link)
        token = link.partition("token=")[2]
        cookie = next(iter(site.client.cookies.jar)).value
        assert cookie
        assert token not in caplog.text
        assert token.partition(".")[2] not in caplog.text
        assert cookie not in caplog.text


@pytest.mark.asyncio
async def test_a_server_that_ended_leaves_its_port_and_its_sessions_behind() -> None:
    async with serve_pages([]) as pages, httpx.AsyncClient(trust_env=False) as client:
        link = pages.link("/", life_s=60, session_life_s=60)
        assert pages.origin.startswith("http://127.0.0.1:")
        assert (await client.get(link)).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await client.get(link.replace("127.0.0.1", "127.0.0.2"))
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(link)
