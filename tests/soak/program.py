"""What the workers of the soak carry out: calls of a service that throttles and has outages."""

import os

import podium

from podium import Breaker, Concurrency, Degraded, LastGood, Rate, Retry, workflow

LIMIT, PERIOD = 40, "1s"
AT_ONCE = 6
BREAKER = Breaker("flaky", failures=3, open="400ms", probes=1, when_open="auto")
TOOL = {
    "url": f"http://127.0.0.1:{os.environ.get('PODIUM_SOAK_PORT', '9')}/call/{{number}}",
    "allow_private": True, "result": "$.number", "returns": int,
    "rate": Rate(f"{LIMIT}/{PERIOD}", key="flaky"),
    "concurrency": Concurrency(AT_ONCE, key="flaky"), "breaker": BREAKER,
    "retry": Retry(attempts=8, backoff="50ms", on_status=[503, 429]),
}  # fmt: skip

must = podium.http_tool("soak_must", method="GET", parameters={"number": int}, **TOOL)
may = podium.http_tool(
    "soak_may", method="GET", parameters={"number": int}, **TOOL,
    fallback=(LastGood("1h"), Degraded(-1)),
)  # fmt: skip


@workflow(name="soak_errand")
async def errand(number: int) -> list[int]:
    """One call that must be answered, and one that may be answered by something else."""
    first = await must(number=number)
    second = await may(number=number % 10)
    return [first, second]
