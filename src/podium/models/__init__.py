"""Models: one protocol for every provider, and each call a step with its usage and its price.

``podium.Model("openai:gpt-5-mini")`` is what programs ask; everything else of models is here.
"""

from podium.models.calls import Model, call_model
from podium.models.embeddings import Likeness, Nearest, embed
from podium.models.errors import (
    CassetteMiss,
    ModelCut,
    ModelError,
    ModelGarbled,
    ModelKeyMissing,
    ModelOutputInvalid,
    ModelRefused,
    ModelRequestInvalid,
    ModelThrottled,
    ModelUnknown,
    ModelUnreachable,
    RealCallsForbidden,
    ScriptEnded,
)
from podium.models.functions import function_model
from podium.models.keys import use_key
from podium.models.messages import (
    Message,
    Output,
    Reply,
    Request,
    Settings,
    ToolCall,
    ToolOffer,
    Usage,
    assistant,
    result,
    system,
    user,
)
from podium.models.offline import forbid_real_calls
from podium.models.prices import set_price
from podium.models.provider import Abilities, Provider
from podium.models.providers import register_provider
from podium.models.scripted import ScriptedModel
from podium.models.tapes import cassette

__all__ = [
    "Abilities", "CassetteMiss", "Likeness", "Message", "Model", "ModelCut", "ModelError", "ModelGarbled",
    "ModelKeyMissing", "ModelOutputInvalid", "ModelRefused", "ModelRequestInvalid",
    "ModelThrottled", "ModelUnknown", "ModelUnreachable", "Nearest", "Output", "Provider",
    "RealCallsForbidden", "Reply", "Request", "ScriptEnded", "ScriptedModel", "Settings",
    "ToolCall", "ToolOffer", "Usage", "assistant", "call_model", "cassette", "embed", "forbid_real_calls",
    "function_model", "register_provider", "result", "set_price", "system", "use_key", "user",
]  # fmt: skip
