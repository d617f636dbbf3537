"""``mcp_tools``: the tools of an MCP server, from its description."""

from __future__ import annotations

import asyncio
import difflib
import os

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Unpack, cast
from weakref import WeakKeyDictionary

import msgspec

from podium.core.durations import Duration, seconds
from podium.core.effects import Effect
from podium.core.errors import InvalidOption
from podium.core.secrets import resolve
from podium.functions.options import CommonKeywords
from podium.tools.extras import needed
from podium.tools.http import module_of_caller
from podium.tools.http_call import key_of_call, without_hopeless
from podium.tools.mcp.description import Described, Description, Place, description_of, names_of
from podium.tools.mcp.errors import HOPELESS
from podium.tools.tool import SafetyKeywords, Tool, ToolKeywords

if TYPE_CHECKING:  # the SDK is heavy; the first call imports it
    from podium.tools.mcp.session import Session

TIMEOUT_S: Final = 60.0
_OWN: Final = ("timeout", "start_timeout", "message_bytes_max", "place")


class McpKeywords(CommonKeywords, SafetyKeywords, total=False):
    """Options of every tool of a server: those of a tool, and

    Attributes:
        namespace: What stands before their names; the server's name unless given.
        timeout: How long a call may take; 60 seconds unless given.
        start_timeout: … and the server until it is ready; 30 seconds unless given.
        message_bytes_max: The longest message of the server, in bytes; 16 MiB unless given.
        place: How it is reached, in place of what the description says: ``command``, ``url``, ``env``,
            ``inherit``, ``cwd``, ``headers``.
        tags: Words to find them by.
    """

    namespace: str
    start_timeout: Duration
    message_bytes_max: int
    place: Mapping[str, Any]
    tags: Iterable[str]


class McpTools(dict[str, Tool[..., Any, Any]]):
    """The tools of a server, by the names that it gives them.

    Attributes:
        skipped: Those that cannot be tools, each with the reason.
    """

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.skipped: dict[str, str] = {}
        self._server = server

    async def close(self) -> None:
        """Close the connection of this loop; the next call opens another one."""
        await self._server.close()


def mcp_tools(
    description: str | os.PathLike[str] | Mapping[str, Any] | Description, /, *,
    only: Iterable[str] | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None,
    **options: Unpack[McpKeywords],
) -> McpTools:  # fmt: skip
    """Make and register the tools of an MCP server, without asking it.

    What it has is read from a file that ``podium mcp add`` wrote. The connection is opened by the first
    call and belongs to the process; each call makes sure that the server still has the tool as it was
    described. The effect follows from the server's hints: ``read``, ``write`` where a second call
    changes nothing more, else ``once``.

    What the tools give is from outside, and so are their descriptions (``foreign``) until you say that
    you have read them: ``foreign=False``.

    Args:
        description: The path of the file, or its content.
        only: The tools that are made, by the server's names; all of them unless given.
        overrides: Options of single tools, by those names: ``effect``, ``name``, ``description``, and
            all that ``options`` may have.
        options: Of every tool; see :class:`McpKeywords`.

    Raises:
        InvalidOption: The description is none, an option makes no sense, the extra ``mcp`` is not
            installed, or a tool in ``only`` cannot be one.
        NameTaken: Another module has a tool of one of the names.
    """
    needed("mcp_types", "mcp", "mcp_tools")
    source = description_of(description)
    given: dict[str, Any] = {"namespace": source.name, **options}
    found = {one.name: one for one in source.tools}
    wanted = list(found) if only is None else list(only)
    for name in (*wanted, *(overrides or {})):
        if name not in found:
            near = difflib.get_close_matches(name, found, n=3) or list(found)[:10]
            raise InvalidOption(
                f"mcp_tools: {source.name!r} has no tool {name!r}; it has {', '.join(near)}."
            )
    server = Server.of(source, {key: given.pop(key) for key in _OWN[1:] if key in given})
    tools = McpTools(server)
    names = names_of(source.tools)
    module = module_of_caller()
    for name in wanted:
        settings = {**given, **(overrides or {}).get(name, {})}
        try:
            tools[name] = _made(found[name], names[name], McpCall(server, found[name], settings, module), settings)  # fmt: skip
        except InvalidOption as problem:
            if only is not None or name in (overrides or {}):
                raise
            tools.skipped[name] = str(problem)
    if not tools and wanted:
        why = "; ".join(f"{name}: {one}" for name, one in [*tools.skipped.items()][:3])
        raise InvalidOption(f"mcp_tools: no tool of {source.name!r} can be one. {why}")
    return tools


def _made(
    described: Described, name: str, call: McpCall, settings: Mapping[str, Any]
) -> Tool[..., Any, Any]:
    rest = {key: one for key, one in settings.items() if key not in _OWN}
    hints = described.hints
    rest = {"effect": hints.effect, "outside": True, "foreign": True, **rest}
    if "irreversible" not in rest and rest["effect"] != Effect.ONCE:
        is_own = "effect" in settings  # of somebody who knows more than the hints
        is_final = hints.destructive is True if is_own else hints.is_irreversible
        rest["irreversible"] = is_final and rest["effect"] in (Effect.WRITE, Effect.TRANSACTION)
    if "retry" in rest:
        rest["retry"] = without_hopeless(rest["retry"], HOPELESS)
    description = rest.pop("description", None) or described.description or described.name
    return Tool.from_schema(
        rest.pop("name", name), description, described.input, described.output or None, call=call,
        **cast("ToolKeywords", rest),
    )  # fmt: skip


async def mcp_description(
    name: str, /, *, command: Iterable[str] = (), url: str = "",
    env: Mapping[str, str] | None = None, inherit: Iterable[str] = (), cwd: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Description:  # fmt: skip
    """Ask an MCP server which tools it has; what ``podium mcp add`` writes into a file.

    Args:
        name: What it is called here.
        command: The program that is the server, and its arguments;
        url: or where it listens.
        env: Variables of the program beside PATH, LANG and HOME; values may be ``secret://…``.
        inherit: Variables that it gets from the environment.
        cwd: Where it runs.
        headers: Of each request to a url; values may be ``secret://…``.

    Raises:
        InvalidOption: That makes no sense, or the extra ``mcp`` is not installed.
        McpUnreachable: It does not answer.
    """
    needed("mcp_types", "mcp", "mcp_description")
    place = Place(
        command=tuple(command), url=url, env=dict(env or {}), inherit=tuple(inherit), cwd=cwd,
        headers=dict(headers or {}),
    )  # fmt: skip
    server = Server.of(Description(name, place).check(), {})
    session = await server.session()
    try:
        await session.ready()
        tools = tuple(sorted(session.tools.values(), key=lambda one: one.name))
        return Description(name, place, tools, session.server).check()
    finally:
        await session.close()


class Server:
    """A server as this process knows it.

    Attributes:
        name: What it is called here.

    Args:
        name: That.
        place: How it is reached, secrets by reference.
        bounds: How far it may go.
    """

    def __init__(self, name: str, place: Place, bounds: Mapping[str, Any]) -> None:
        self.name = name
        self._place = place
        self._bounds = bounds
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Session]] = (
            WeakKeyDictionary()
        )
        """Of each loop, the newest last; those before it are on their way out."""

    @classmethod
    def of(cls, source: Description, given: Mapping[str, Any]) -> Server:
        """Return the server of a description.

        Raises:
            InvalidOption: An option makes no sense.
        """
        what = f"mcp_tools: {source.name!r}"
        place = source.place
        if given.get("place"):
            try:
                changed = {**msgspec.to_builtins(place), **given["place"]}
                place = msgspec.convert(changed, Place).check(what)
            except msgspec.ValidationError as problem:
                raise InvalidOption(f"{what}: place={given['place']!r}: {problem}") from None
        bounds: dict[str, Any] = {}
        if "start_timeout" in given:
            bounds["start_s"] = seconds(given["start_timeout"], what=f"{what}: start_timeout")
        most = given.get("message_bytes_max")
        if most is not None:
            if not isinstance(most, int) or isinstance(most, bool) or most < 1:
                raise InvalidOption(
                    f"{what}: message_bytes_max={most!r}; expected a number of bytes."
                )
            bounds["message_bytes_max"] = most
        return cls(source.name, place, bounds)

    async def session(self) -> Session:
        """Return the connection of this loop, or a new one; it may not be open yet.

        Raises:
            SecretMissing, SecretInvalid: A secret that it needs cannot be had.
        """
        kept = self._sessions.setdefault(asyncio.get_running_loop(), [])
        if not kept or kept[-1].is_over:
            place, sdk = await asyncio.to_thread(_prepared, self._place)
            if not kept or kept[-1].is_over:  # still
                bounds = sdk.Bounds(**self._bounds)
                fresh: Session = sdk.Session(self.name, place, bounds, lambda: kept.remove(fresh))
                kept.append(fresh)
        return kept[-1]

    async def close(self) -> None:
        """Close the connections of this loop."""
        kept = self._sessions.get(asyncio.get_running_loop(), [])
        await asyncio.gather(*(one.close() for one in kept))


def _prepared(place: Place) -> tuple[Place, Any]:
    """Return how a server is reached, secrets in place, and the module that does it: both take time."""
    from podium.tools.mcp import session

    return (
        msgspec.structs.replace(place, env=resolve(place.env), headers=resolve(place.headers)),
        session,
    )


class McpCall:
    """What a tool of a server calls: it takes the arguments as one dict."""

    def __init__(
        self, server: Server, tool: Described, settings: Mapping[str, Any], module: str
    ) -> None:
        limit = settings.get("timeout")
        what = f"mcp_tools: {server.name}.{tool.name}: timeout"
        self._timeout_s = TIMEOUT_S if limit is None else seconds(limit, what=what)
        self._server = server
        self._tool = tool
        self.__module__ = module

    async def __call__(self, arguments: dict[str, Any]) -> Any:
        """Call the tool and return its result.

        Raises:
            NotDone: It certainly did not happen; one of the kinds in ``mcp/errors.py``.
            McpBroken: It may or may not have happened.
            TimeoutError: So may this.
            McpToolFailed: It happened, and the tool says that it failed.
            ReplyUnusable: It happened, and its result cannot be used.
        """
        from podium.tools.mcp.results import value_of

        session = await self._server.session()
        await session.require(self._tool)
        result = await session.call(self._tool.name, arguments, self._timeout_s, key_of_call())
        return await value_of(f"{self._server.name}.{self._tool.name}", self._tool, result)
