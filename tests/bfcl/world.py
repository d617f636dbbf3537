"""The worlds of the cases in a process of its own: ``python -m tests.bfcl.world SEED``.

It is the service that nobody kills. What changes a world has to come with an idempotency key, is done once for
each key, and is counted; the first answer is given again. Answers are held back for a moment of the seed's
choosing, so that whoever asks may die between what was done and hearing of it.
"""

import copy
import json
import random
import sys
import threading
import time

from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

from bfcl_eval.constants.executable_backend_config import CLASS_FILE_PATH_MAPPING, STATELESS_CLASSES
from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_utils
from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import state_checker

from tests.bfcl.cases import Case, cases
from tests.bfcl.tables import CHANGES

HELD_BACK_S = 0.03
"""The longest that an answer is held back."""


class Written:
    """What was done for a key."""

    def __init__(self, asked_for: list[Any], answer: dict[str, Any]) -> None:
        self.asked_for = asked_for
        self.answer = answer
        self.times_asked = 1
        self.is_contradicted = False


class Worlds:
    """The worlds of one case, and the book of what was asked of them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.instances = made(case)
        self.written: dict[str, Written] = {}
        self.reads = 0
        self.unkeyed = 0
        self.lock = threading.Lock()

    def call(self, tool: str, arguments: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Carry out a call, unless it was carried out for this key."""
        world, _, method = tool.partition(".")
        with self.lock:
            if method not in CHANGES[world]:
                self.reads += 1
                return self._done(world, method, arguments)
            if key is None:
                self.unkeyed += 1
                return {"failed": f"{tool} changes the world and came without a key"}
            known = self.written.get(key)
            if known is None:
                asked_for = [tool, copy.deepcopy(arguments)]  # a world may keep its arguments
                answer = self._done(world, method, arguments)
                self.written[key] = Written(asked_for, answer)
                return answer
            known.times_asked += 1
            known.is_contradicted |= known.asked_for != [tool, arguments]
            return known.answer

    def _done(self, world: str, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"value": result_of(self.instances[world], method, arguments)}
        except Exception as problem:
            return {"failed": f"{type(problem).__name__}: {problem}"}

    def check(self, leave_out: list[str]) -> dict[str, Any]:
        """Compare with a direct execution, which is the set's own."""
        outputs, direct = executed(self.case, leave_out)
        found = state_checker(self.instances, direct)
        differences = [] if found["valid"] else [str(found["details"]["differences"])[:1_000]]
        differences += [
            f"{name}.{field}"
            for name, one in direct.items()
            for field, value in hidden(one).items()
            if value != hidden(self.instances[name])[field]
        ]
        return {
            "differences": differences,
            "outputs": outputs,
            "writes": [[*one.asked_for, one.times_asked] for one in self.written.values()],
            "contradicted": [one.asked_for for one in self.written.values() if one.is_contradicted],
            "reads": self.reads,
            "unkeyed": self.unkeyed,
        }


def made(case: Case) -> dict[str, Any]:
    """Make the worlds of a case as they are at its beginning."""
    found = {}
    for name in case.classes:
        found[name] = world = getattr(import_module(CLASS_FILE_PATH_MAPPING[name]), name)()
        if name not in STATELESS_CLASSES:
            config = copy.deepcopy(case.config.get(name, {}))
            world._load_scenario(config, long_context=case.is_long)
    return found


def result_of(world: Any, method: str, arguments: dict[str, Any]) -> Any:
    """Call a method; return its result as JSON, or in words where it is none, as the set does."""
    value = getattr(world, method)(**arguments)
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return str(value)


def executed(case: Case, leave_out: Iterable[str]) -> tuple[list[str], dict[str, Any]]:
    """Let the set execute its gold calls; return what they gave, and the worlds afterwards."""
    outputs = []
    instances: dict[str, Any] = {}
    for turn in case.turns:
        texts = [call.text for call in turn if call.text not in leave_out]
        said, instances = multi_turn_utils.execute_multi_turn_func_call(
            texts, case.config, case.classes, "direct", case.id, long_context=case.is_long
        )
        outputs += said
    for name in [one for one in vars(multi_turn_utils) if one.startswith("direct_")]:
        delattr(multi_turn_utils, name)  # where the set keeps its worlds
    return outputs, instances


def hidden(instance: Any) -> dict[str, Any]:
    """Return what the set's own check does not look at, such as the state of the world's chance."""
    return {
        name: value.getstate() if isinstance(value, random.Random) else value
        for name, value in vars(instance).items()
        if name.startswith("_")
    }


class Service:
    """All worlds, by case."""

    def __init__(self, seed: int) -> None:
        self._worlds: dict[str, Worlds] = {}
        self._chance = random.Random(seed)
        self._calls = 0
        self._more = threading.Condition()

    def open(self, ids: list[str]) -> dict[str, Any]:
        """Make the worlds of cases, new."""
        for one in ids:
            self._worlds[one] = Worlds(cases()[one])
        return {"cases": len(ids)}

    def call(
        self, case: str, tool: str, arguments: dict[str, Any], key: str | None
    ) -> dict[str, Any]:
        """Carry out a call, and answer a moment later."""
        answer = self._worlds[case].call(tool, arguments, key)
        with self._more:
            self._calls += 1
            self._more.notify_all()
            moment = self._chance.uniform(0, HELD_BACK_S)
        time.sleep(moment)
        return answer

    def wait(self, calls: int, limit_s: float) -> dict[str, Any]:
        """Wait until so many calls were made; say how many it were."""
        with self._more:
            self._more.wait_for(lambda: self._calls >= calls, limit_s)
            return {"calls": self._calls}

    def check(self, case: str, leave_out: list[str]) -> dict[str, Any]:
        """Say what came of a case, beside a direct execution."""
        return self._worlds[case].check(leave_out)


def handler(service: Service) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests: ``POST /call`` with a JSON object, and the like."""
    does: dict[str, Callable[..., dict[str, Any]]] = {
        "/open": service.open, "/wait": service.wait, "/check": service.check,
    }  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/call":
                said = service.call(**given, key=self.headers.get("idempotency-key"))
            else:
                said = does[self.path](**given)
            body = json.dumps(said).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # who asked is dead
                self.close_connection = True

        def log_message(self, *_: Any) -> None: ...

    return Handler


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as workers make."""

    request_queue_size = 256
    daemon_threads = True


def main() -> None:
    """Serve until killed; the first line that is printed says where."""
    server = Server(("127.0.0.1", 0), handler(Service(int(sys.argv[1]))))
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
