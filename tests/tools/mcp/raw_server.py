"""An MCP server without any library, that behaves as its first argument says.

Every call of a tool is one line of the file in ``$CALLS``: an outside world that counts.
"""

import json
import os
import subprocess
import sys
import time

from pathlib import Path
from typing import Any

HOW = sys.argv[1] if len(sys.argv) > 1 else "well"
TOOLS: list[dict[str, Any]] = [
    {"name": "look", "description": "Look at something.", "annotations": {"readOnlyHint": True},
     "inputSchema": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}},
    {"name": "put", "description": "Put it.", "annotations": {"idempotentHint": True, "destructiveHint": False},
     "inputSchema": {"type": "object", "properties": {"what": {"type": "string"}}}},
    {"name": "send mail!", "description": "Send it.",
     "inputSchema": {"type": "object", "properties": {"what": {"type": "string"}}}},
    {"name": "count", "description": "Count.", "annotations": {"readOnlyHint": True},
     "inputSchema": {"type": "object", "properties": {}},
     "outputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
]  # fmt: skip


def say(message: Any) -> Any:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def note(text: Any) -> Any:
    with Path(os.environ["CALLS"]).open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def answer(request: Any, result: Any) -> Any:
    say({"jsonrpc": "2.0", "id": request["id"], "result": result})


def refuse(request: Any, code: Any, message: Any) -> Any:
    say({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}})


def text(words: Any, **more: Any) -> Any:
    return {"content": [{"type": "text", "text": words}], **more}


def die(request: Any) -> Any:
    sys.stderr.write("out of paper\n")
    sys.stderr.flush()
    os._exit(3)


def flood(request: Any) -> Any:
    while True:
        sys.stdout.write("x" * 65536)


def chatter(request: Any) -> Any:
    told = {"level": "info", "data": "x"}
    while True:
        say({"jsonrpc": "2.0", "method": "notifications/message", "params": told})


def garbage(request: Any) -> Any:
    sys.stdout.write('this is no message\n{"jsonrpc": 2}\n[]\n')
    sys.stdout.flush()
    time.sleep(60)


def change(request: Any) -> Any:
    TOOLS[0]["inputSchema"]["properties"]["how"] = {"type": "string"}
    say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    answer(request, text("changed"))


PICTURE: list[dict[str, Any]] = [
    {"type": "text", "text": "see"},
    {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"},
    {"type": "resource_link", "uri": "file:///a", "name": "a"},
    {"type": "resource", "resource": {"uri": "file:///b", "mimeType": "text/plain", "text": "b"}},
]
BEHAVIOURS: dict[str, Any] = {
    "die": die, "flood": flood, "chatter": chatter, "garbage": garbage, "change": change,
    "hang": lambda _: time.sleep(60),
    "no result": lambda one: answer(one, {"nothing": "of it"}),
    "refuse": lambda one: refuse(one, -32602, "not this"),
    "fail": lambda one: refuse(one, -32603, "oh no"),
    "tool fails": lambda one: answer(one, text("no such thing", isError=True)),
    "picture": lambda one: answer(one, {"content": PICTURE}),
    "damaged": lambda one: answer(one, {"content": [{**PICTURE[1], "data": "?"}]}),
    "large": lambda one: answer(one, text("x" * 3_000_000)),
    "environment": lambda one: answer(one, text(json.dumps(dict(os.environ)))),
    "child": lambda one: answer(one, text(str(subprocess.Popen(["sleep", "600"]).pid))),
    "pid": lambda one: answer(one, text(str(os.getpid()))),
}  # fmt: skip


def call(request: Any) -> Any:
    params = request["params"]
    what = params.get("arguments", {}).get("what", "")
    note(f"{params['name']} {what} {params.get('_meta', {}).get('podium/idempotency-key', '')}")
    if params["name"] == "count":
        n = {"wrong": "many"}.get(HOW, 7)
        answer(
            request, text("7") if HOW == "bare" else {"content": [], "structuredContent": {"n": n}}
        )
    elif what in BEHAVIOURS:
        BEHAVIOURS[what](request)
    else:
        answer(request, text(f"{what} seen"))


def main() -> Any:
    if HOW == "not at all":
        sys.exit("no configuration")
    if HOW == "silent":
        time.sleep(60)
    if HOW == "deaf":
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        method = request.get("method")
        if method == "initialize":
            answer(
                request,
                {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "raw", "version": "1"},
                },
            )
        elif method == "tools/list":
            if HOW == "endless":
                at = int(request.get("params", {}).get("cursor") or 0)
                tools = [{**TOOLS[0], "name": f"t{at}"}]
                answer(request, {"tools": tools, "nextCursor": str(at + 1)})
            else:
                answer(request, {"tools": TOOLS if HOW != "fewer" else TOOLS[1:]})
        elif method == "tools/call":
            call(request)
        elif "id" in request and method is not None:
            refuse(request, -32601, "no")
    if HOW == "deaf":
        time.sleep(600)


main()
