"""The table of workloads: what is run, by whom, how often, and which figures count."""

from __future__ import annotations

from dataclasses import dataclass, replace

ROUNDS, SLOW = 5, 3


@dataclass(frozen=True)
class Entry:
    """One system in one mode in the line-up of a workload."""

    system: str
    mode: str
    rounds: int = ROUNDS
    n: int = 0
    """Another size than the workload's, where a rival would take too long."""

    @property
    def who(self) -> tuple[str, str]:
        """Return system and mode."""
        return self.system, self.mode


@dataclass(frozen=True)
class Figure:
    """One figure of a result: its key in the JSON line and its column in the report."""

    key: str
    title: str
    digits: int = 0


@dataclass(frozen=True)
class Workload:
    """One thing that all systems are asked to do; the first figure is what is compared."""

    name: str
    title: str
    n: int
    line_up: tuple[Entry, ...]
    figures: tuple[Figure, ...]
    more_is_better: bool = False
    cap: float = 90.0

    def matches(self, selection: list[str]) -> bool:
        """Say whether a name or its first word selects this workload."""
        return not selection or any(
            self.name == s or self.name.startswith(f"{s}_") for s in selection
        )

    def smaller(self) -> Workload:
        """Return a tenth of it, for a quick look."""
        entries = tuple(replace(e, rounds=1, n=max(e.n // 10, min(e.n, 5))) for e in self.line_up)
        return replace(self, n=max(self.n // 10, min(self.n, 5)), line_up=entries)


def once(entry: Entry) -> Entry:
    """Let somebody run in the first round only."""
    return replace(entry, rounds=1)


PODIUM = Entry("podium", "default")
PODIUM_SLOW = Entry("podium", "default", SLOW)
PODIUM_THREADS = Entry("podium", "thread")
PODIUM_PLAIN = Entry("podium", "plain")
ASYNCIO = Entry("floors", "asyncio")
COMMIT = Entry("floors", "commit")
FSYNC = Entry("floors", "fsync")
BURR = Entry("burr", "memory")
PYDANTIC = Entry("pydantic-graph", "memory")
PYDANTIC_AI = Entry("pydantic-ai", "memory")
LANGCHAIN = Entry("langchain", "memory")
LLAMA = Entry("llama", "memory", SLOW)
GRAPH = Entry("langgraph", "graph-sync", SLOW)
GRAPH_DEFAULT = Entry("langgraph", "graph-async", SLOW)
GRAPH_MEMORY = Entry("langgraph", "graph-none", SLOW)
FUNCTIONAL = Entry("langgraph", "func-sync", SLOW)
DBOS = Entry("dbos", "sqlite", SLOW)
RESTATE = Entry("restate", "default", SLOW)
TEMPORAL = Entry("temporal", "activity", 1)
TEMPORAL_LOCAL = Entry("temporal", "local", SLOW)
PREFECT = Entry("prefect", "server", 1)
IN_MEMORY = (BURR, PYDANTIC)

PER_S = Figure("per_s", "steps/s")
PER_STEP = Figure("ms_per_step", "ms/step", 4)
PEAK = Figure("peak_mb", "peak MB", 1)
SECONDS = Figure("secs", "s", 3)
BESIDE = (
    Figure("ratio", "÷ function", 2),
    SECONDS,
    Figure("function_s", "s, as a function in the same run", 3),
)
NODES = (
    Figure("ms_per_node", "ms a node", 3),
    Figure("check_ms", "of it reading and checking, ms in all", 0),
    SECONDS,
)
DISK = (Figure("disk_ratio", "on disk ÷ data", 2), Figure("disk_mb", "MB on disk", 2))

WORKLOADS: tuple[Workload, ...] = (
    Workload(
        "chain_read",
        "a workflow of 1,000 `read` steps, one after the other",
        1000,
        (
            ASYNCIO,
            FSYNC,
            PODIUM,
            *IN_MEMORY,
            GRAPH_MEMORY,
            GRAPH_DEFAULT,
            GRAPH,
            FUNCTIONAL,
            DBOS,
            RESTATE,
            TEMPORAL,
            TEMPORAL_LOCAL,
            PREFECT,
            LLAMA,
        ),
        (PER_S, PER_STEP),
        more_is_better=True,
    ),
    Workload(
        "chain_write",
        "a workflow of 1,000 `write` steps, one after the other",
        1000,
        (COMMIT, PODIUM),
        (PER_S, PER_STEP),
        more_is_better=True,
    ),
    Workload(
        "map_1k",
        "1,000 steps side by side, then a join",
        1000,
        (
            ASYNCIO,
            PODIUM,
            *IN_MEMORY,
            GRAPH_MEMORY,
            GRAPH,
            FUNCTIONAL,
            DBOS,
            RESTATE,
            TEMPORAL,
            TEMPORAL_LOCAL,
            PREFECT,
            LLAMA,
        ),
        (PER_S, SECONDS, PEAK),
        more_is_better=True,
    ),
    Workload(
        "map_10k",
        "10,000 steps side by side, then a join",
        10_000,
        (ASYNCIO, PODIUM_SLOW, replace(BURR, rounds=SLOW), once(GRAPH)),
        (PER_S, SECONDS, PEAK),
        more_is_better=True,
    ),
    Workload(
        "runs",
        "500 workflows of 10 `write` steps at once",
        500,
        (PODIUM, *IN_MEMORY, GRAPH, FUNCTIONAL, DBOS, RESTATE, once(TEMPORAL_LOCAL), LLAMA),
        (PER_S, Figure("p50_ms", "p50 ms"), Figure("p99_ms", "p99 ms"), PEAK),
        more_is_better=True,
        cap=120,
    ),
    Workload(
        "light",
        "Windmill's 40 light tasks: fib(10) in a row (`pure`)",
        40,
        (
            ASYNCIO,
            PODIUM,
            PODIUM_THREADS,
            *IN_MEMORY,
            GRAPH,
            FUNCTIONAL,
            DBOS,
            RESTATE,
            TEMPORAL,
            PREFECT,
        ),
        (Figure("total_ms", "ms in all", 2),),
    ),
    Workload(
        "tools",
        "2,000 calls of a tool by name, with arguments as a model writes them, checked against its "
        "schema; Podium in a run: each is a `read` step too",
        2000,
        (PODIUM, PODIUM_PLAIN, PYDANTIC_AI, LANGCHAIN),
        (PER_S, PER_STEP),
        more_is_better=True,
    ),
    Workload(
        "agent",
        "50 pieces of work of an agent, one after the other: ten replies of the model that call a tool "
        "with arguments that are checked, then its answer; the model is a function that costs nothing, so "
        "all of it is the loop; Podium in runs: each reply and each call is a step too",
        50,
        (PODIUM, PODIUM_PLAIN, PYDANTIC_AI, GRAPH_MEMORY),
        (Figure("ms_per_step", "ms/turn", 4), SECONDS),
    ),
    Workload(
        "long",
        "Windmill's 10 long tasks: fib(33) in a row; Podium with process isolation",
        10,
        (PODIUM_SLOW, *map(once, (GRAPH, DBOS, RESTATE, TEMPORAL, PREFECT))),
        (
            SECONDS,
            Figure("pool_s", "s, bare pool in the same run", 3),
            Figure("ratio", "÷ pool", 3),
        ),
    ),
    Workload(
        "long_par",
        "the same 10 tasks side by side, as many processes as cores",
        10,
        (PODIUM_SLOW,),
        (
            SECONDS,
            Figure("pool_s", "s, bare pool in the same run", 3),
            Figure("ratio", "÷ pool", 3),
        ),
    ),
    Workload(
        "start",
        "from start() on an idle engine to the first step running (median of 20)",
        20,
        (
            PODIUM,
            *IN_MEMORY,
            GRAPH_MEMORY,
            GRAPH,
            FUNCTIONAL,
            DBOS,
            RESTATE,
            TEMPORAL,
            TEMPORAL_LOCAL,
            PREFECT,
            LLAMA,
        ),
        (Figure("ms", "ms", 3), Figure("max_ms", "slowest of 20, ms", 3)),
    ),
    Workload(
        "payload",
        "50 steps that return 100 KB of JSON each",
        50,
        (COMMIT, PODIUM, GRAPH, FUNCTIONAL, DBOS, RESTATE, TEMPORAL),
        (SECONDS, *DISK),
    ),
    Workload(
        "growth_200b",
        "a list growing for 2,000 turns by 200 B (the list is the step's argument and result)",
        2000,
        (PODIUM_SLOW,),
        (*DISK, SECONDS, PEAK),
    ),
    Workload(
        "growth_1k",
        "a list growing for 2,000 turns by 1 kB (rivals: 200 turns)",
        2000,
        (PODIUM_SLOW, replace(GRAPH, n=200), replace(DBOS, n=200)),
        (*DISK, SECONDS, PEAK),
    ),
    Workload(
        "resume_open",
        "engine's part of a resume: from opening the file of a killed run of 1,000 recorded "
        "steps to its first new step",
        1000,
        (PODIUM,),
        (Figure("ms", "ms", 2), Figure("open_ms", "of it opening, ms", 2)),
    ),
    Workload(
        "resume_kill",
        "kill -9 of the worker at step 500 of 1,000, then start again (with process start)",
        1000,
        (PODIUM_SLOW, GRAPH, once(GRAPH_DEFAULT), once(FUNCTIONAL), DBOS, RESTATE, TEMPORAL),
        (
            Figure("resume_s", "s to the first new step", 3),
            Figure("finish_s", "s to the end", 3),
            Figure("twice", "steps run twice"),
        ),
        cap=150,
    ),
    Workload(
        "flow_chain",
        "1,000 `read` steps as a document, beside the same as a function",
        1000,
        (PODIUM_SLOW,),
        BESIDE,
    ),
    Workload(
        "flow_map",
        "a `for_each` of 10,000 items, beside `podium.map`",
        10_000,
        (PODIUM_SLOW,),
        BESIDE,
    ),
    Workload(
        "flow_check",
        "a document of 2,000 nodes: read, checked, and scheduled to its end",
        2000,
        (PODIUM_SLOW,),
        NODES,
    ),
    Workload(
        "flow_check_20k",
        "the same with 20,000 nodes",
        20_000,
        (PODIUM_SLOW,),
        NODES,
    ),
    Workload(
        "policies",
        "1,000 `read` steps under policies that have nothing to do, beside bare ones",
        1000,
        (PODIUM_SLOW,),
        (
            Figure("ratio", "all of them ÷ bare", 2),
            Figure("breaker_ratio", "retry, timeout, breaker", 2),
            Figure("limit_ratio", "concurrency", 2),
            Figure("rate_ratio", "rate", 2),
            Figure("bare_us", "bare, µs"),
        ),
    ),
    Workload(
        "import",
        "importing the package, over a bare interpreter (median of 5)",
        5,
        (
            PODIUM_SLOW,
            *map(once, (*IN_MEMORY, GRAPH, DBOS, RESTATE, TEMPORAL, PREFECT, LLAMA)),
        ),
        (Figure("ms", "ms over bare", 0), Figure("bare_ms", "bare, ms", 0)),
    ),
    Workload(
        "cpu",
        "time from one `write` step to the next, beside a thread that computes",
        300,
        (COMMIT, PODIUM),
        (
            Figure("busy_ms", "busy, ms", 3),
            Figure("idle_ms", "idle, ms", 3),
            Figure("ratio", "busy ÷ idle", 2),
            Figure("spinner_percent", "% of its speed the thread kept"),
        ),
    ),
)
