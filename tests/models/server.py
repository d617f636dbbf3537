"""Providers of models on loopback: real HTTP, in the wire formats of four of them.

The server answers what it is told to, counts what it is asked, and fails on demand: it throttles,
answers garbage, hangs in the middle of a stream, or lets the connection die.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass
class Answer:
    """What the model says; ``finish`` is ``stop``, ``length``, ``calls`` or ``refused``."""

    text: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    finish: str = ""
    input_tokens: int = 11
    output_tokens: int = 7
    thought: str = ""
    signature: str = ""
    refusal: str = ""

    @property
    def ending(self) -> str:
        """Why it ends."""
        return self.finish or ("calls" if self.calls else "stop")


@dataclass
class Fault:
    """What goes wrong in place of an answer.

    ``kind``: ``status`` (with ``status``, ``headers``, ``body``), ``garbage`` (a page of HTML with
    status 200), ``die`` (the connection ends before any answer), ``break`` (a stream ends in its
    middle), ``hang`` (it falls silent: in the middle of a stream, or before the answer).
    """

    kind: str
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


Behaviour = Answer | Fault
Answers = Callable[[Json], Behaviour]


@dataclass
class Asked:
    """One request that came in."""

    path: str
    body: Json
    headers: dict[str, str]
    is_gone: threading.Event = field(default_factory=threading.Event)
    """Set when the other side has closed the connection in the middle of the answer."""


class FakeProviders:
    """The server; ``asked`` has what came in.

    Args:
        answer: What is said where nothing is planned: a function of the body of the request.
    """

    def __init__(self, answer: Answers | None = None) -> None:
        self.asked: list[Asked] = []
        self.planned: deque[Behaviour] = deque()
        self.answer: Answers = answer or (lambda body: Answer(f"echo: {last_text(body)}"))
        self.hangs = threading.Event()
        """Set while a request is being kept waiting."""
        self.release = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def model(self, provider: str, name: str = "test-1") -> str:
        """Return a model string that leads here."""
        path = "/v1" if provider in ("openai", "ollama", "vllm", "llamacpp") else ""
        return f"{provider}:{name}@{self.url}{path}"

    def plan(self, *behaviours: Behaviour) -> None:
        """Answer the next requests so."""
        self.planned.extend(behaviours)

    def close(self) -> None:
        """Stop."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    def next(self, asked: Asked) -> Behaviour:
        """Count a request and return what it is answered."""
        with self._lock:
            self.asked.append(asked)
            return self.planned.popleft() if self.planned else self.answer(asked.body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(_Handler):
            server_of = fake

        return Handler


@contextlib.contextmanager
def providers(answer: Answers | None = None) -> Iterator[FakeProviders]:
    """Run the server for a while."""
    fake = FakeProviders(answer)
    try:
        yield fake
    finally:
        fake.close()


class _Handler(BaseHTTPRequestHandler):
    server_of: FakeProviders
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer one request."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body: Json = json.loads(raw or b"{}")
        asked = Asked(self.path, body, {name.lower(): one for name, one in self.headers.items()})
        behaviour = self.server_of.next(asked)
        is_stream = bool(body.get("stream")) or "streamGenerateContent" in self.path
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if isinstance(behaviour, Answer) and not is_stream:
                self._send(200, json.dumps(_whole(self.path, body, behaviour)))
            elif isinstance(behaviour, Answer):
                self._stream(_events(self.path, body, behaviour), asked, "")
            else:
                self._fail(behaviour, body, asked, is_stream=is_stream)

    def _fail(self, fault: Fault, body: Json, asked: Asked, *, is_stream: bool) -> None:
        if fault.kind == "status":
            self._send(
                fault.status, json.dumps(fault.body or {"error": {"message": "no"}}), fault.headers
            )
        elif fault.kind == "garbage":
            self._send(200, "<html>It works!</html>", {"content-type": "text/html"})
        elif fault.kind == "die" or (fault.kind == "break" and not is_stream):
            self.close_connection = True
            self.connection.close()
        elif is_stream:
            events = list(_events(self.path, body, Answer("one two three four five six")))
            self._stream(iter(events[: len(events) // 2]), asked, fault.kind)
        else:
            self._hang(asked)
            self.close_connection = True

    def _send(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Iterator[str], asked: Asked, then: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        if then == "hang":
            self._hang(asked)
        if then in ("hang", "break"):
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(b"0\r\n\r\n")

    def _hang(self, asked: Asked) -> None:
        """Keep it waiting until it is released, or the other side goes away."""
        self.server_of.hangs.set()
        self.connection.settimeout(0.02)
        while not self.server_of.release.is_set():
            try:
                if not self.connection.recv(1):
                    asked.is_gone.set()
                    return
            except TimeoutError:
                continue
            except OSError:
                asked.is_gone.set()
                return


# the wire formats --------------------------------------------------------------------------------


def last_text(body: Json) -> str:
    """Return what was said last, in whatever format."""
    if "contents" in body:
        return str(body["contents"][-1]["parts"][-1].get("text", ""))
    content = body["messages"][-1].get("content")
    if isinstance(content, list):
        return str(content[-1].get("text", ""))
    return str(content or "")


def _whole(path: str, body: Json, answer: Answer) -> Json:
    if path.startswith("/v1/messages"):
        return _anthropic(body, answer)
    if "GenerateContent" in path or "generateContent" in path:
        return _google(answer)
    return _openai(body, answer)


def _events(path: str, body: Json, answer: Answer) -> Iterator[str]:
    if path.startswith("/v1/messages"):
        return _anthropic_events(body, answer)
    if "GenerateContent" in path:
        return (f"data: {json.dumps(one)}\r\n\r\n" for one in _google_events(answer))
    return (f"data: {one}\n\n" for one in _openai_events(body, answer))


_OPENAI_FINISH = {
    "stop": "stop",
    "length": "length",
    "calls": "tool_calls",
    "refused": "content_filter",
}


def _openai_calls(answer: Answer) -> list[Json]:
    return [
        {
            "index": index,
            "id": name,
            "type": "function",
            "function": {"name": tool, "arguments": _text(arguments)},
        }
        for index, (name, tool, arguments) in enumerate(answer.calls)
    ]


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _openai_usage(answer: Answer) -> Json:
    return {
        "prompt_tokens": answer.input_tokens, "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }  # fmt: skip


def _openai(body: Json, answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.refusal:
        message["refusal"] = answer.refusal
    if answer.calls:
        message["tool_calls"] = _openai_calls(answer)
    choice = {"index": 0, "message": message, "finish_reason": _OPENAI_FINISH[answer.ending]}
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": body["model"],
        "choices": [choice], "usage": _openai_usage(answer),
    }  # fmt: skip


def _openai_events(body: Json, answer: Answer) -> Iterator[str]:
    def chunk(delta: Json, finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return json.dumps({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
            "model": body["model"], "choices": [choice], **more,
        })  # fmt: skip

    yield chunk({"role": "assistant", "content": ""})
    for word in answer.text.split(" ") if answer.text else []:
        yield chunk({"content": f"{word} "})
    for call in _openai_calls(answer):
        yield chunk({"tool_calls": [call]})
    yield chunk({}, _OPENAI_FINISH[answer.ending], usage=_openai_usage(answer))
    yield "[DONE]"


_ANTHROPIC_FINISH = {
    "stop": "end_turn",
    "length": "max_tokens",
    "calls": "tool_use",
    "refused": "refusal",
}


def _anthropic_content(answer: Answer) -> list[Json]:
    content: list[Json] = []
    if answer.thought:
        content.append(
            {"type": "thinking", "thinking": answer.thought, "signature": answer.signature}
        )
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    for name, tool, arguments in answer.calls:
        content.append({"type": "tool_use", "id": name, "name": tool, "input": arguments})
    return content


def _anthropic(body: Json, answer: Answer) -> Json:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"],
        "content": _anthropic_content(answer), "stop_reason": _ANTHROPIC_FINISH[answer.ending],
        "stop_sequence": None,
        "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
    }  # fmt: skip


def _anthropic_events(body: Json, answer: Answer) -> Iterator[str]:
    def event(kind: str, **more: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

    start = _anthropic(body, Answer(input_tokens=answer.input_tokens, output_tokens=1)) | {
        "stop_reason": None
    }
    yield event("message_start", message=start)
    for index, block in enumerate(_anthropic_content(answer)):
        if block["type"] == "text":
            yield event(
                "content_block_start", index=index, content_block={"type": "text", "text": ""}
            )
            for word in answer.text.split(" "):
                delta = {"type": "text_delta", "text": f"{word} "}
                yield event("content_block_delta", index=index, delta=delta)
        elif block["type"] == "tool_use":
            yield event("content_block_start", index=index, content_block={**block, "input": {}})
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    ending = {"stop_reason": _ANTHROPIC_FINISH[answer.ending], "stop_sequence": None}
    yield event("message_delta", delta=ending, usage={"output_tokens": answer.output_tokens})
    yield event("message_stop")


_GOOGLE_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "calls": "STOP", "refused": "SAFETY"}


def _google(answer: Answer) -> Json:
    parts: list[Json] = [{"text": answer.text}] if answer.text else []
    parts += [
        {"functionCall": {"name": tool, "args": arguments}} for _, tool, arguments in answer.calls
    ]
    total = answer.input_tokens + answer.output_tokens
    return {
        "candidates": [
            {
                "content": {"role": "model", "parts": parts},
                "finishReason": _GOOGLE_FINISH[answer.ending], "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": answer.input_tokens, "candidatesTokenCount": answer.output_tokens,
            "totalTokenCount": total,
        },
        "modelVersion": "test-1", "responseId": "r1",
    }  # fmt: skip


def _google_events(answer: Answer) -> Iterator[Json]:
    words = answer.text.split(" ") if answer.text else []
    for word in words[:-1]:
        part = _google(Answer(f"{word} "))
        del part["candidates"][0]["finishReason"]
        yield part
    answer.text = words[-1] if words else ""
    yield _google(answer)


def main() -> None:
    """Serve until killed, in a process of its own; the count of requests goes to a file.

    Arguments: the file that gets the address, the file to which each request adds a line, and how
    long an answer takes, in seconds.
    """
    place, ledger, delay_s = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

    def answer(body: Json) -> Behaviour:
        with ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(last_text(body)) + "\n")
        time.sleep(delay_s)
        return Answer(f"echo: {last_text(body)}")

    fake = FakeProviders(answer)
    new = place.with_suffix(".new")
    new.write_text(fake.url, encoding="utf-8")
    new.replace(place)
    threading.Event().wait()


if __name__ == "__main__":
    main()
