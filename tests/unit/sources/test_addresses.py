"""What of an address is shown, and which machines one may lead to."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion_pipeline.engine.sources.addresses import checked_addresses, may_be_reached, name_of, scheme_of, shown
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "address",
    [
        "https://ada:s3cr3t@example.org/a.mp3",
        "https://s3cr3t@example.org/a.mp3",
        "https://ada:p@s3cr3t@example.org/a.mp3",
        "ytdlp+https://ada:s3cr3t@example.org/watch?v=1",
        "https://bucket.s3.amazonaws.com/a.mp3?X-Amz-Date=20261102T080000Z&X-Amz-Signature=s3cr3t",
        "https://bucket.s3.amazonaws.com/a.mp3?x-amz-security-token=s3cr3t",
        "https://bucket.s3.amazonaws.com/a.mp3?X-Amz-Credential=s3cr3t%2F20261102%2Feu-central-1",
        "https://storage.googleapis.com/b/a.mp3?X-Goog-Signature=s3cr3t",
        "https://account.blob.core.windows.net/c/a.mp3?sv=2024-11-04&se=2026-12-01&sig=s3cr3t",
        "https://cdn.example.org/a.mp3?Expires=1&Signature=s3cr3t&Key-Pair-Id=s3cr3t",
        "https://example.org/a.mp3?access_token=s3cr3t",
        "https://example.org/a.mp3?token=s3cr3t;api-key=s3cr3t",
        "https://example.org/a.mp3?API_KEY=s3cr3t",
        "https://example.org/a.mp3?api%5Fkey=s3cr3t",
        "https://example.org/a.mp3?client_secret=s3cr3t",
        "https://example.org/a.mp3?password=s3cr3t",
        "https://example.org/a.mp3?t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3t",
        "https://example.org/get?url=https%3A%2F%2Fexample.org%2Fa.mp3%3Fsig%3Ds3cr3t",
        "https://example.org/get?url=https%3A%2F%2Fada%3As3cr3t%40example.org%2Fa.mp3",
        "https://example.org/a.mp3#access_token=s3cr3t",
        "https://[s3cr3t@example.org/a.mp3",
        "abfs://container:s3cr3t@account.dfs.core.windows.net/a.mp3",
        "s3://AKIA:s3cr3t@bucket/a.mp3",
    ],
)
def test_what_is_secret_in_an_address_is_not_shown(address: str) -> None:
    assert SECRET not in shown(address)
    assert SECRET not in name_of(address)
    assert shown(shown(address)) == shown(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PL1&t=10s",
        "https://example.org:8443/a%20b.mp3?Expires=1790000000&X-Amz-Date=20261102T080000Z&X-Amz-Algorithm=AWS4",
        "http://[2001:db8::1]:80/a.mp3",
        "s3://bucket/calls/a#1.wav",
        "abfs://container@account.dfs.core.windows.net/calls/a.wav",
        "snowflake://@db.schema.stage/calls/a.wav",
        "memory://calls/a.wav",
        "/data/calls/what?token=1#2.wav",
        "calls/a.wav",
        "file:///data/a%20b.wav",
    ],
)
def test_what_is_no_secret_stays_as_it_is(address: str) -> None:
    assert shown(address) == address
    assert name_of(address) == address


def test_addresses_that_differ_in_what_is_hidden_have_different_names() -> None:
    shared = "https://example.org/a.mp3"
    names = {name_of(f"{shared}?key={key}") for key in ("one", "two")} | {name_of(f"{shared}#{n}") for n in (1, 2)}
    names |= {name_of(f"https://{user}@example.org/a.mp3") for user in ("ada", "bob")}
    assert len(names) == 6
    assert name_of(f"{shared}?key=one") == name_of(f"{shared}?key=one")


def test_a_password_cannot_be_guessed_from_a_name() -> None:
    assert name_of("https://ada:one@example.org/a.mp3") == name_of("https://ada:two@example.org/a.mp3")
    assert name_of("https://example.org/a.mp3?pwd=one") == name_of("https://example.org/a.mp3?pwd=two")


@given(st.text())
def test_any_text_can_be_shown_and_named(text: str) -> None:
    for address in (text, f"https://{text}", f"https://example.org/{text}", f"https://example.org/?{text}"):
        assert isinstance(shown(address), str)
        assert name_of(address).startswith(shown(address))


@given(st.from_regex(r"[A-Za-z0-9._~-]{12,40}", fullmatch=True))
def test_no_password_is_ever_shown(password: str) -> None:
    assert password not in shown(f"https://ada:{password}@example.org/a.mp3")


@pytest.mark.parametrize(
    ("address", "scheme"),
    [
        ("HTTPS://example.org", "https"),
        ("ytdlp+https://x", "ytdlp+https"),
        ("/a/b", ""),
        ("C:/calls/a.wav", ""),
        ("simplecache::s3://b/k", ""),
        ("a b://c", ""),
    ],
)
def test_the_scheme_is_what_stands_before_the_slashes(address: str, scheme: str) -> None:
    assert scheme_of(address) == scheme


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:830::200e"])
def test_public_addresses_may_be_reached(address: str) -> None:
    assert may_be_reached(address, ())


PRIVATE = {
    "this network": "0.0.0.0",
    "this network, another": "0.1.2.3",
    "private, 10": "10.1.2.3",
    "private, 172": "172.31.255.255",
    "private, 192": "192.168.0.1",
    "shared by carriers": "100.64.0.1",
    "metadata of Alibaba": "100.100.100.200",
    "loopback": "127.8.9.10",
    "link-local, metadata": "169.254.169.254",
    "host agent of Azure": "168.63.129.16",
    "metadata of Oracle": "192.0.0.192",
    "documentation": "203.0.113.5",
    "benchmarks": "198.18.0.1",
    "relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast, global": "239.1.1.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified, 6": "::",
    "loopback, 6": "::1",
    "compatible": "::8.8.8.8",
    "mapped": "::ffff:10.0.0.1",
    "mapped loopback": "::ffff:127.0.0.1",
    "NAT64": "64:ff9b::a9fe:a9fe",
    "NAT64, local": "64:ff9b:1::a00:1",
    "discard": "100::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "6to4": "2002:c0a8:1::1",
    "documentation, 6": "2001:db8::1",
    "documentation, new": "3fff::1",
    "unique local": "fd12:3456::1",
    "metadata of Amazon, 6": "fd00:ec2::254",
    "link-local, 6": "fe80::1",
    "link-local with a zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "multicast, 6": "ff02::1",
    "segment routing": "5f00::1",
}


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE)
def test_an_address_that_is_not_public_may_not_be_reached(address: str) -> None:
    assert not may_be_reached(address, ())
    assert not may_be_reached(address, (ip_network("8.8.8.0/24"), ip_network("2606::/16")))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("::1", "::1/128"),
        ("fd12:3456::1", "fd12:3456::/32"),
        ("::ffff:10.0.0.1", "10.0.0.0/8"),
        ("64:ff9b::a00:1", "10.0.0.0/8"),
        ("2002:a00:1::", "2002::/16"),
    ],
)
def test_a_network_that_is_named_may_be_reached(address: str, network: str) -> None:
    assert may_be_reached(address, (ip_network(network),))


@given(st.ip_addresses(v=4))
def test_an_ipv6_address_that_leads_to_an_ipv4_one_is_judged_like_it(address: IPv4Address) -> None:
    judged = may_be_reached(str(address), ())
    number = int(address)
    mapped, translated = IPv6Address(0xFFFF << 32 | number), IPv6Address(0x0064_FF9B << 96 | number)
    six_to_four = IPv6Address(0x2002 << 112 | number << 80 | 1)
    assert {may_be_reached(str(address), ()) for address in (mapped, translated, six_to_four)} == {judged}


@given(st.ip_addresses())
def test_what_python_knows_as_private_is_never_reached(address: IPv4Address | IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        assert mapped is not None or not may_be_reached(str(address), ())


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost", "[::1]", "::1", "0"])
def test_this_machine_is_found_out_however_it_is_written(host: str) -> None:
    with pytest.raises(FetchError, match=r"sources\.allowed_networks") as caught:
        checked_addresses(host, 80, ())
    assert caught.value.reason is FetchReason.BLOCKED_ADDRESS


def test_only_the_allowed_addresses_of_a_name_are_returned() -> None:
    assert checked_addresses("localhost", 80, (ip_network("127.0.0.0/8"),)) == ["127.0.0.1"]


def test_a_public_address_needs_no_name() -> None:
    assert checked_addresses("93.184.216.34", 443, ()) == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["recordings.invalid", "a..b", "x" * 70 + ".org", ""])
def test_a_name_that_leads_nowhere_is_unreachable_or_blocked(host: str) -> None:
    with pytest.raises(FetchError) as caught:
        checked_addresses(host, 80, ())
    assert caught.value.reason in {FetchReason.UNREACHABLE, FetchReason.BLOCKED_ADDRESS}
