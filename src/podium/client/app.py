"""``Podium``: one database, the runs in it, and, unless it is a client only, their execution."""

from __future__ import annotations

import os

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack

from podium.client.budgets import BudgetView
from podium.client.common import BreakerView, LimitView, LockPlace, LockView
from podium.client.desk import NOT_OPEN, Desk, DeskOptions
from podium.client.handle import Run
from podium.client.locations import database_path
from podium.client.views import AskView, RunView
from podium.core.budgets import (
    Budget,
    BudgetLimits,
    checked_budgets,
    part_budget,
    require_higher,
    said_limits,
)
from podium.core.codec import encode_sorted
from podium.core.durations import Duration, some_seconds
from podium.core.errors import (
    BreakerNotFound,
    BudgetNotFound,
    IdInUse,
    InvalidOption,
    LockNotFound,
    UsageError,
)
from podium.core.limits import PAYLOAD_BYTES_MAX, RUN_ID_CHARS_MAX
from podium.core.priority import PRIORITY_HEADER, checked_priority
from podium.core.spec import WorkflowSpec, registry
from podium.engine.engine import EngineOptions
from podium.engine.terms import Terms
from podium.functions.calls import Workflow
from podium.journal.records import Kind, decode_value
from podium.journal.store import Batch, RunRow
from podium.policy import breaker, budget, lock

R = TypeVar("R")
_FOREVER = 1 << 62


class WorkerKeywords(TypedDict, total=False):
    """Options of :class:`Podium` about the worker in this process.

    Attributes:
        only: Execute these run ids and no others.
        runs_max: Most runs of other processes that this one takes on at once; 1,000 unless given.
        resident_max: Most runs held in memory before quiet ones leave it until they are woken;
            10,000 unless given.
        kill_frozen: End a process of the same user that has held the file for 5 s in silence.
        name: What this worker is called in lists.
    """

    only: frozenset[str] | None
    runs_max: int
    resident_max: int
    kill_frozen: bool
    name: str


class Podium:
    """A database of runs. Use it with ``async with``.

    Args:
        database: A path, a ``sqlite:///`` URL or ``:memory:``; ``$PODIUM_DB`` or ``./podium.db``
            unless given.
        execute: Whether this process also executes and recovers runs of the workflows it knows.
        payload_bytes_max: Largest value as JSON, in bytes.
        create: Make the database if it is not there; else that is an error.
        worker: As of :class:`WorkerKeywords`.
        budgets: What runs may spend together, by their attributes: ``Budget("user:{user}", usd=5,
            per="day")``. A run that is started here stands under them wherever it is executed.
    """

    def __init__(
        self, database: str | os.PathLike[str] | None = None, *, execute: bool = True,
        payload_bytes_max: int = PAYLOAD_BYTES_MAX, create: bool = True,
        budgets: Iterable[Budget] = (), **worker: Unpack[WorkerKeywords],
    ) -> None:  # fmt: skip
        for option in worker:
            if option not in WorkerKeywords.__annotations__:
                known = ", ".join(WorkerKeywords.__annotations__)
                raise InvalidOption(f"Podium({option}=…): no such option; known too: {known}.")
        self.path: str = database_path(database)
        self.executes: bool = execute
        self._options = DeskOptions(
            executes=execute, kill_frozen=worker.get("kill_frozen", False),
            name=worker.get("name", ""), create=create,
            engine=EngineOptions(
                payload_bytes_max=payload_bytes_max, runs_max=worker.get("runs_max", 1_000),
                resident_max=worker.get("resident_max", 10_000), only=worker.get("only"),
                budgets=checked_budgets(budgets),
            ),
        )  # fmt: skip
        self._desk: Desk | None = None

    # life -------------------------------------------------------------------------------

    async def open(self) -> Self:
        """Open the database; begin to execute and recover unless this is a client only.

        Raises:
            StoreError: The file cannot be used; it says why and is left as it was.
        """
        if self._desk is not None:
            raise UsageError(f"This Podium on {self.path} is open already.")
        self._desk = Desk(self.path, self._options)
        return self

    async def close(self) -> None:
        """Start nothing new, give effects in flight 10 s, let go of the runs, empty the WAL."""
        desk, self._desk = self._desk, None
        if desk is not None:
            await desk.close()

    @property
    def desk(self) -> Desk:
        """What lies behind the app: the open database and the worker in it.

        Raises:
            UsageError: The app is not open.
        """
        if self._desk is None:
            raise UsageError(NOT_OPEN)
        return self._desk

    @property
    def is_stopped(self) -> bool:
        """Whether this worker had to stop (fenced, disk failure)."""
        return self._desk is not None and self._desk.problem is not None

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # runs -------------------------------------------------------------------------------

    async def start(
        self, workflow: Workflow[..., R] | str, input: dict[str, Any] | None = None, *,
        id: str | None = None, headers: dict[str, Any] | None = None, priority: int | None = None,
        timeout: Duration | None = None, budget: Budget | None = None,
    ) -> Run[R]:  # fmt: skip
        """Start a run; return when its acceptance is committed.

        Args:
            workflow: The workflow or flow, or the name of a workflow.
            input: Its arguments by name.
            id: The run's id: the same id and input give the same run; a fresh one unless given.
            headers: Attributes that reach every task, child and log line (tenant, user, locale).
            priority: Added to that of each step: of those that wait for one limit or lock, the
                higher goes first. Children have it too; it is the header ``podium.priority``.
            timeout: The longest it may take, from now; what the workflow says unless given. The
                run then fails with code ``timeout``, and what it did is undone.
            budget: How much it and its children may spend; what the workflow says unless given.

        Raises:
            InputInvalid: The input does not fit the workflow; nothing was written.
            InvalidOption: The id, the priority, the timeout or the budget is none.
            IdInUse: The id belongs to a run with another workflow or other input.
            UnknownWorkflow: No workflow of that name is registered here.
        """
        spec = registry.workflow(workflow) if isinstance(workflow, str) else workflow.spec
        bound = spec.binder.from_mapping(input or {})
        encoded, copy = spec.binder.copy(bound, self._options.engine.payload_bytes_max)
        run_id = self._checked_id(id)
        attributes = _with_priority(headers or {}, priority)
        terms = Terms(
            None if timeout is None else some_seconds(timeout, what="start(timeout)"),
            None if budget is None else part_budget("start: budget", budget),
        )
        desk = self.desk
        existing = desk.reader.run(run_id) if id is not None else None
        if existing is None:
            existing = await desk.accept(spec, encoded, run_id, attributes, terms)
        if existing is not None:
            self._require_same(existing, spec, copy)
        return Run(desk, run_id, spec.returns)

    async def get(self, run_id: str) -> Run[Any]:
        """Return a run by its id.

        Raises:
            RunNotFound: There is none; near ids are suggested.
        """
        row = self.desk.row(run_id)
        known = registry.workflows.get(row.workflow)
        return Run(self.desk, run_id, known.returns if known else None)

    async def runs(
        self, *, status: str | None = None, workflow: str | None = None, limit: int = 100
    ) -> list[RunView]:
        """Return the newest runs."""
        statuses = (status,) if status else ()
        rows = self.desk.reader.runs(statuses=statuses, workflow=workflow, limit=limit)
        return [RunView.of(row) for row in rows]

    async def asks(self) -> list[AskView]:
        """Return every open question to a person, of all runs."""
        found = []
        for row in self.desk.reader.asks():
            run = self.desk.reader.run_by_num(row.run)
            found.append(AskView.of(row, run.id if run else "?"))
        return found

    # what runs share ----------------------------------------------------------------------

    def breakers(self) -> list[BreakerView]:
        """Return every breaker, how it stands and why."""
        return self.desk.common.breakers()

    def limits(self) -> list[LimitView]:
        """Return the rates and limits of concurrency that are in use."""
        return self.desk.common.limits()

    def budgets(self, *, with_ended: bool = False) -> list[BudgetView]:
        """Return the budgets in which something was reserved.

        Args:
            with_ended: Whether those of runs that have ended are among them.
        """
        return self.desk.common.budgets(with_ended=with_ended)

    async def raise_budget(
        self, key: str, *, by: str = "an operator", **limits: Unpack[BudgetLimits]
    ) -> BudgetView:
        """Raise limits of a budget: what waits for it goes on.

        Of a budget per hour, day or month it holds until the period is over.

        Args:
            key: As :meth:`budgets` has it.
            by: Who raises it.
            limits: The new ones.

        Raises:
            BudgetNotFound: Nothing was ever reserved in one of that name.
            InvalidOption: That is not limited, or not lower.
        """
        known = {one.key: one for one in self.budgets(with_ended=True)}
        if key not in known:
            raise BudgetNotFound(key, known)
        raised = said_limits(limits, f"raise_budget({key!r})")
        require_higher(key, known[key].limits, raised)
        await self.desk.decide(budget.KIND, key, budget.Raise(raised, by))
        return next(one for one in self.budgets(with_ended=True) if one.key == key)

    def locks(self) -> list[LockView]:
        """Return every lock that a run has, and who waits for it."""
        return self.desk.common.locks()

    async def reset_breaker(self, key: str, *, by: str = "an operator") -> BreakerView:
        """Close a breaker by hand: calls pass again, whatever was counted.

        Raises:
            BreakerNotFound: No call was ever reported to one of that name.
        """
        known = {one.key for one in self.breakers()}
        if key not in known:
            raise BreakerNotFound(key, known)
        await self.desk.decide(breaker.KIND, key, breaker.Reset(by))
        return next(one for one in self.breakers() if one.key == key)

    async def release_lock(self, key: str, *, by: str = "an operator") -> LockPlace:
        """Take a lock from who has it; return who that was. The next in line has it then.

        The run is not told: its fence is out of date from then on.

        Raises:
            LockNotFound: Nobody has a lock of that name.
        """
        known = {one.key for one in self.locks()}
        if key not in known:
            raise LockNotFound(key, known)
        holder = next(one.holder for one in self.locks() if one.key == key)
        await self.desk.decide(lock.KIND, key, lock.Break(by))
        return holder

    async def clear_cache(self, task: str | None = None) -> None:
        """Forget the kept results of a task, or of all tasks: they are computed anew."""
        await self.desk.commit(Batch(unkept=[(task or "", _FOREVER)]))

    # inside -----------------------------------------------------------------------------

    def _checked_id(self, given: str | None) -> str:
        if given is None:
            return f"run-{os.urandom(6).hex()}"
        if (
            not isinstance(given, str)
            or not given.strip()
            or len(given) > RUN_ID_CHARS_MAX
            or "\n" in given
        ):
            raise InvalidOption(
                f"Run id {given!r}: expected a text of 1 to {RUN_ID_CHARS_MAX} characters."
            )
        return given

    def _require_same(self, row: RunRow, spec: WorkflowSpec, bound: dict[str, Any]) -> None:
        if row.workflow != spec.name:
            raise IdInUse(row.id, f"workflow {row.workflow!r}, not {spec.name!r}")
        recorded = self.desk.open_envelope(row, self._given_input(row)) or b"{}"
        if encode_sorted(spec.binder.decode(recorded)) != encode_sorted(bound):
            raise IdInUse(row.id, f"other input: {recorded[:200].decode(errors='replace')}")

    def _given_input(self, row: RunRow) -> bytes:
        """Return what a run was started with, whatever ``restart_with`` has made of it."""
        after = 0
        while row.incarnation and (page := self.desk.reader.records(row.num, after)):
            for record in page:
                if record.kind == Kind.RESTARTED:
                    return bytes(decode_value(record.body).v)
            after = page[-1].seq
        return row.input


def _with_priority(headers: dict[str, Any], priority: int | None) -> dict[str, Any]:
    """Return the attributes of a run with its priority."""
    if priority is not None:
        headers = {**headers, PRIORITY_HEADER: priority}
    if PRIORITY_HEADER in headers:
        checked_priority("start: priority", headers[PRIORITY_HEADER])
    return headers
