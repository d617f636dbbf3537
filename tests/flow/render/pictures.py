"""Pictures for the tests: drawn by Hypothesis, and a few that look like real flows."""

from hypothesis import strategies as st

from podium.flow.render import Edge, Group, Picture, Vertex
from podium.flow.render.picture import STATES

LABELS = st.one_of(
    st.sampled_from(["pay", "end", "a" * 60, "日本語", "🚀", "<b>&\"'", "", "e\u0301"]),
    st.text(max_size=12),
)
STATE = st.sampled_from([None, *STATES])


@st.composite
def pictures(draw, *, is_sound: bool = False, is_folding: bool = True) -> Picture:
    """Any picture; a sound one has arrows only from what comes before, at every depth."""
    ids: list[str] = []
    groups: list[Group] = []
    vertices: list[Vertex] = []

    def fill(group: str | None, depth: int) -> None:
        for _ in range(draw(st.integers(0 if group else 1, 5))):
            number = len(groups) + len(vertices)
            id = f"{group}/p{number}" if group else f"p{number}"
            ids.append(id)
            if depth < 3 and draw(st.integers(0, 3)) == 0:
                kind = draw(st.sampled_from(["for_each", "until", "switch", "case"]))
                is_folded = is_folding and draw(st.integers(0, 4)) == 0
                groups.append(
                    Group(id, draw(LABELS), kind, group, draw(STATE), draw(LABELS), is_folded)
                )
                fill(id, depth + 1)
            else:
                kind = draw(st.sampled_from(["call", "ask", "input", "set"]))
                vertices.append(Vertex(id, draw(LABELS), kind, draw(STATE), draw(LABELS), group))

    fill(None, 0)
    edges = []
    for _ in range(draw(st.integers(0, 2 * len(ids)))):
        source, target = draw(st.integers(0, len(ids) - 1)), draw(st.integers(0, len(ids) - 1))
        if is_sound and source > target:
            source, target = target, source
        edges.append(
            Edge(
                ids[source],
                ids[target],
                draw(st.one_of(st.just(""), LABELS)),
                draw(st.sampled_from(["data", "data", "order", "error"])),
                draw(st.booleans()),
                draw(st.sampled_from([None, True, False])),
            )
        )
    return Picture(draw(LABELS), tuple(vertices), tuple(edges), tuple(groups))


def support() -> Picture:
    """A run of the support flow for a message without an order number."""
    return Picture(
        "support",
        (
            Vertex("intent", "intent", "call", "ok", "parse_intent"),
            Vertex("kb", "kb", "call", "ok", "search_kb"),
            Vertex("order", "order", "call", "skipped", "order_status"),
            Vertex("reply", "reply", "call", "running", "format_response"),
            Vertex("output", "output", "output", "waiting", "reply.text"),
        ),
        (
            Edge("intent", "kb"),
            Edge("intent", "order", "has(order_id)", is_taken=False),
            Edge("kb", "reply", is_taken=True),
            Edge("order", "reply", is_optional=True, is_taken=False),
            Edge("reply", "output"),
        ),
    )


def triage() -> Picture:
    """A run with a folded map, a switch with two cases, and a loop."""
    return Picture(
        "triage",
        (
            Vertex("intent", "intent", "call", "ok", "parse_intent"),
            Vertex("pages/get", "get", "call", "ok", "fetch", "pages"),
            Vertex("route/refund/pay", "pay", "call", "failed", "refund_payment", "route/refund"),
            Vertex("route/else/hand_over", "hand_over", "flow", "skipped", "human", "route/else"),
            Vertex("draft/write", "write", "call", "ok", "revise", "draft"),
            Vertex("draft/judge", "judge", "call", "running", "critique", "draft"),
            Vertex("alert", "alert", "call", "waiting", "page"),
            Vertex("audit", "audit", "call", "cancelled", "write_audit"),
            Vertex("reply", "reply", "call", "waiting", "format_response"),
        ),
        (
            Edge("intent", "route/refund", "kind == 'refund'", is_taken=True),
            Edge("intent", "route/else", "else", is_taken=False),
            Edge("intent", "draft/judge"),
            Edge("intent", "audit", kind="order"),
            Edge("pages/get", "draft"),
            Edge("draft/write", "draft/judge"),
            Edge("route", "reply", is_optional=True),
            Edge("draft", "reply"),
            Edge("route/refund/pay", "alert", kind="error"),
        ),
        (
            Group(
                "pages",
                "pages",
                "for_each",
                None,
                "running",
                "8,912 of 10,000 done, 3 failed",
                is_folded=True,
            ),
            Group("route", "route", "switch", None, "running"),
            Group("route/refund", "refund", "case", "route", "running", "kind == 'refund'"),
            Group("route/else", "else", "case", "route", "skipped"),
            Group("draft", "draft", "until", None, "running", "pass 3 of at most 5"),
        ),
    )


def stages(count: int) -> Picture:
    """Stages of nine parallel nodes and one that joins them, a loop around every fifth stage."""
    vertices: list[Vertex] = [Vertex("input", "input", "input")]
    edges: list[Edge] = []
    groups: list[Group] = []
    before = "input"
    for stage in range((count - 1) // 10):
        around = f"loop_{stage}" if stage % 5 == 4 else None
        prefix = f"{around}/" if around else ""
        if around:
            groups.append(Group(around, around, "until", None, None, "at most 5"))
        join = f"{prefix}join_{stage}"
        for branch in range(9):
            id = f"{prefix}part_{stage}_{branch}"
            vertices.append(Vertex(id, f"part_{stage}_{branch}", "call", None, "fetch", around))
            edges += [Edge(before, id), Edge(id, join)]
        vertices.append(Vertex(join, f"join_{stage}", "set", None, "", around))
        before = around or join
    return Picture(f"{len(vertices)} nodes", tuple(vertices), tuple(edges), tuple(groups))
