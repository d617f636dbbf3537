"""Flows and runs as pictures: what ``podium flow graph`` and ``podium runs graph`` draw.

An arrow from the input is drawn only to nodes that need nothing else: nearly every node reads the
input, and the arrows of all of them would hide the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, get_args

from podium.core.shown import screen_of_environment
from podium.flow.expression import Reference, Template
from podium.flow.interpret import FlowRun, NodeRun, Status
from podium.flow.interpret.bodies import BodyRun
from podium.flow.model import (
    CONCURRENCY,
    Ask,
    Body,
    Call,
    Document,
    Fail,
    ForEach,
    Loop,
    Node,
    SubFlow,
    Switch,
    WaitFor,
    WaitSignal,
    WaitUntil,
    Work,
)
from podium.flow.render.picture import Edge, Group, GroupKind, Picture, State, Vertex, VertexKind

_BOXES: Final[Mapping[str, VertexKind]] = {kind: kind for kind in get_args(VertexKind)}
_FRAMES: Final[Mapping[str, GroupKind]] = {kind: kind for kind in get_args(GroupKind)}
_STATES: Final[Mapping[Status, State]] = {
    Status.WAITING: "waiting", Status.RUNNING: "running", Status.OK: "ok", Status.SKIPPED: "skipped",
    Status.FAILED: "failed", Status.CANCELLED: "cancelled",
}  # fmt: skip
_OUTCOME: Final = "outcome"
_SETTLED: Final[tuple[State, ...]] = ("ok", "skipped", "failed", "cancelled")
_STARTED: Final = ("running", "ok", "failed")

Scope = Mapping[str, str]
"""What a name means at a place: the id of the box or frame of that node."""


def picture_of(document: Document, *, begun: bool | None = None) -> Picture:
    """Return the picture of a flow.

    Args:
        document: What is drawn.
        begun: False for a run of it of which nothing is recorded yet: every node waits.
    """
    drawing = _Drawing(document.name, None if begun is None else "waiting")
    return drawing.whole(document, None)


def picture_of_run(flow_run: FlowRun) -> Picture:
    """Return the picture of a run: how each node stands, what was taken and what was not.

    A child run is one box, and has a picture of its own. Bodies of a ``for_each`` and passes of a loop are folded into one box with their counts; a loop
    that is under way, or has failed, is open and shows its last pass.
    """
    document = flow_run.spec.flow
    return _Drawing(document.name, "waiting").whole(document, flow_run.root)


class _Drawing:
    """What is drawn so far.

    Args:
        title: Of the picture.
        unknown: The state of a node of which the run knows nothing; None where no run is drawn.
    """

    def __init__(self, title: str, unknown: State | None) -> None:
        self._title = title
        self._unknown: State | None = unknown
        self._vertices: list[Vertex] = []
        self._edges: list[Edge] = []
        self._groups: list[Group] = []
        self._states: dict[str, State | None] = {}

    def whole(self, document: Document, root: BodyRun | None) -> Picture:
        """Draw a flow with its input and output."""
        fields: Mapping[str, Any] = document.input.schema.get("properties") or {}
        source = "input" if fields else None
        if source is not None:
            self._vertex(Vertex(source, ", ".join(fields), "input"))
            self._states[source] = self._unknown and "ok"
        self._body(document.body, root, "", None, {}, self._unknown)
        self._from_input(document.body, source)
        if document.body.output is not None:
            self._output(document, root)
        edges = tuple(self._with_way(edge) for edge in self._edges)
        return Picture(self._title, tuple(self._vertices), edges, tuple(self._groups))

    # ends -------------------------------------------------------------------------------

    def _from_input(self, body: Body, source: str | None) -> None:
        led = {edge.target for edge in self._edges}
        for name, node in body.nodes.items():
            reads = any(one.root == "input" for one in node.own_references())
            if source is not None and reads and name not in led:
                self._edges.append(Edge(source, name))

    def _output(self, document: Document, root: BodyRun | None) -> None:
        output = document.body.output
        assert output is not None
        name = "output" if "output" not in document.body.nodes else "$.output"
        state = self._unknown if root is None else _state_of_output(root)
        self._vertex(Vertex(name, "output", "output", state))
        self._reads(name, output.references, {one: one for one in document.body.nodes})

    # nodes ------------------------------------------------------------------------------

    def _body(
        self, body: Body, run: BodyRun | None, prefix: str, group: str | None, around: Scope,
        unknown: State | None,
    ) -> None:  # fmt: skip
        """Draw the nodes of a body; ``unknown`` is how they stand where the run has none of them."""
        scope = {**around, **{name: f"{prefix}{name}" for name in body.nodes}}
        for name, node in body.nodes.items():
            stands = None if run is None else run.nodes[name]
            self._node(node, stands, scope[name], group, scope, unknown)
            if node.handler is not None and node.handler in body.nodes:
                self._edges.append(Edge(scope[name], scope[node.handler], kind="error"))
        for name, node in body.nodes.items():
            self._arrows(node, scope[name], scope)

    def _node(
        self, node: Node, run: NodeRun | None, id_: str, group: str | None, scope: Scope,
        unknown: State | None,
    ) -> None:  # fmt: skip
        state: State | None = unknown if run is None else _STATES[run.status]
        detail = _detail(node) if run is None else _detail_in_run(node, run)
        if isinstance(node.work, SubFlow) and node.work.document is not None and not self._unknown:
            self._group(Group(id_, node.id, "flow", group, state, detail))
            self._body(node.work.document.body, None, f"{id_}/", id_, {}, None)
            return
        if not node.bodies():
            self._vertex(Vertex(id_, node.id, _BOXES[node.kind], state, detail, group))
            return
        is_folded = run is not None and _is_folded(node, run)
        self._group(Group(id_, node.id, _FRAMES[node.kind], group, state, detail, is_folded))
        if isinstance(node.work, Switch):
            self._cases(node.work, run, id_, scope, state)
            return
        inner = _last_body(run)
        within: State | None = state if inner is None or is_folded else "waiting"
        self._body(node.bodies()[0], inner, f"{id_}/", id_, scope, within)

    def _cases(
        self, work: Switch, run: NodeRun | None, id_: str, scope: Scope, state: State | None
    ) -> None:
        taken = _last_body(run)
        for index, case in enumerate(work.cases):
            case_id = f"{id_}[{index}]"
            label = "else" if case.when is None else case.when.source
            is_taken = taken is not None and taken.plan.body is case.body
            stands: State | None = state
            if taken is not None and not is_taken:
                stands = "skipped"
            self._group(Group(case_id, label, "case", id_, stands))
            within = "waiting" if is_taken else stands
            self._body(
                case.body, taken if is_taken else None, f"{case_id}/", case_id, scope, within
            )

    def _vertex(self, vertex: Vertex) -> None:
        self._vertices.append(vertex)
        self._states[vertex.id] = vertex.state

    def _group(self, group: Group) -> None:
        self._groups.append(group)
        self._states[group.id] = group.state

    # arrows -----------------------------------------------------------------------------

    def _arrows(self, node: Node, id_: str, scope: Scope) -> None:
        own = node.own_references()
        self._reads(id_, own, scope)
        read = {one.node for one in own}
        for after in node.after:
            if after.node in scope and after.node not in read:
                is_optional = after.is_optional or node.join.takes_any_end
                self._edges.append(
                    Edge(scope[after.node], id_, kind="order", is_optional=is_optional)
                )

    def _reads(self, id_: str, references: frozenset[Reference], scope: Scope) -> None:
        """Draw an arrow from each node that is read; one that only handles a failure has its own."""
        by_node: dict[str, list[Reference]] = {}
        for one in sorted(references, key=lambda one: (one.column, one.node)):
            if one.node in scope:
                by_node.setdefault(one.node, []).append(one)
        handled = {
            edge.source for edge in self._edges if edge.kind == "error" and edge.target == id_
        }
        for name, many in by_node.items():
            is_optional = all(one.is_optional or one.is_outcome for one in many)
            asks_outcome = all(one.is_outcome for one in many)
            if asks_outcome and scope[name] in handled:
                continue
            label = _OUTCOME if asks_outcome else ""
            self._edges.append(Edge(scope[name], id_, label, is_optional=is_optional))

    def _with_way(self, edge: Edge) -> Edge:
        """Say whether the run went this way."""
        source, target = self._states[edge.source], self._states[edge.target]
        if source is None and target is None:
            return edge
        is_taken: bool | None = None
        if target in ("skipped", "cancelled"):
            is_taken = False
        elif target in _STARTED:
            is_taken = source in _passable(edge)
            if source in ("waiting", "running") and target == "running":
                is_taken = None
        return Edge(edge.source, edge.target, edge.label, edge.kind, edge.is_optional, is_taken)


def _passable(edge: Edge) -> tuple[State, ...]:
    """Return how the source of an arrow must have ended for the run to have gone that way."""
    if edge.kind == "error":
        return ("failed",)
    if edge.label == _OUTCOME or (edge.kind == "order" and edge.is_optional):
        return _SETTLED
    return ("ok",)


# words ------------------------------------------------------------------------------------


def _detail(node: Node) -> str:
    """Say what a node does, and on which condition."""
    words = [_what(node.work, node.id)]
    if node.when is not None:
        words.append(f"when {node.when.source}")
    if node.join.count is not None:
        words.append("join any" if node.join.count == 1 else f"join {node.join.count}")
    elif node.join.takes_any_end:
        words.append("join settled")
    return " · ".join(word for word in words if word)


def _what(work: Work, name: str) -> str:
    match work:
        case Call(task=task):
            return "" if task == name else task
        case SubFlow(label=label) if label:
            return label
        case SubFlow(name=flow, document=document):
            known = document.name if document is not None else flow
            return "" if known == name else known
        case ForEach(items=items, concurrency=concurrency):
            limit = "" if concurrency == CONCURRENCY else f", {concurrency} at once"
            return f"{_text(items)}{limit}"
        case Loop(condition=condition, passes_max=passes_max):
            return f"{condition.source}, at most {passes_max:,} passes"
        case WaitFor(duration=each) | WaitUntil(time=each):
            return _text(each)
        case WaitSignal(name=signal):
            return f"signal {signal}"
        case Ask(to=to):
            return to
        case Fail(message=message):
            return _text(message)
        case _:
            return ""


def _text(template: Template) -> str:
    """Return what stands in a template; an expression that is all of it without its braces."""
    source = template.source
    if not isinstance(source, str):
        return str(source)
    expressions = list(template.expressions())
    is_all = len(expressions) == 1 and source == f"${{{expressions[0].source}}}"
    return expressions[0].source.strip() if is_all else source


def _detail_in_run(node: Node, run: NodeRun) -> str:
    says_what = not node.bodies() and not isinstance(node.work, Fail)
    words = [_what(node.work, node.id)] if says_what else []
    words.append(progress(run))
    words.append(remark(run))
    return " · ".join(word for word in words if word) or (
        _detail(node) if run.status is Status.WAITING else ""
    )


# a run ------------------------------------------------------------------------------------


def progress(run: NodeRun) -> str:
    """Say how far a ``for_each`` or a loop is; an empty text for any other node, and before it starts."""
    work = run.plan.node.work
    if run.status in (Status.WAITING, Status.SKIPPED):
        return ""
    if isinstance(work, ForEach):
        return f"{run.done:,} of {run.total:,} done{_failures(run, work)}"
    if isinstance(work, Loop):
        if run.status is Status.RUNNING:
            return f"pass {min(run.done + 1, run.total):,} of at most {run.total:,}"
        return "1 pass" if run.done == 1 else f"{run.done:,} passes"
    return ""


def remark(run: NodeRun) -> str:
    """Say for people why a node was skipped or cancelled, or how it failed."""
    if run.error is not None:
        error = run.error.error
        while error.code in ("child-failed", "step-failed") and error.cause is not None:
            error = error.cause
        message = screen_of_environment().text(error.message)
        return f"{error.type}: {message}" if message else error.type
    condition = run.plan.node.when
    if run.reason == "when" and condition is not None:
        return f"{condition.source} is false"
    return run.reason


def _failures(run: NodeRun, work: ForEach) -> str:
    if not work.is_partial or run.status is not Status.OK:
        return ""
    ends = Counter(each["status"] for each in run.value)
    return "".join(f", {ends[word]:,} {word}" for word in ("failed", "skipped") if ends[word])


def _is_folded(node: Node, run: NodeRun) -> bool:
    if isinstance(node.work, Loop):
        return run.status not in (Status.WAITING, Status.RUNNING, Status.FAILED)
    return isinstance(node.work, ForEach) and run.status is not Status.WAITING


def _last_body(run: NodeRun | None) -> BodyRun | None:
    if run is None or not run.inner:
        return None
    *_, last = run.inner
    assert isinstance(last, BodyRun)
    return last


def _state_of_output(root: BodyRun) -> State:
    nodes = root.nodes
    if root.failure is not None:
        return "skipped"
    if not all(run.is_settled for run in nodes.values()):
        return "waiting"
    if any(run.reason in ("cancelled", "the flow failed") for run in nodes.values()):
        return "skipped"
    assert root.plan.output is not None
    plain = [nodes[name] for name in root.plan.output.plain if name in nodes]
    return "ok" if all(run.status is Status.OK for run in plain) else "failed"
