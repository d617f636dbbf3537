"""The process that a local model lives in: llama.cpp by itself, asked over its standard input.

It is run as a file, so that nothing but llama.cpp is imported. Its process is its own, since loading
a model stops all threads of Python until it is done, and a damaged file may end the process.

Each line that it is given is JSON: ``{"id", "kind", "body"}`` is a request (``chat`` or ``text``, with
the body that llama.cpp's server takes), ``{"stop"}`` the id of one that nobody waits for any more.
Each line that it writes is JSON: ``{"ready": true}`` when the model is there, or ``{"failed"}``; then for
each request ``{"id", "chunk"}``, one or more, and ``{"id", "end": true}``. It ends when its input ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading

from typing import Any

_stopped: set[int] = set()


def serve(path: str, context: int, threads: int) -> None:
    """Load a model, and answer until the input ends.

    Args:
        path: A GGUF file.
        context: Tokens of a conversation with its answer.
        threads: That compute.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def write(line: dict[str, Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(waiting,), daemon=True).start()
    try:
        server = _load(path, context, threads)
    except Exception as problem:  # noqa: BLE001 - whatever it is, the other side says it
        write({"failed": f"{problem}"})
        return
    write({"ready": True})
    while True:
        request = waiting.get()
        number = request["id"]
        ask = server.handle_chat_completions if request["kind"] == "chat" else server.handle_completions  # fmt: skip

        def chunk(told: Any, number: int = number) -> bool:
            write({"id": number, "chunk": told})
            return number in _stopped

        if number not in _stopped:
            ask(request["body"], chunk)
        _stopped.discard(number)
        write({"id": number, "end": True})


def _load(path: str, context: int, threads: int) -> Any:
    import secrets

    import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_parallel = context, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity, params.warmup, params.cache_ram_mib = -1, False, 0
    # It listens on a port of loopback, which nobody is to use.
    params.ui, params.endpoint_slots, params.n_threads_http = False, False, 1
    params.api_keys = [secrets.token_hex(32)]
    return xllamacpp.Server(params)


def _read(waiting: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Take what comes; end the process when the other side is gone."""
    for line in sys.stdin:
        told = json.loads(line)
        if "stop" in told:
            _stopped.add(told["stop"])
        else:
            waiting.put(told)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
