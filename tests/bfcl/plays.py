"""Each method of the worlds as a tool, and each case as a workflow of its gold calls."""

import http.client
import json
import os
import threading

from typing import Any

import podium

from podium import Tool
from tests.bfcl.cases import documents
from tests.bfcl.tables import CHANGES, RESULTS_UNTOLD

PORT = "PODIUM_TEST_WORLD"
"""The variable that says where the worlds are."""
_here = threading.local()


def connect(port: int) -> http.client.HTTPConnection:
    """Connect to the process of the worlds."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def post(
    connection: http.client.HTTPConnection, target: str, body: Any, key: str | None = None
) -> Any:
    """Ask the process of the worlds for something."""
    headers = {"idempotency-key": key} if key else {}
    connection.request("POST", target, json.dumps(body).encode(), headers)
    return json.loads(connection.getresponse().read())


def _tool(name: str, described: dict[str, Any]) -> Tool[..., Any, Any]:
    world, _, method = name.partition(".")
    is_write = method in CHANGES[world]

    def call(arguments: dict[str, Any]) -> Any:
        case = podium.headers()["case"]
        asked = {"case": case, "tool": name, "arguments": arguments}
        key = podium.idempotency_key() if is_write else None
        if not hasattr(_here, "connection"):  # one for each thread
            _here.connection = connect(int(os.environ[PORT]))
        said = post(_here.connection, "/call", asked, key)
        if "failed" in said:
            raise RuntimeError(said["failed"])
        return said["value"]

    return Tool.from_schema(
        name,
        described["description"],
        described["parameters"],
        None if name in RESULTS_UNTOLD else described["response"],
        effect="write" if is_write else "read",
        call=call,
        tags=[world],
    )


TOOLS = {name: _tool(name, described) for name, described in documents().items()}
BY_WORLD = {world: podium.tools.find(tag=world) for world in CHANGES}


@podium.workflow
async def play(worlds: list[str], turns: list[list[Any]]) -> list[dict[str, Any]]:
    """Make the calls of a case, turn by turn; say what came of each."""
    allowed = [tool for world in worlds for tool in BY_WORLD[world]]
    told = []
    for turn in turns:
        for name, arguments in turn:
            reply = await podium.dispatch(name, arguments, among=allowed)
            told.append(
                {
                    "is_ok": reply.is_ok,
                    "value": reply.value,
                    "code": reply.error.code if reply.error else "",
                    "did_run": reply.error.did_run if reply.error else True,
                    "text": reply.text,
                    "repairs": len(reply.repairs),
                }
            )
    return told
