"""Flow documents as pictures."""

from podium.flow import Flow
from podium.flow.model import Document
from podium.flow.pictures import picture_of
from podium.flow.render import Edge, Group, Picture, Vertex

SHOP = """
podium: 1
name: shop
input: {id: string, size: integer}
nodes:
  order: {call: find_order, args: {id: "${input.id}"}, on_error: rescue}
  rescue: {set: "${outcome.order.error}"}
  audit: {call: audit, args: {}, after: [order, rescue?]}
  bill: {when: order.open, call: make_bill, args: {order: "${order}", note: "${rescue?}", size: "${input.size}"}}
  first: {set: "${bill? ?? audit?}", join: any}
output: {bill: "${first}", order: "${order?}"}
"""
BODIES = """
podium: 1
name: bodies
input: {urls: [string]}
nodes:
  head: {call: head, args: {}}
  pages:
    for_each: "${input.urls}"
    as: url
    concurrency: 8
    nodes:
      get: {call: fetch, args: {url: "${url}", head: "${head}"}}
      route:
        switch:
          - {when: get.ok, nodes: {keep: {set: "${get.text}"}}, output: "${keep}"}
          - {else: true, nodes: {keep: {set: ""}}, output: "${keep}"}
    output: "${route}"
  poll:
    while: "loop.state.left > 0"
    max: 7
    state: {left: 3}
    nodes: {nap: {wait: 2s}}
    next: {left: "${size(pages)}"}
  sub: {flow: {podium: 1, name: inner, nodes: {a: {set: 1}}, output: "${a}"}}
  who: {ask: "Well?", to: boss, after: [poll, sub]}
"""


def document(text: str) -> Document:
    """Read a document; its tasks need not be there."""
    found = Flow.from_text(text).document
    assert found is not None
    return found


def vertex(picture: Picture, id_: str) -> Vertex:
    """The box of that id."""
    return next(one for one in picture.vertices if one.id == id_)


def group(picture: Picture, id_: str) -> Group:
    """The frame of that id."""
    return next(one for one in picture.groups if one.id == id_)


def edges(picture: Picture, target: str) -> set[Edge]:
    """The arrows to a part."""
    return {one for one in picture.edges if one.target == target}


def test_arrows_are_references_order_and_handlers() -> None:
    """Data flows along references, marked ones are optional; `after` and `on_error` have arrows of their own."""
    picture = picture_of(document(SHOP))

    assert edges(picture, "bill") == {
        Edge("order", "bill"),
        Edge("rescue", "bill", is_optional=True),
    }
    assert edges(picture, "audit") == {
        Edge("order", "audit", kind="order"), Edge("rescue", "audit", kind="order", is_optional=True),
    }  # fmt: skip
    assert edges(picture, "rescue") == {Edge("order", "rescue", kind="error")}
    assert edges(picture, "output") == {
        Edge("first", "output"),
        Edge("order", "output", is_optional=True),
    }


def test_the_input_leads_to_what_needs_nothing_else() -> None:
    """The input has an arrow to a node that reads it and needs no other; the fields are its name."""
    picture = picture_of(document(SHOP))

    assert {one.target for one in picture.edges if one.source == "input"} == {"order"}
    assert vertex(picture, "input").label == "id, size"
    assert all(one.state is None for one in picture.vertices)
    assert all(one.is_taken is None for one in picture.edges)


def test_boxes_say_what_nodes_do() -> None:
    """A box says its task, its condition, its join."""
    picture = picture_of(document(SHOP))

    assert vertex(picture, "order").detail == "find_order"
    assert vertex(picture, "audit").detail == ""
    assert vertex(picture, "bill").detail == "make_bill · when order.open"
    assert vertex(picture, "first").detail == "join any"


def test_bodies_are_frames() -> None:
    """Bodies stand in frames, nested; cases have their conditions, and may have nodes of one name."""
    picture = picture_of(document(BODIES))

    assert group(picture, "pages") == Group(
        "pages", "pages", "for_each", None, None, "input.urls, 8 at once"
    )
    assert group(picture, "poll").detail == "loop.state.left > 0, at most 7 passes"
    assert group(picture, "pages/route[0]") == Group(
        "pages/route[0]", "get.ok", "case", "pages/route"
    )
    assert group(picture, "pages/route[1]").label == "else"
    assert vertex(picture, "pages/route[0]/keep").group == "pages/route[0]"
    assert vertex(picture, "pages/route[1]/keep").group == "pages/route[1]"
    assert (vertex(picture, "poll/nap").detail, vertex(picture, "who").detail) == ("2s", "boss")
    assert group(picture, "sub") == Group("sub", "sub", "flow", None, None, "inner")
    assert vertex(picture, "sub/a").group == "sub"
    assert vertex(picture_of(document(BODIES), begun=False), "sub").kind == "flow"


def test_arrows_cross_frames() -> None:
    """What stands within may refer to nodes around it; what a loop reads itself leads to its frame."""
    picture = picture_of(document(BODIES))

    assert edges(picture, "pages/get") == {Edge("head", "pages/get")}
    assert edges(picture, "pages/route") == {Edge("pages/get", "pages/route")}
    assert edges(picture, "pages") == {Edge("input", "pages")}
    assert edges(picture, "poll") == {Edge("pages", "poll")}


def test_a_node_may_be_called_output() -> None:
    """The box of the output has an id of its own."""
    picture = picture_of(document("podium: 1\nnodes: {output: {set: 1}}\noutput: '${output}'"))

    assert [one.id for one in picture.vertices] == ["output", "$.output"]
    assert edges(picture, "$.output") == {Edge("output", "$.output")}


def test_a_run_of_which_nothing_is_recorded_waits() -> None:
    """Before anything has begun every node waits."""
    picture = picture_of(document(SHOP), begun=False)

    assert {one.state for one in picture.vertices if one.id != "input"} == {"waiting"}
    assert {one.is_taken for one in picture.edges} == {None}
