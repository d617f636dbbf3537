"""Which addresses a tool may reach."""

import ipaddress

import pytest

from podium import InvalidOption
from podium.tools.net import Reach, kind_of
from podium.tools.net_errors import AddressRefused, NotSent
from tests.harness import drive

PLAIN = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2001:4860:4860::8888"]
OTHERS = {
    "127.0.0.1": "loopback",
    "127.8.9.10": "loopback",
    "0.0.0.0": "loopback",
    "::1": "loopback",
    "::": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:a00:1": "private",
    "::7f00:1": "loopback",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "metadata",
    "2002:7f00:1::": "loopback",
    "2001:0:808:808:0:0:80ff:fffe": "loopback",
    "10.0.0.1": "private",
    "172.16.5.4": "private",
    "192.168.1.1": "private",
    "192.0.0.5": "private",
    "100.64.3.2": "private",
    "0.1.2.3": "private",
    "fd12:3456::1": "private",
    "fec0::1": "private",
    "169.254.1.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%2": "link-local",
    "169.254.169.254": "metadata",
    "169.254.170.2": "metadata",
    "fd00:ec2::254": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "255.255.255.255": "private",
    "240.0.0.1": "private",
    "192.0.2.1": "private",
}


def lead(reach: Reach, host: str) -> list[str]:
    """The addresses of a host that may be connected to."""
    return drive(reach.lead(host, 80))


def known(*addresses: str, allow: object = False) -> Reach:
    """A reach in which every name has these addresses."""

    async def resolver(host: str, port: int) -> list[str]:
        return list(addresses)

    reach = Reach.of(allow)  # type: ignore[arg-type]
    return Reach(reach.own, reach.hosts, reach.networks, resolver)


@pytest.mark.parametrize("address", PLAIN)
def test_public_addresses_are_reached(address: str) -> None:
    """An address that everybody can reach is no special one."""
    assert kind_of(ipaddress.ip_address(address)) is None
    assert lead(known(address), "a.example") == [address]


@pytest.mark.parametrize(("address", "kind"), OTHERS.items())
def test_others_are_refused_by_their_kind(address: str, kind: str) -> None:
    """Loopback, private, link-local, metadata, and IPv6 addresses that lead to one of these."""
    assert kind_of(ipaddress.ip_address(address)) == kind
    with pytest.raises(AddressRefused, match=rf"'a.example' leads to .*, a {kind} address"):
        lead(known(address), "a.example")


def test_only_what_may_be_reached_is_left() -> None:
    """Of several addresses of a name those are taken that may be reached."""
    assert lead(known("10.0.0.1", "8.8.8.8", "::1"), "a.example") == ["8.8.8.8"]


def test_true_allows_loopback_and_private_only() -> None:
    """`allow_private=True` is no way to the metadata of a cloud."""
    assert lead(known("10.0.0.1", "127.0.0.1", "::1", allow=True), "a.example") == [
        "10.0.0.1",
        "127.0.0.1",
        "::1",
    ]
    for address in ("169.254.169.254", "fd00:ec2::254", "169.254.1.1", "64:ff9b::a9fe:a9fe"):
        with pytest.raises(AddressRefused):
            lead(known(address, allow=True), "a.example")


def test_what_is_named_may_be_reached() -> None:
    """Names, addresses and networks; a name in any case, with a dot at its end."""
    allow = ["Orders.Internal", "10.9.9.9", "192.168.0.0/16", "fd00::/8"]

    assert lead(known("10.0.0.1", allow=allow), "orders.internal.") == ["10.0.0.1"]
    assert lead(known("10.9.9.9", allow=allow), "x.example") == ["10.9.9.9"]
    assert lead(known("192.168.3.4", allow=allow), "x.example") == ["192.168.3.4"]
    assert lead(known("fd00::7", allow=allow), "x.example") == ["fd00::7"]
    assert lead(known("169.254.169.254", allow="169.254.169.254"), "169.254.169.254")
    with pytest.raises(AddressRefused):
        lead(known("10.0.0.1", allow=allow), "x.example")
    with pytest.raises(AddressRefused):
        lead(known("10.0.0.1", allow="internal"), "orders.internal")


def test_numbers_that_are_addresses_are_looked_up_too() -> None:
    """2130706433, 0x7f.1 and 017700000001 are loopback to the C library, and so to the check."""
    for host in ("2130706433", "0x7f.1", "017700000001", "127.1"):
        with pytest.raises(AddressRefused):
            lead(Reach(), host)


def test_a_name_without_address_was_not_sent_to() -> None:
    """No address is no attempt to connect."""
    with pytest.raises(NotSent, match=r"No address of host 'a\.invalid' is known"):
        lead(Reach(), "a.invalid")
    with pytest.raises(NotSent, match="No address of host"):
        lead(known(), "a.example")
    with pytest.raises(NotSent):
        lead(Reach(), f"{'a' * 64}.example")


@pytest.mark.parametrize("wrong", [["10.0.0.0/99"], [""], [7]])
def test_what_makes_no_sense_is_refused(wrong: object) -> None:
    """The option is read when the tool is defined."""
    with pytest.raises(InvalidOption, match="allow_private="):
        Reach.of(wrong)  # type: ignore[arg-type]
