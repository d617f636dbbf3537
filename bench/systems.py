"""The systems under test: where they come from and what each mode really guarantees.

The guarantees were measured (fsync counts by strace, steps run twice after kill -9); what is only
read from source or configuration says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = Path(__file__).parent / "pins"


@dataclass(frozen=True)
class Mode:
    """One way to run a system.

    Attributes:
        label: What the report calls it.
        durable: Whether a result is on disk before the next step starts: yes, nearly, no.
            Only "no" is left out when the best durable rival is looked for.
        guarantee: What was found about it.
        commits: What a step costs on disk.
    """

    label: str
    durable: str
    guarantee: str
    commits: str = "none"


@dataclass(frozen=True)
class System:
    """One system: its peer module, its environment, its modes."""

    name: str
    modes: dict[str, Mode]
    module: str = ""
    is_pinned: bool = True
    in_all_only: bool = False
    npm: str = ""
    settings: str = ""

    @property
    def peer(self) -> str:
        """Return the module that runs it."""
        return f"bench.peers.{self.module or self.name}"

    @property
    def pins(self) -> Path:
        """Return the file of its pinned distributions."""
        return PINS / f"{self.name}.txt"


def in_memory(label: str) -> dict[str, Mode]:
    """Return the one mode of a system that keeps nothing."""
    return {"memory": Mode(label, "no", "memory only; nothing survives the process")}


SYSTEMS: dict[str, System] = {
    s.name: s
    for s in (
        System(
            "podium",
            {
                "default": Mode(
                    "Podium",
                    "as promised",
                    "a `write` step's result is on disk before anything that rests on it leaves "
                    "the store; `read` and `pure` results share commits (a crash makes them run "
                    "again, never lose an effect)",
                    "SQLite WAL, synchronous=FULL: 1 commit per `write` step, shared ones for "
                    "`read` and `pure`",
                ),
                "thread": Mode("Podium, sync tasks in threads", "as promised", "as above"),
                "plain": Mode("Podium, outside of a run", "no", "memory only; for `tools`"),
            },
            is_pinned=False,
            settings="defaults; async tasks; `podium.map` with its default of 100 in flight",
        ),
        System(
            "floors",
            {
                "asyncio": Mode("floor: asyncio await/gather", "no", "memory only"),
                "commit": Mode(
                    "floor: INSERT, COMMIT (SQLite WAL, FULL)",
                    "yes",
                    "each row is on disk before the next",
                    "1 commit, 1 fsync per row",
                ),
                "fsync": Mode(
                    "floor: append, fsync",
                    "yes",
                    "each line is on disk before the next",
                    "1 fsync per line",
                ),
            },
            is_pinned=False,
            settings="standard library only",
        ),
        System(
            "langgraph",
            {
                "graph-sync": Mode(
                    "LangGraph graph, SQLite `sync`",
                    "yes",
                    "waits for the checkpoint of each super-step; a task's writes are a second "
                    "commit; 0–1 steps run again after kill -9",
                    "SQLite WAL, FULL: 2 commits, 2 fsyncs per step",
                ),
                "graph-async": Mode(
                    "LangGraph graph, SQLite `async` (its default)",
                    "no",
                    "a background thread writes and its lag has no bound: with 0.2 ms steps "
                    "489–501 of about 505 finished steps ran again after kill -9",
                    "2 fsyncs per step, later",
                ),
                "func-sync": Mode(
                    "LangGraph functional, SQLite `sync`",
                    "nearly",
                    "a task's result goes to a background thread in this mode too: the last 2–4 "
                    "tasks run again after kill -9",
                    "1 fsync per task",
                ),
                "graph-none": Mode("LangGraph graph, no persistence", "no", "memory only"),
            },
            settings="one node in a loop by a conditional edge, `invoke`; `runs`: `ainvoke` and "
            "AsyncSqliteSaver on one connection",
        ),
        System(
            "dbos",
            {
                "sqlite": Mode(
                    "DBOS, SQLite as shipped",
                    "yes",
                    "each step's result is committed before the next; 0–1 steps run again after "
                    "kill -9",
                    "rollback journal, FULL: 4 fsyncs per step",
                )
            },
            settings="sync workflows (faster than its async ones), default pools; `map`: "
            "asyncio.gather of async steps; `runs`: start_workflow, results collected in order",
        ),
        System(
            "burr",
            in_memory("Burr, in memory"),
            settings="async actions, no persister, no tracker; an application is built per run",
        ),
        System(
            "pydantic-graph",
            in_memory("pydantic-graph, in memory"),
            module="pydantic_graph",
            settings="builder graphs, no persistence",
        ),
        System(
            "pydantic-ai",
            in_memory("pydantic-ai, in memory"),
            module="pydantic_ai",
            settings="`ToolManager.handle_call` of a function toolset, without a model",
        ),
        System(
            "langchain",
            in_memory("LangChain, in memory"),
            settings="`ainvoke` of a `@tool`, tracing off",
        ),
        System(
            "restate",
            {
                "default": Mode(
                    "Restate",
                    "yes",
                    "0–1 steps run twice in 8 kills, also with the server killed; that the log of "
                    "RocksDB is synced is read from its configuration",
                    "about 1.9 fsyncs per step (single node, 24 partitions)",
                )
            },
            in_all_only=True,
            npm="@restatedev/restate-server@1.7.12",
            settings="server defaults, `ctx.run_typed` per step, one hypercorn worker",
        ),
        System(
            "temporal",
            {
                "activity": Mode(
                    "Temporal dev server, activities",
                    "yes",
                    "several transactions per step; a lost activity is found by its 10 s timeout",
                    "24 fsyncs per activity (SQLite)",
                ),
                "local": Mode(
                    "Temporal dev server, local activities",
                    "no",
                    "results go to the server with the workflow task's end: all 500 finished "
                    "ones ran again after kill -9",
                    "0 per step",
                ),
            },
            in_all_only=True,
            settings="dev server on a SQLite file, worker and client in one process, default "
            "worker options; of an activity's time 27–38 ms are a wait on the sticky queue whose "
            "cause was not found; the dev server is no production deployment",
        ),
        System(
            "prefect",
            {
                "server": Mode(
                    "Prefect, server on SQLite",
                    "no",
                    "task states are sent as events, asynchronously; results are not kept",
                    "server: WAL, NORMAL (no fsync per commit)",
                )
            },
            in_all_only=True,
            settings="tasks called in a row, `.submit()` for the fan-out, caching off; a flow has "
            "a fixed cost of about 1 s at its end",
        ),
        System(
            "llama",
            in_memory("llama-index-workflows, in memory"),
            in_all_only=True,
            settings="num_workers=100 for the fan-out",
        ),
    )
}


def mode_of(system: str, mode: str) -> Mode:
    """Return a mode by its two names."""
    return SYSTEMS[system].modes[mode]
