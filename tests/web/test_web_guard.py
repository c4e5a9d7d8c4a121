"""URLs, hosts and addresses in every spelling: who may be contacted and who may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.forms import PRIVATE_HOSTS
from tools.web.addresses import blocked_reason, normalise_host
from tools.web.guard import MAX_URL_CHARS, HostRules, check_address, check_url
from wallet.errors import ErrorKind, PurserError

OPEN = HostRules()


def refusal(url: str, rules: HostRules = OPEN) -> ErrorKind:
    with pytest.raises(PurserError) as caught:
        check_url(url, rules)
    return caught.value.kind


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_a_private_host_is_refused_in_every_spelling(host: str) -> None:
    assert refusal(f"https://{host}/") is ErrorKind.PRIVATE_ADDRESS
    assert refusal(f"http://{host}:8402/") is ErrorKind.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    "host",
    [
        "1.1.1.1",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "2a00:1450::5efe:808:808",
    ],
)
def test_a_public_address_passes_even_when_embedded(host: str) -> None:
    assert blocked_reason(host) is None
    check_address(host, "example.com", 443, OPEN)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "fe80::1%eth0", "2606:4700:4700::1111%1", "::ffff:10.0.0.1"),
        *("2002:a00:1::", "", "x", "1"),
    ],
)
def test_a_resolved_address_that_is_special_or_unreadable_is_refused(address: str) -> None:
    with pytest.raises(PurserError) as caught:
        check_address(address, "example.com", 443, OPEN)
    assert caught.value.kind is ErrorKind.PRIVATE_ADDRESS


@given(st.ip_addresses(v=4, network="10.0.0.0/8"), st.integers(0, 2**16 - 1))
def test_no_embedding_hides_a_private_address(inner: object, tail: int) -> None:
    value = int(inner)  # type: ignore[call-overload]
    forms = [
        0xFFFF << 32 | value,
        0x0064_FF9B << 96 | value,
        0x2002 << 112 | value << 80 | tail,
        0x2001_0000 << 96 | value << 64 | tail,
        0x2001_0000 << 96 | 0x0808_0808 << 64 | (value ^ 0xFFFF_FFFF),
        0x2A00_1450 << 96 | tail << 64 | 0x0000_5EFE << 32 | value,
        value,
    ]
    for form in forms:
        groups = [f"{form >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
        assert blocked_reason(":".join(groups)) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "ws://example.com/",
        "//example.com/",
        "http://example.com:443/",
    ],
)
def test_anything_but_https_is_insecure(url: str) -> None:
    assert refusal(url) is ErrorKind.INSECURE_URL


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a",
        "https:///a",
        "https://",
        "https:example.com",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@10.0.0.1/",
        "https://@example.com/",
        "https://exa mple.com/",
        "https://example.com/a b",
        " https://example.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com\\@10.0.0.1/",
        "https://example.com/\x00",
        "https://example.com/\ud800",
        "https://exa%6dple.com/",
        "https://%31%32%37.0.0.1/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:+443/",
        "https://example.com:4_43/",
        "https://example.com:４４３/",
        "https://example.com:443:443/",
        "https://example..com/",
        "https://.example.com/",
        "https://-example.com/",
        "https://example.com../",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 127 + "com/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://4294967296/",
        "https://09.1.1.1/",
        "https://example.1/",
        "https://[127.0.0.1]/",
        "https://[::1/",
        "https://[::g]/",
        "https://[v1.a]/",
        "https://[::1]x/",
        "https://*.example.com/",
        "https://xn--\u00fc.com/",
        "https://example.com/" + "a" * MAX_URL_CHARS,
    ],
)
def test_a_malformed_url_is_an_invalid_argument(url: str) -> None:
    assert refusal(url) is ErrorKind.INVALID_ARGUMENT


def test_a_target_is_normalised_and_loses_its_fragment() -> None:
    target = check_url("HTTPS://Bücher.Example.:443/a/b?q=1#part", OPEN)
    assert target.host == "xn--bcher-kva.example"
    assert target.origin == "https://xn--bcher-kva.example"
    assert target.url == "https://xn--bcher-kva.example/a/b?q=1"
    assert (target.scheme, target.port) == ("https", 443)
    assert check_url("https://example.com", OPEN).url == "https://example.com/"
    literal = check_url("https://[2606:4700:4700:0::1111]:8443/x", OPEN)
    assert literal.host == "2606:4700:4700::1111"
    assert literal.origin == "https://[2606:4700:4700::1111]:8443"


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_checked(text: str) -> None:
    try:
        target = check_url(f"https://{text}", OPEN)
    except PurserError:
        return
    assert normalise_host(target.host) == target.host
    assert check_url(target.url, OPEN) == target


ALLOW = HostRules(mode="allowlist", allow=("api.example.com", "*.shop.example", "bücher.example"))


@pytest.mark.parametrize(
    "host",
    [
        "api.example.com",
        "API.EXAMPLE.COM",
        "api.example.com.",
        "a.shop.example",
        "a.b.shop.example",
        "xn--bcher-kva.example",
        "BÜCHER.example",
    ],
)
def test_an_allowed_host_passes_in_any_spelling(host: str) -> None:
    check_url(f"https://{host}/", ALLOW)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "api.example.com.attacker.com",
        "evil-api.example.com",
        "api.example.co",
        "xapi.example.com",
        "shop.example",
        "evilshop.example",
        "shop.example.attacker.com",
        "аpi.example.com",
        "xn--pi-6kc.example.com",
    ],
)
def test_a_look_alike_host_is_not_allowed(host: str) -> None:
    assert refusal(f"https://{host}/", ALLOW) is ErrorKind.HOST_NOT_ALLOWED


def test_deny_wins_over_allow_and_over_private_ok() -> None:
    rules = HostRules(
        mode="allowlist",
        allow=("*.example.com", "127.0.0.1"),
        deny=("bad.example.com", "127.0.0.1"),
        private_ok=("127.0.0.1:8402",),
    )
    check_url("https://good.example.com/", rules)
    assert refusal("https://bad.example.com/", rules) is ErrorKind.HOST_NOT_ALLOWED
    assert refusal("http://127.0.0.1:8402/", rules) is ErrorKind.HOST_NOT_ALLOWED


def test_private_ok_opens_exactly_one_port_of_one_host() -> None:
    rules = HostRules(private_ok=("127.0.0.1:8402", "localhost:9000", "[::1]:8402"))
    assert check_url("http://127.0.0.1:8402/x", rules).origin == "http://127.0.0.1:8402"
    assert check_url("https://127.0.0.1:8402/", rules).scheme == "https"
    assert check_url("http://localhost:9000", rules).host == "localhost"
    assert check_url("http://[0::1]:8402/", rules).origin == "http://[::1]:8402"
    check_address("127.0.0.1", "localhost", 9000, rules)
    for url in ("http://127.0.0.1:8403/", "http://127.0.0.2:8402/", "http://localhost:8402/"):
        assert refusal(url, rules) is ErrorKind.PRIVATE_ADDRESS
    with pytest.raises(PurserError):
        check_address("127.0.0.1", "localhost", 9001, rules)
    with pytest.raises(PurserError):
        check_address("127.0.0.1", "rebound.example", 9000, rules)


@pytest.mark.parametrize(
    "entry", ["127.0.0.1", "localhost:", "localhost:0", "a:b", ":80", "::1:80"]
)
def test_a_private_ok_entry_without_host_and_port_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="host"):
        HostRules(private_ok=(entry,))


@pytest.mark.parametrize("pattern", ["*", "*.", "", "a b", "https://x.com", "*.1.2.3.4", "a.*.com"])
def test_a_pattern_that_is_no_host_stops_the_start(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        HostRules(deny=(pattern,))
