"""Flow documents from typed Python (docs/builder.md).

::

    flow = FlowBuilder("support", input=Message)
    intent = flow.call("intent", parse_intent(flow.input.message))
    order = flow.call("order", order_status(sure(intent.order_id)), when=not_null(intent.order_id))
    reply = flow.call("reply", format_response(intent.topic, order=maybe(order)))
    flow.output(reply)

To a type checker ``intent`` is what ``parse_intent`` gives, so it refuses a wrong argument, and a field
that is not there.
"""

from podium.flow.builder.body import (
    Body,
    Case,
    Finished,
    FlowCall,
    ItemBody,
    LoopBody,
    Part,
    case,
    otherwise,
)
from podium.flow.builder.flow_builder import FlowBuilder
from podium.flow.builder.functions import (
    NodeError,
    Outcome,
    choose,
    coalesce,
    contains,
    has,
    is_null,
    maybe,
    not_,
    not_null,
    outcome,
    raw,
    size,
    sure,
)
from podium.flow.builder.options import CallOptions, JoinOf, LockOf, NodeOptions

__all__ = [
    "Body", "CallOptions", "Case", "Finished", "FlowBuilder", "FlowCall", "ItemBody", "JoinOf", "LockOf", "LoopBody",
    "NodeError", "NodeOptions", "Outcome", "Part", "case", "choose", "coalesce", "contains", "has", "is_null",
    "maybe", "not_", "not_null", "otherwise", "outcome", "raw", "size", "sure",
]  # fmt: skip
