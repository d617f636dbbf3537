"""Which addresses a tool may reach.

A name in a URL is looked up once, each address it has is judged, and the connection is made to an
address that was judged, not to the name: a name whose address changes in between leads nowhere else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from podium.core.errors import InvalidOption
from podium.tools.net_errors import AddressRefused, NotSent

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a host, best first; raises :class:`OSError` where it has none."""

_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200",
         "168.63.129.16", "192.0.0.192"),
    )
)  # fmt: skip
"""Where clouds tell a machine who it is, some of them at public addresses."""
_PRIVATE: Final = tuple(map(ipaddress.ip_network, ("100.64.0.0/10", "192.0.0.0/24", "fec0::/10")))
"""What is not reached from outside either, and what older Pythons take for public."""
_V4_INSIDE: Final = tuple(map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")))
"""IPv6 addresses whose last four bytes are the IPv4 address that they lead to."""
_OWN_KINDS: Final = frozenset({"loopback", "private"})


async def addresses_of(host: str, port: int) -> list[str]:
    """Look a host up as this machine does.

    Raises:
        OSError: It has no address.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Reach:
    """What a tool may connect to; public addresses always.

    Attributes:
        own: Whether loopback and private addresses too.
        hosts: Names and addresses that it may reach whatever they are.
        networks: … and whole networks.
        resolver: How names become addresses.
    """

    own: bool = False
    hosts: frozenset[str] = frozenset()
    networks: frozenset[Network] = frozenset()
    resolver: Resolver = addresses_of

    @classmethod
    def of(cls, allow_private: bool | str | Iterable[str] | Reach) -> Reach:
        """Return what ``allow_private=`` says.

        Raises:
            InvalidOption: It says nothing that makes sense.
        """
        if isinstance(allow_private, Reach):
            return allow_private
        if isinstance(allow_private, bool):
            return cls(own=allow_private)
        given = [allow_private] if isinstance(allow_private, str) else list(allow_private)
        if not all(isinstance(one, str) and one.strip() for one in given):
            raise InvalidOption(
                f"allow_private={allow_private!r}: expected True, or names, addresses and networks "
                "such as 'orders.internal', '10.1.2.3' or '10.0.0.0/8'."
            )
        networks = frozenset(_network(one) for one in given if "/" in one)
        return cls(
            hosts=frozenset(_plain(one) for one in given if "/" not in one), networks=networks
        )

    async def lead(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be connected to, best first.

        Raises:
            NotSent: The host has no address.
            AddressRefused: It has none that may be reached.
        """
        try:
            found = await self.resolver(host, port)
        except (OSError, UnicodeError) as problem:
            raise NotSent(f"No address of host {host!r} is known: {problem}") from problem
        judged = [(one, self._refusal(host, one)) for one in found]
        allowed = [one for one, refusal in judged if refusal is None]
        if allowed:
            return allowed
        if not judged:
            raise NotSent(f"No address of host {host!r} is known.")
        address, kind = judged[0]
        raise AddressRefused(
            f"Host {host!r} leads to {address}, a {kind} address, which this tool may not reach. "
            f"If it is meant to: allow_private=[{host!r}]."
        )

    def _refusal(self, host: str, text: str) -> str | None:
        """Return the kind of an address that may not be reached."""
        address = ipaddress.ip_address(text)
        kind = kind_of(address)
        if kind is None or (self.own and kind in _OWN_KINDS):
            return None
        if {_plain(host), str(address)} & self.hosts or any(
            address in one for one in self.networks
        ):
            return None
        return kind


def kind_of(address: Address) -> str | None:
    """Return what an address is if it is not a plain public one."""
    inner = _inner(address)
    if inner is not None:
        return kind_of(inner)
    if address in _METADATA:
        return "metadata"
    if address.is_loopback or address.is_unspecified:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if address.is_private or any(address in one for one in _PRIVATE):
        return "private"
    return "reserved" if address.is_reserved or not address.is_global else None


def _inner(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address leads to, if it is one of these."""
    if isinstance(address, ipaddress.IPv4Address) or address in _LOCAL_V6:
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in one for one in _V4_INSIDE):
        return ipaddress.IPv4Address(address.packed[-4:])
    return None


_LOCAL_V6: Final = frozenset({ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")})


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").casefold()


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as problem:
        raise InvalidOption(f"allow_private={text!r} is no network: {problem}.") from None
