"""Certificates: verified against the name, and nothing sent where they fail."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.web.loopback import PAYMENT, Seen, always, http, refused, serve
from tools.web.guard import HostRules
from tools.web.http import WebClient, WebExchange
from wallet.errors import ErrorKind
from wallet.exchange import NeverSentError, WebRequest


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test seller")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "seller.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, path


async def loopback_name(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.mark.asyncio
async def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    server, _ = certificate(tmp_path, "seller.example")
    async with serve(always(402), server) as site:
        rules = HostRules(private_ok=(f"seller.example:{site.port}",))
        async with WebClient(rules, "t", resolver=loopback_name) as client:
            url = f"https://seller.example:{site.port}/"
            exchange = WebExchange(client, WebRequest("GET", url))
            assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
            with pytest.raises(NeverSentError):
                await exchange.pay(PAYMENT)
    assert site.seen == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("asked", "works"), [("seller.example", True), ("other.example", False)])
async def test_a_certificate_is_checked_against_the_name_not_the_address(
    tmp_path: Path, asked: str, works: bool
) -> None:
    server, path = certificate(tmp_path, "seller.example")
    async with serve(always(body=b"goods"), server) as site:
        rules = HostRules(private_ok=(f"{asked}:{site.port}",))
        verify = ssl.create_default_context(cafile=path)
        async with WebClient(rules, "t", resolver=loopback_name, verify=verify) as client:
            url = f"https://{asked}:{site.port}/"
            exchange = WebExchange(client, WebRequest("GET", url))
            if works:
                assert (await exchange.ask()).body == b"goods"
            else:
                assert (await refused(exchange)).kind is ErrorKind.UPSTREAM_ERROR
                assert site.seen == []


@pytest.mark.asyncio
async def test_https_is_never_downgraded_even_to_a_listed_seller(tmp_path: Path) -> None:
    server, path = certificate(tmp_path, "seller.example")
    async with (
        serve(always()) as plain,
        serve(always(302, [("Location", plain.url())]), server) as site,
    ):
        rules = HostRules(private_ok=(f"seller.example:{site.port}", plain.authority))
        verify = ssl.create_default_context(cafile=path)
        async with WebClient(rules, "t", resolver=loopback_name, verify=verify) as client:
            url = f"https://seller.example:{site.port}/"
            error = await refused(WebExchange(client, WebRequest("GET", url)))
    assert error.kind is ErrorKind.INSECURE_URL
    assert plain.connections == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("location", ["/b", "https://seller.example:{port}/b"])
async def test_a_listed_seller_may_redirect_within_itself(tmp_path: Path, location: str) -> None:
    async def reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
        there = location.format(port=site.port)
        writer.write(http(302, [("Location", there)]) if seen.path == "/a" else http(body=b"goods"))

    server, path = certificate(tmp_path, "seller.example")
    async with serve(reply, server) as site:
        rules = HostRules(private_ok=(f"seller.example:{site.port}",))
        verify = ssl.create_default_context(cafile=path)
        async with WebClient(rules, "t", resolver=loopback_name, verify=verify) as client:
            url = f"https://seller.example:{site.port}/a"
            assert (await WebExchange(client, WebRequest("GET", url)).ask()).body == b"goods"
