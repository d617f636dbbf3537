"""``mail_tool``: mail through an SMTP server."""

from __future__ import annotations

import re
import smtplib
import ssl

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate
from typing import Any, Final, Unpack, cast

from podium.core.codec import short
from podium.core.durations import Duration, seconds
from podium.core.effects import Effect, effect_named
from podium.core.errors import InvalidOption, NotDone, PodiumError
from podium.core.secrets import resolve
from podium.functions.options import CommonKeywords
from podium.tools.extras import needed
from podium.tools.http import module_of_caller
from podium.tools.http_call import key_of_call, without_hopeless
from podium.tools.net_errors import ArgumentRefused, ConnectionBroken, MailRefused, NotSent
from podium.tools.tool import SafetyKeywords, Tool, ToolKeywords

TIMEOUT_S: Final = 30.0
RECIPIENTS_MAX: Final = 100
_PLAIN: Final = SMTP.clone(cte_type="7bit")
_WIDE: Final = SMTPUTF8.clone(cte_type="7bit")
"""… where an address has other characters than those of ASCII."""
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_ATOM: Final = r"[^\s<>@,;:\"()\[\]\\]+"
_ADDRESS: Final = re.compile(rf"(?s)([^<>]*)<({_ATOM})@({_ATOM})>|({_ATOM})@({_ATOM})")
_ADDRESSES: Final[Mapping[str, Any]] = {
    "type": "array", "items": {"type": "string"}, "maxItems": RECIPIENTS_MAX,
}  # fmt: skip
_INPUT: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "to": {**_ADDRESSES, "minItems": 1, "description": "Who gets it, such as ann@example.org."},
        "subject": {"type": "string", "description": "What it is about, in one line."},
        "text": {"type": "string", "description": "What it says, as plain text."},
        "html": {"type": "string", "description": "What it says, as HTML, besides the text."},
        "cc": {**_ADDRESSES, "description": "Who gets a copy that everybody sees."},
        "bcc": {**_ADDRESSES, "description": "Who gets a copy that nobody sees."},
        "reply_to": {"type": "string", "description": "Who gets the answers."},
    },
    "required": ["to", "subject", "text"],
    "additionalProperties": False,
}
_OUTPUT: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "message_id": {"type": "string"},
        "recipients": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["message_id", "recipients"],
}


class MailKeywords(CommonKeywords, SafetyKeywords, total=False):
    """Options of :func:`mail_tool`: those of a task, and

    Attributes:
        effect: ``once`` unless given; ``write`` where the server drops a second message with one
            Message-ID.
        security: ``starttls`` (the default), ``tls``, or ``none`` for a server of your own.
        description: What it does, for people and models.
        namespace, version, tags: As of :func:`podium.tool`.
    """

    effect: str | Effect
    security: str
    description: str
    namespace: str
    version: str | int
    tags: Sequence[str]


def mail_tool(
    name: str, /, *, host: str, sender: str, port: int | None = None, user: str | None = None,
    password: str | None = None, **options: Unpack[MailKeywords],
) -> Tool[..., Any, Any]:  # fmt: skip
    """Make and register a tool that sends mail.

    It takes ``to``, ``subject`` and ``text``, and if wanted ``html``, ``cc``, ``bcc`` and
    ``reply_to``. All recipients get it or none. Its Message-ID is made of the key of the step, so
    that a repeat can be told from another message.

    Args:
        name: Of the tool.
        host: The server.
        sender: Who it is from: ``Shop <shop@example.org>``.
        port: 587, 465 (``tls``) or 25 (``none``) unless given.
        user: Who logs in; nobody unless given.
        password: By reference to a secret.
        options: See :class:`MailKeywords`. ``timeout`` is for each exchange with the server.

    Raises:
        InvalidOption: An option makes no sense.
        NameTaken: Another module has a tool of that name.
    """
    what = f"mail_tool({name!r})"
    given: dict[str, Any] = dict(options)
    effect = effect_named(given.pop("effect", Effect.ONCE))
    if effect not in (Effect.ONCE, Effect.WRITE):
        raise InvalidOption(f"{what}: effect={effect!s}; mail is 'once' or 'write'.")
    security = given.pop("security", "starttls")
    if security not in _PORTS:
        raise InvalidOption(
            f"{what}: security={security!r}; expected {', '.join(map(repr, _PORTS))}."
        )
    if (user is None) is not (password is None):
        raise InvalidOption(f"{what}: user and password belong together.")
    if user is not None and security == "none":
        raise InvalidOption(f"{what}: security='none' would show the password to everybody.")
    if not isinstance(host, str) or not re.fullmatch(r"[\w.:\-]+", host):
        raise InvalidOption(f"{what}: host={host!r} is no name of a server.")
    try:
        author = _address(sender, "sender")
    except ArgumentRefused as problem:
        raise InvalidOption(f"{what}: {problem}") from None
    call = MailCall(
        host, _PORTS[security] if port is None else port, security, user, password, author,
        _timeout_s(what, given.pop("timeout", None)), module_of_caller(),
    )  # fmt: skip
    if "retry" in given:
        given["retry"] = without_hopeless(given["retry"])
    description = given.pop("description", f"Send mail as {author}.")
    return Tool.from_schema(
        name, description, _INPUT, _OUTPUT, call=call,
        **cast("ToolKeywords", {"irreversible": True, **given, "effect": effect}),
    )  # fmt: skip


@dataclass(eq=False)
class MailCall:
    """What a tool that sends mail calls: it takes the arguments as one dict."""

    host: str
    port: int
    security: str
    user: str | None
    password: str | None
    sender: Address
    timeout_s: float
    module: str

    def __post_init__(self) -> None:
        self.__module__ = self.module

    def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send a message; return its Message-ID and who got it.

        Raises:
            NotSent: It was certainly not sent; it may be tried again.
            MailRefused: Nor was this, and trying again does not help.
            ArgumentRefused: Nor this: a value cannot stand in a message.
            ConnectionBroken: It may or may not have been sent.
        """
        try:
            message, recipients = self._message(arguments)
            password = resolve(self.password)
        except NotDone:
            raise
        except PodiumError as problem:
            raise ArgumentRefused(f"Nothing was sent: {problem}") from problem
        addresses = (*recipients, self.sender.addr_spec, arguments.get("reply_to") or "")
        is_wide = not all(map(str.isascii, addresses))
        server = self._connect()
        try:
            self._talk(server, recipients, password, is_wide=is_wide)
            self._send(server, message.as_bytes(policy=_WIDE if is_wide else _PLAIN))
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        finally:
            server.close()
        return {"message_id": str(message["Message-ID"]), "recipients": recipients}

    # before anything is sent ---------------------------------------------------------------

    def _message(self, given: Mapping[str, Any]) -> tuple[EmailMessage, list[str]]:
        message = EmailMessage(policy=_PLAIN)
        everybody: list[str] = []
        message["From"] = self.sender
        for field in ("to", "cc", "bcc"):
            found = [_address(one, field) for one in given.get(field, ())]
            everybody += [one.addr_spec for one in found]
            if found and field != "bcc":
                message[field.title()] = found
        if given.get("reply_to"):
            message["Reply-To"] = _address(given["reply_to"], "reply_to")
        subject = given["subject"]
        if re.search(r"[\r\n\0]", subject):
            raise ArgumentRefused(f"subject is {short(subject)}; a subject has one line.")
        message["Subject"] = subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = f"<{key_of_call()}@{self.sender.domain}>"
        try:
            message.set_content(given["text"])
            if given.get("html"):
                message.add_alternative(given["html"], subtype="html")
        except UnicodeEncodeError:
            raise ArgumentRefused("text or html holds what is no valid Unicode.") from None
        return message, list(dict.fromkeys(everybody))

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        us = self.sender.domain
        server: smtplib.SMTP | None = None
        try:
            if self.security == "tls":
                return smtplib.SMTP_SSL(
                    self.host, self.port, us, timeout=self.timeout_s, context=context
                )
            server = smtplib.SMTP(self.host, self.port, us, timeout=self.timeout_s)
            if self.security == "starttls":
                server.starttls(context=context)
            return server
        except (OSError, smtplib.SMTPException) as problem:
            if server is not None:
                server.close()
            raise self._not_done(problem, "did not let us in") from problem

    def _talk(
        self, server: smtplib.SMTP, recipients: Sequence[str], password: Any, *, is_wide: bool
    ) -> None:
        """Log in, and say who the message is from and for."""
        try:
            server.ehlo_or_helo_if_needed()
            words = ["SMTPUTF8"] if is_wide else []
            if is_wide and not server.has_extn("smtputf8"):
                raise MailRefused(
                    f"Mail server {self.host} takes only addresses of ASCII characters."
                )
            if self.user is not None:
                server.login(resolve(self.user), password)
            self._step(lambda: server.mail(self.sender.addr_spec, words), "the sender")
            for one in recipients:
                self._step(lambda one=one: server.rcpt(one), f"the recipient {one}")  # type: ignore[misc]
        except (OSError, smtplib.SMTPException) as problem:
            raise self._not_done(problem, "ended the conversation") from problem

    def _step(self, command: Callable[[], tuple[int, bytes]], what: str) -> None:
        code, said = command()
        if code not in (250, 251):
            raise self._not_done(smtplib.SMTPResponseException(code, said), f"refused {what}")

    # when it is sent -------------------------------------------------------------------------

    def _send(self, server: smtplib.SMTP, message: bytes) -> None:
        try:
            code, said = server.data(message)
        except smtplib.SMTPDataError as problem:
            raise self._not_done(problem, "refused to begin") from problem
        except (OSError, smtplib.SMTPException) as problem:
            raise ConnectionBroken(
                f"Mail server {self.host} broke off while it took the message ({problem}): "
                "it may or may not have been sent."
            ) from problem
        if code != 250:
            raise self._not_done(smtplib.SMTPResponseException(code, said), "refused the message")

    def _not_done(self, problem: Exception, what: str) -> NotDone:
        """Return the error for what happened before the server took the message."""
        if not isinstance(problem, smtplib.SMTPResponseException):
            if type(problem) in (smtplib.SMTPNotSupportedError, smtplib.SMTPException):
                return MailRefused(f"Mail server {self.host}: {problem}")
            return NotSent(f"Mail server {self.host} was not reached, or went away: {problem}")
        said = problem.smtp_error
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        kind = MailRefused if problem.smtp_code >= 500 else NotSent
        return kind(f"Mail server {self.host} {what}: {problem.smtp_code} {words}")


def _address(text: str, what: str) -> Address:
    """Return an address.

    Raises:
        ArgumentRefused: It is none, or several.
    """
    found = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or re.search(r"[\x00-\x1f\x7f]", text):
        raise ArgumentRefused(f"{what}: {short(text)} is no address of mail.")
    name, local, domain = (found[1] or "").strip(' "'), found[2] or found[4], found[3] or found[5]
    try:
        return Address(name, local, domain if domain.isascii() else _ascii(domain))
    except ValueError as problem:
        raise ArgumentRefused(f"{what}: {short(text)} is no address of mail: {problem}") from None


def _ascii(domain: str) -> str:
    """Return a domain as DNS has it.

    The codec of the standard library is that of 2003: it takes some domains for others.

    Raises:
        ValueError: It is none.
    """
    idna = needed("idna", "http", f"the domain {domain}")
    return str(idna.encode(domain, uts46=True).decode())


def _timeout_s(what: str, given: Duration | None) -> float:
    if given is None:
        return TIMEOUT_S
    timeout_s = seconds(given, what=f"{what}: timeout")
    if timeout_s <= 0:
        raise InvalidOption(f"{what}: timeout={given!r}; it must be longer than nothing.")
    return timeout_s
