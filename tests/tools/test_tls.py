"""Tools over HTTPS: the certificate is that of the name, whatever address it leads to."""

import ssl

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from podium.tools.http import http_tool
from podium.tools.net import Reach
from podium.tools.net_errors import AddressRefused, NotSent
from tests.harness import drive, fresh_names
from tests.tools.services import Answer, Service, service


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who vouches for certificates."""
    return trustme.CA()


@pytest.fixture
def shop(authority: trustme.CA) -> Iterator[Service]:
    """A service with the certificate of shop.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example").configure_cert(context)
    plain = Answer(302, b"", {"location": "http://shop.example/"})
    with service(lambda seen: plain if seen.path == "/down" else "here", context) as there:
        yield there


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one that this machine trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


async def here(host: str, port: int) -> list[str]:
    """Every name leads to loopback."""
    return ["127.0.0.1"]


HERE = Reach(own=True, resolver=here)


@pytest.mark.usefixtures("trusted")
def test_the_certificate_of_the_name_is_right(shop: Service) -> None:
    """The connection goes to an address, the certificate is that of the name."""
    tool = http_tool("get", url=f"https://shop.example:{shop.port}/", allow_private=HERE)

    assert drive(tool()) == "here"
    assert shop.seen[0].headers["host"] == f"shop.example:{shop.port}"


@pytest.mark.usefixtures("trusted")
def test_the_certificate_of_another_name_is_wrong(shop: Service) -> None:
    """A name that leads to somebody else's service gets nothing from it, and nothing to it."""
    tool = http_tool("get", url=f"https://bank.example:{shop.port}/", allow_private=HERE)
    with pytest.raises(NotSent, match=r"(?i)hostname mismatch"):
        drive(tool())

    assert shop.seen == []


def test_nobody_vouches_for_the_certificate(shop: Service) -> None:
    """Nothing is sent to a service that cannot say who it is."""
    tool = http_tool("get", url=f"https://shop.example:{shop.port}/", allow_private=HERE)
    with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        drive(tool())

    assert shop.seen == []


@pytest.mark.usefixtures("trusted")
def test_a_redirect_does_not_leave_https(shop: Service) -> None:
    """From https it leads to https only."""
    tool = http_tool("get", url=f"https://shop.example:{shop.port}/down", allow_private=HERE)
    with pytest.raises(AddressRefused, match="from https only to https"):
        drive(tool())
