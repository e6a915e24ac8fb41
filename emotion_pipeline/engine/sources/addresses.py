"""Addresses: which parts of one may be shown, and which machines one may lead to. Nothing is requested here.

``shown`` is the only form of an address that a message, a log or a table may hold. ``checked_addresses`` is called
before every connection, also after a redirect, and the connection is made to an address that it returned: a name that
is resolved twice may lead to two machines.
"""

import hashlib
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

from emotion_pipeline.engine.sources.base import FoundRecording, Network
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason

_IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# Replaces a secret.
HIDDEN: Final = "***"

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

# Schemes in which the name before the @ is a container of the store, not a user.
_CONTAINER_FIRST: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})

_PASSWORD_PARTS: Final = ("password", "passwd", "passphrase", "pwd")
# A query parameter whose name, without punctuation, contains one of these is a secret.
_SECRET_PARTS: Final = (*_PASSWORD_PARTS, "signature", "token", "secret", "credential", "apikey", "accesskey")

# A query parameter whose name, without punctuation, is one of these is a secret or names a person.
_SECRET_NAMES: Final = frozenset(
    {"auth", "authorization", "awsaccesskeyid", "bearer", "code", "googleaccessid", "hdnea", "hdntl", "hdnts", "hmac"}
    | {"jwt", "key", "keypairid", "pass", "policy", "session", "sessionid", "sid", "sig", "ticket", "user", "username"}
)

_JSON_WEB_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_INNER_USER: Final = re.compile(r"//[^/?#]*@")
# Parameters of an address inside a parameter, as in ``?url=https://example.org/a.mp3?sig=...``.
_INNER_PARAMETER: Final = re.compile(r"[?&;]([^?&;=]+)=([^&;]*)")

# All public IPv6 addresses that have been assigned so far (RFC 4291, section 2.4).
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")

# RFC 6052: the last 32 bits are the IPv4 address that is really reached.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# Not public, although not every release of Python's ``ipaddress`` knows it.
_ALSO_PRIVATE: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("168.63.129.16/32"),  # a public address by number: the host agent of Azure's machines
    ipaddress.IPv4Network("192.0.0.0/24"),  # IETF protocol assignments; Oracle's clouds keep metadata here
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays from IPv6, given up by RFC 7526
    ipaddress.IPv6Network("2001::/23"),  # IETF protocol assignments, Teredo among them
    ipaddress.IPv6Network("3fff::/20"),  # documentation, RFC 9637
)


def scheme_of(address: str) -> str:
    """Return the scheme in small letters, as in ``https`` or ``ytdlp+https``; empty for a path."""
    match = _SCHEME.match(address)
    return match.group(1).lower() if match else ""


def shown(address: str) -> str:
    """Return an address without user name and password, and with the values of secret parameters replaced.

    A web address also loses its fragment, which no server sees. A path and a ``file://`` address hold no secrets
    and come back as they are.
    """
    return _rewritten(address, _is_secret, complete=False)


def name_of(address: str) -> str:
    """Return ``shown(address)``, and where that hides something a short digest that tells such addresses apart.

    Keys and signatures are long and random and cannot be found from a digest; passwords can, so they are left out.
    """
    visible = shown(address)
    identity = _rewritten(address, _is_password, complete=True)
    if visible == identity:
        return visible
    return f"{visible}#{hashlib.sha256(identity.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def recording_at(address: str) -> FoundRecording:
    """Return the recording at an address, about which nothing else is known before it is fetched."""
    return FoundRecording(name_of(address), shown(address), address)


def checked_addresses(host: str, port: int, allowed_networks: Sequence[Network]) -> list[str]:
    """Return the IP addresses of ``host`` that may be connected to, at least one, in the order to try them.

    Private, loopback, link-local, shared (RFC 6598), multicast, reserved and unspecified addresses, metadata services
    of clouds and IPv6 addresses that lead to such an IPv4 one are refused unless in one of ``allowed_networks``.

    :param host: a name, or an IPv4 or IPv6 address, the latter with or without brackets
    :raises FetchError: BLOCKED_ADDRESS where none may be reached, UNREACHABLE where the name cannot be resolved
    """
    try:
        entries = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that is empty or too long
        raise FetchError(FetchReason.UNREACHABLE, f"the name {host} cannot be resolved; check the address") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    reachable = [address for address in addresses if may_be_reached(address, allowed_networks)]
    if not reachable:
        raise FetchError(
            FetchReason.BLOCKED_ADDRESS,
            f"{host} leads to {', '.join(addresses)}, which is not public; "
            "to allow it, name its network in sources.allowed_networks",
        )
    return reachable


def may_be_reached(address: str, allowed_networks: Sequence[Network]) -> bool:
    """Return whether an IP address is public or lies in an allowed network. Raises ValueError for another text."""
    outer = ipaddress.ip_address(address)
    inner = _embedded(outer) if isinstance(outer, ipaddress.IPv6Address) else None
    if any(ip in network for network in allowed_networks for ip in (outer, inner) if ip is not None):
        return True
    return _is_public(inner or outer)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that packets to this one end at: mapped into IPv6, translated (NAT64) or 6to4."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_public(address: _IPAddress) -> bool:
    if any(address in network for network in _ALSO_PRIVATE):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _rewritten(address: str, hides: Callable[[str, str], bool], *, complete: bool) -> str:
    """Return an address without what ``hides`` names, and without its password; ``complete`` keeps all the rest."""
    scheme = scheme_of(address)
    if scheme in {"", "file"}:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no address: its parts are unknown, so nothing is shown
        return address if complete else f"{scheme}://{HIDDEN}"
    user, at, host = parts.netloc.rpartition("@")
    if user and not complete and scheme not in _CONTAINER_FIRST:
        at = user = ""
    # Only on the web does a # begin a fragment; in an object's name it is a character like others.
    is_web = scheme.rpartition("+")[2] in {"http", "https"}
    fragment = parts.fragment if complete or not is_web else ""
    query = "".join(_parameter(pair, hides) for pair in re.split("([&;])", parts.query))
    return urlunsplit((parts.scheme, f"{user.partition(':')[0]}{at}{host}", parts.path, query, fragment))


def _parameter(pair: str, hides: Callable[[str, str], bool]) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={HIDDEN}" if equals and hides(unquote(name), unquote(value)) else pair


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_secret(name: str, value: str) -> bool:
    plain = _plain(name)
    if plain in _SECRET_NAMES or any(part in plain for part in _SECRET_PARTS):
        return True
    if _JSON_WEB_TOKEN.match(value) or _INNER_USER.search(value):
        return True
    return any(_is_secret(inner, unquote(content)) for inner, content in _INNER_PARAMETER.findall(value))


def _is_password(name: str, value: str) -> bool:
    plain = _plain(name)
    return plain == "pass" or any(part in plain for part in _PASSWORD_PARTS)
