"""What a fetch may connect to: the address is checked after the name is resolved, and then used."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
# Public by their form: Azure's platform in every network, and addresses that Python 3.11 does not know as reserved.
_PLATFORM: tuple[Network, ...] = (
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.0/24"),
)


class Refused(Exception):
    """The name resolves to nothing, or to an address inside the network."""


def is_public(text: str, own: Iterable[Network] = ()) -> bool:
    """Return whether the address is on the public internet, also if it hides an IPv4 address in an IPv6 one.

    ``own`` are your public ranges: services there may trust a request because it comes from the proxy.
    """
    ip = ipaddress.ip_address(text)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour or ip.teredo or ip in _NAT64 or ip in _NAT64_LOCAL or ip.is_site_local:
            return False  # tunnels are not needed, and each carries a second address
        if ip.ipv4_mapped:
            ip = ip.ipv4_mapped
    if any(ip in network for network in (*_PLATFORM, *own)):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


# --8<-- [start:pinned]
def pinned(host: str, resolve: Callable[[str], Iterable[str]], own: Iterable[Network] = ()) -> str:
    """Return the one address to connect to; raise Refused if any answer is not public.

    Connect to this address, with ``host`` only in SNI, certificate check and Host header.
    Resolving again is what DNS rebinding waits for. A redirect is a new call to the gate.
    """
    answers, own = list(resolve(host)), tuple(own)
    if not answers:
        raise Refused(f"{host} resolves to nothing")
    for answer in answers:
        if not is_public(answer, own):
            raise Refused(f"{host} resolves to {answer}, which is not public")
    return answers[0]


# --8<-- [end:pinned]
