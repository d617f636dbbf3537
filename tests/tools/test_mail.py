"""Mail, through a server on loopback."""

import asyncio
import email
import email.policy
import socket
import ssl
import threading

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from podium import InputInvalid, InvalidOption, Podium, Retry, StepFailed, Task, workflow
from podium.tools.mail import mail_tool
from podium.tools.net_errors import ArgumentRefused, ConnectionBroken, MailRefused, NotSent
from tests.harness import drive, fresh_names, until
from tests.tools.services import closed_port

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _names() -> Iterator[None]:
    with fresh_names():
        yield


class Post:
    """What a mail server took, and what it says at each step."""

    def __init__(self, **says: str) -> None:
        self.says = says
        self.taken: list[Envelope] = []
        self.begun = 0

    async def handle_MAIL(  # noqa: N802 - the server's name for it
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.begun += 1
        if "mail" in self.says:
            return self.says["mail"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - as above
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        said = self.says.get(f"rcpt_{address.partition('@')[0]}", "250 OK")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        said = self.says.get("data", "250 OK")
        if said.startswith("250"):
            self.taken.append(envelope)
        return said

    def message(self) -> EmailMessage:
        """The only message."""
        (envelope,) = self.taken
        assert isinstance(envelope.content, bytes)
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


@contextmanager
def office(post: Post, **options: Any) -> Iterator[int]:
    """A mail server; gives its port."""
    context = options.pop("ssl_context", None)
    started, ended = threading.Event(), threading.Event()
    port: list[int] = []

    async def serve() -> None:
        def protocol() -> SMTP:
            return SMTP(post, hostname="mail.example", loop=loop, **options)

        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=context)
        port.append(server.sockets[0].getsockname()[1])
        started.set()
        await asyncio.to_thread(ended.wait)
        server.close()
        for _ in range(100):  # conversations that are ending end
            await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(20)
    try:
        yield port[0]
    finally:
        ended.set()
        thread.join()


def mailer(port: int, name: str = "mail", **options: Any) -> Task[..., Any, Any]:
    """A tool that sends mail through a server on loopback."""
    given = {"host": "127.0.0.1", "sender": "Shop <shop@example.org>", "security": "none"}
    return mail_tool(name, port=port, **{**given, **options})


def send(tool: Task[..., Any, Any], **arguments: Any) -> Any:
    """Send a message."""
    return drive(tool(**{"to": ["ann@example.org"], "subject": "Hi", "text": "Hello", **arguments}))


def test_a_message_arrives_as_it_was_written() -> None:
    """Text and HTML, names and words in any script, copies that nobody sees."""
    post = Post()
    with office(post) as port:
        done = send(
            mailer(port, sender="Größe & Söhne <shop@größe.example>"),
            to=["Ann Ü <ann@example.org>", "bob@example.org"],
            cc=["carl@example.org"],
            bcc=["ann@example.org", "eve@example.org"],
            reply_to="help@example.org",
            subject="Größe ☂ " + "lang " * 40,
            text=".punkt\n..zwei\nFrom here\n☂\n" + "x" * 2000,
            html="<p>☂</p>",
        )

    (envelope,) = post.taken
    message = post.message()
    assert envelope.rcpt_tos == done["recipients"]
    assert done["recipients"] == [
        "ann@example.org", "bob@example.org", "carl@example.org", "eve@example.org",
    ]  # fmt: skip
    assert envelope.mail_from == "shop@xn--gre-6ka8i.example"
    assert str(message["from"]) == "Größe & Söhne <shop@xn--gre-6ka8i.example>"
    assert str(message["to"]) == "Ann Ü <ann@example.org>, bob@example.org"
    assert str(message["cc"]) == "carl@example.org"
    assert message["bcc"] is None
    assert str(message["reply-to"]) == "help@example.org"
    assert str(message["subject"]) == "Größe ☂ " + "lang " * 40
    assert message["message-id"] == done["message_id"]
    assert message["date"] is not None
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert (
        plain.get_content().replace("\r\n", "\n")
        == ".punkt\n..zwei\nFrom here\n☂\n" + "x" * 2000 + "\n"
    )
    assert html.get_content().strip() == "<p>☂</p>"
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    assert max(map(len, envelope.content.split(b"\r\n"))) <= 998


INJECTIONS: list[dict[str, Any]] = [
    {"subject": "Hi\r\nBcc: eve@example.org"},
    {"subject": "Hi\nX: y"},
    {"subject": "Hi\0"},
    {"to": ["ann@example.org\r\nRCPT TO:<eve@example.org>"]},
    {"to": ["ann@example.org\nBcc: eve@example.org"]},
    {"to": ["Ann\r\nBcc: eve@example.org <ann@example.org>"]},
    {"to": ["ann@example.org, eve@example.org"]},
    {"to": ["ann@example.org> BODY=8BITMIME"]},
    {"to": ["ann"]},
    {"to": [""]},
    {"to": ["@example.org"]},
    {"to": ["ann@"]},
    {"to": ["a b@example.org"]},
    {"to": ["ann@exa mple.org"]},
    {"to": [f"ann@{'ü' * 80}.example"]},
    {"cc": ["x\r\n.\r\nMAIL FROM:<eve@example.org>"]},
    {"reply_to": "a@b.example\r\nX: y"},
]


@pytest.mark.parametrize("arguments", INJECTIONS, ids=str)
def test_nothing_breaks_out_of_its_place(arguments: dict[str, Any]) -> None:
    """A line break in an address or a subject is refused before anything is sent."""
    post = Post()
    with office(post) as port:
        with pytest.raises(ArgumentRefused):
            send(mailer(port), **arguments)

    assert post.begun == 0


def test_text_stays_text() -> None:
    """What looks like the end of a message, or like another one, is text."""
    text = "a\r\n.\r\nMAIL FROM:<eve@example.org>\r\n.\n.\r\n\0"
    post = Post()
    with office(post) as port:
        send(mailer(port), text=text)

    body = post.message().get_content()
    assert body.replace("\r\n", "\n").rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert post.begun == 1


def test_addresses_beyond_ascii() -> None:
    """They are sent to a server that takes them."""
    post = Post()
    with office(post, enable_SMTPUTF8=True) as port:
        send(mailer(port), to=["Ü <ü@example.org>"])
    with office(Post(), enable_SMTPUTF8=False) as port:
        with pytest.raises(MailRefused, match="only addresses of ASCII"):
            send(mailer(port, "narrow"), to=["ü@example.org"])

    assert post.taken[0].rcpt_tos == ["ü@example.org"]
    assert str(post.message()["to"]) == "Ü <ü@example.org>"
    assert "SMTPUTF8" in post.taken[0].mail_options


# failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "kind", "words"),
    [
        ({"mail": "550 no"}, MailRefused, "refused the sender: 550 no"),
        ({"mail": "451 later"}, NotSent, "refused the sender: 451 later"),
        ({"rcpt_bob": "550 who"}, MailRefused, "refused the recipient bob@example.org: 550 who"),
        ({"rcpt_bob": "450 later"}, NotSent, "450 later"),
        ({"data": "554 spam"}, MailRefused, "refused the message: 554 spam"),
        ({"data": "451 later"}, NotSent, "refused the message: 451 later"),
    ],
)
def test_what_the_server_refuses_did_not_happen(
    says: dict[str, str], kind: type[Exception], words: str
) -> None:
    """At whatever step; nobody gets it where one recipient is refused."""
    post = Post(**says)
    with office(post) as port:
        with pytest.raises(kind, match=words):
            send(mailer(port), to=["ann@example.org", "bob@example.org"])

    assert post.taken == []


def test_nobody_is_there() -> None:
    """A refused connection, and a name that leads nowhere, are no attempt."""
    with pytest.raises(NotSent, match="was not reached"):
        send(mailer(closed_port()))
    with pytest.raises(NotSent, match="was not reached"):
        send(mailer(25, "nowhere", host="mail.invalid"))


@contextmanager
def line(play: Callable[[socket.socket, Callable[[], bytes]], None]) -> Iterator[int]:
    """A mail server that plays a part on its only connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def on_stage() -> None:
        connection, _ = listener.accept()
        connection.settimeout(20)
        with connection, connection.makefile("rb") as heard:
            try:
                play(connection, heard.readline)
            except OSError:
                pass

    thread = threading.Thread(target=on_stage)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


def breaking(at: str, last: bytes = b"") -> Callable[[socket.socket, Callable[[], bytes]], None]:
    """A server that breaks off: at ``greeting``, a command, or ``end`` of the message."""

    def play(connection: socket.socket, hear: Callable[[], bytes]) -> None:
        if at == "greeting":
            connection.sendall(last)
            return
        connection.sendall(b"220 here\r\n")
        while True:
            word = hear()[:4].strip().lower().decode()
            if word == at:
                connection.sendall(last)
                return
            connection.sendall(b"354 go\r\n" if word == "data" else b"250 OK\r\n")
            if word == "data":
                while hear() != b".\r\n":
                    pass
                return

    return play


@pytest.mark.parametrize(
    ("at", "last"),
    [
        ("greeting", b""), ("greeting", b"what?\r\n"), ("greeting", b"421 too busy\r\n"),
        ("ehlo", b""), ("mail", b""), ("rcpt", b""), ("rcpt", b"450"),
    ],
)  # fmt: skip
def test_who_breaks_off_early_has_sent_nothing(at: str, last: bytes) -> None:
    """Before the message is handed over it certainly was not sent."""
    with line(breaking(at, last)) as port, pytest.raises(NotSent):
        send(mailer(port))


@pytest.mark.parametrize("at", ["data", "end"])
def test_who_breaks_off_later_may_have_sent_it(at: str) -> None:
    """The message was on its way: nobody knows."""
    with line(breaking(at)) as port, pytest.raises(ConnectionBroken, match="may or may not"):
        send(mailer(port))


def test_a_server_that_says_nothing() -> None:
    """It is waited for no longer than the time that was given."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tool = mailer(silent.getsockname()[1], timeout="100ms")
        with pytest.raises(NotSent, match="timed out"):
            send(tool)


# TLS and passwords ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who vouches for certificates."""
    return trustme.CA()


@pytest.fixture
def context(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext:
    """The certificate of localhost, which this machine trusts."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("MAIL_PASSWORD", "swordfish")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(made)
    return made


def check(
    server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
) -> AuthResult:
    """Let one user in."""
    is_right = (data.login, data.password) == (b"me", b"swordfish")
    return AuthResult(success=is_right, handled=is_right)


LOGIN = {"user": "me", "password": "secret://env/MAIL_PASSWORD", "host": "localhost"}


def test_a_password_is_sent_over_tls(context: ssl.SSLContext) -> None:
    """With STARTTLS and with TLS from the beginning, to a server that can say who it is."""
    post = Post()
    with office(post, tls_context=context, require_starttls=True, authenticator=check,
                auth_required=True) as port:  # fmt: skip
        send(mailer(port, security="starttls", **LOGIN))
    with office(post, ssl_context=context, authenticator=check, auth_require_tls=False) as port:  # fmt: skip
        send(mailer(port, "tls", security="tls", **LOGIN))

    assert len(post.taken) == 2


def test_a_wrong_password_did_not_send(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, without the password; one that is missing too."""
    post = Post()
    monkeypatch.setenv("MAIL_PASSWORD", "cuttlefish")
    with office(post, tls_context=context, authenticator=check) as port:
        tool = mailer(port, security="starttls", **LOGIN)
        with pytest.raises(MailRefused, match="535") as failed:
            send(tool)
        monkeypatch.delenv("MAIL_PASSWORD")
        with pytest.raises(ArgumentRefused, match="There is no secret"):
            send(tool)

    assert "cuttlefish" not in str(failed.value)
    assert post.begun == 0


def test_a_server_that_cannot_say_who_it_is(context: ssl.SSLContext) -> None:
    """Another name than that of the certificate, no certificate, no TLS at all: nothing is sent."""
    post = Post()
    with office(post, tls_context=context) as port:
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            send(mailer(port, security="starttls", host="127.0.0.1"))
    with office(post) as port:
        with pytest.raises(MailRefused, match="STARTTLS"):
            send(mailer(port, "plain", security="starttls"))
        with pytest.raises(NotSent):
            send(mailer(port, "tls", security="tls"))

    assert post.taken == []


def test_a_server_without_users(context: ssl.SSLContext) -> None:
    """Who cannot log in sends nothing."""
    post = Post()
    with office(post, tls_context=context, auth_exclude_mechanism=["LOGIN", "PLAIN"]) as port:
        with pytest.raises(MailRefused, match=r"(?i)auth"):
            send(mailer(port, security="starttls", **LOGIN))

    assert post.begun == 0


# in workflows ------------------------------------------------------------------------------


def test_a_repeat_can_be_told_from_another_message() -> None:
    """The Message-ID is that of the step, at each attempt; another step has another."""
    post = Post()
    replies = iter(["451 later", "250 OK", "250 OK"])
    seen: list[str] = []

    async def data(server: Any, session: Any, envelope: Any) -> str:
        found = email.message_from_bytes(envelope.content, policy=email.policy.default)
        seen.append(str(found["message-id"]))
        return next(replies)

    post.handle_DATA = data  # type: ignore[method-assign]  # what the server says changes
    with office(post) as port:
        tool = mailer(port, retry=Retry(attempts=3, backoff="1ms"))

        @workflow(version="1")
        async def two() -> list[Any]:
            given = {"to": ["ann@example.org"], "subject": "Hi", "text": "Hello"}
            return [(await tool(**given))["message_id"], (await tool(**given))["message_id"]]

        async def go() -> Any:
            async with Podium(":memory:") as app:
                return await (await app.start(two)).result()

        first, second = drive(go())

    assert seen == [first, first, second]
    assert first != second
    assert first.endswith("@example.org>")


def test_mail_that_may_have_been_sent_is_not_sent_again() -> None:
    """A person is asked."""
    with line(breaking("end")) as port:
        tool = mailer(port, retry=Retry(attempts=3, backoff="1ms"))

        @workflow(version="1")
        async def one() -> None:
            await tool(to=["ann@example.org"], subject="Hi", text="Hello")

        async def go() -> str:
            async with Podium(":memory:") as app:
                (ask,) = await until((await app.start(one)).asks)
                return str(ask)

        assert "mail" in drive(go())


def test_mail_that_is_refused_is_not_tried_again() -> None:
    """550 stays 550."""
    post = Post(mail="550 no")
    with office(post) as port:
        tool = mailer(port, retry=Retry(attempts=3, backoff="1ms"))

        @workflow(version="1")
        async def one() -> str:
            try:
                await tool(to=["ann@example.org"], subject="Hi", text="Hello")
            except StepFailed as failed:
                return failed.type
            return ""

        async def go() -> str:
            async with Podium(":memory:") as app:
                return await (await app.start(one)).result()

        assert drive(go()) == "MailRefused"
    assert post.begun == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"effect": "read"}, "mail is 'once' or 'write'"),
        ({"security": "ssl"}, "expected 'starttls', 'tls', 'none'"),
        ({"user": "me"}, "belong together"),
        ({"user": "me", "password": "x"}, "show the password"),
        ({"host": "a\nb"}, "no name of a server"),
        ({"sender": "nobody"}, "sender: 'nobody' is no address"),
        ({"timeout": "0s"}, "longer than nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    """An option is checked when the tool is defined."""
    with pytest.raises(InvalidOption, match=words):
        mailer(25, **options)


def test_arguments_are_held_against_the_schema() -> None:
    """Somebody must get it, and it must say something."""
    tool = mailer(25)
    for wrong in (
        {"to": []},
        {"to": "ann@example.org"},
        {"subject": None},
        {"from": "eve@x.example"},
    ):
        with pytest.raises(InputInvalid):
            send(tool, **wrong)

    assert str(tool.spec.effect) == "once"
