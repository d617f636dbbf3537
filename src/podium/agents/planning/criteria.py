"""What the output for a goal must hold against: written before the plan, as checks that can be carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from podium.agents.verify.gate import Gate
from podium.agents.verify.judge import judge
from podium.agents.verify.values import ANSWER, cel, schema
from podium.core.errors import InvalidOption
from podium.flow.expression import Expression, ExpressionError
from podium.models.calls import Model
from podium.models.messages import Message, system, user
from podium.models.structured import Form, Unfit

COUNT_MAX: Final = 10
Kind = Literal["cel", "schema", "judge"]
_KINDS: Final[tuple[Kind, ...]] = ("cel", "schema", "judge")
_PAGE: Final = f"""\
You write the acceptance criteria of a goal, before anybody works on it. Whoever works on it is done when they hold.

Answer with one JSON object: {{"criteria": [{{"name": …, "what": …, and exactly one of "cel", "schema", "judge"}}]}}.
- `what` says in a sentence what must be true of the result.
- `cel` is a condition in CEL that reads the result as `{ANSWER}` and what was given as `input`:
  `size({ANSWER}) > 0`, `{ANSWER}.total >= 0.0`, `{ANSWER}.contains(input.city)`. Prefer it.
- `schema` is a JSON Schema that the result fits.
- `judge` is a question about the result whose answer is yes; use it only for what no condition can say.
One to {COUNT_MAX} criteria; each can fail, none says the same as another. Ask for nothing that the goal does not."""


class Criterion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that must hold of what a goal comes to.

    Attributes:
        name: What it is called.
        kind: How it is checked: a condition in ``cel``, a JSON ``schema``, a question to a ``judge``.
        check: The condition, the schema, the question.
        what: What it says, in words.
    """

    name: str
    kind: Kind
    check: Any
    what: str = ""

    def gate(self, model: Model) -> Gate:
        """Return what the output is held against.

        Args:
            model: Who judges what no condition can say.

        Raises:
            InvalidOption: It is nothing that an output could be held against.
        """
        try:
            return self._gate(model)
        except ExpressionError as problem:
            raise InvalidOption(f"the criterion {self.name!r}: {problem}") from None

    def line(self) -> str:
        """Say it in one line."""
        return f"{self.name}: {self.what or self.check} ({self.kind}: {self.check})"

    def _gate(self, model: Model) -> Gate:
        if self.kind == "schema":
            wanted: Any = self.check
            if not isinstance(wanted, dict) or not wanted:
                raise InvalidOption(
                    f"the criterion {self.name!r}: {wanted!r:.80} is no JSON Schema that says anything."
                )
            return schema(cast("dict[str, Any]", wanted), name=self.name)
        if not isinstance(self.check, str) or not self.check.strip():
            raise InvalidOption(f"the criterion {self.name!r} has no {self.kind}: expected a text.")
        if self.kind == "judge":
            return judge(model, self.check, name=self.name)
        if ANSWER not in {one.root for one in Expression.parse(self.check).references}:
            raise InvalidOption(
                f"the criterion {self.name!r}: {self.check!r} does not read `{ANSWER}`, so it says nothing "
                "about it."
            )
        return cel(self.check, name=self.name)


class CriteriaForm(Form[tuple[Criterion, ...]]):
    """The form of acceptance criteria; those that cannot be carried out are told back."""

    def __init__(self, model: Model) -> None:
        text = {"type": "string", "minLength": 1}
        one = {
            "type": "object",
            "properties": {
                "name": text, "what": text, "cel": text, "schema": {"type": "object"}, "judge": text,
            },
            "required": ["name", "what"],
            "additionalProperties": False,
        }  # fmt: skip
        whole = {
            "type": "object",
            "properties": {
                "criteria": {"type": "array", "items": one, "minItems": 1, "maxItems": COUNT_MAX}
            },
            "required": ["criteria"],
            "additionalProperties": False,
        }
        super().__init__(whole, None, "criteria")
        self._model = model

    def made(self, value: Any) -> tuple[Criterion, ...]:
        """Return the criteria that JSON stands for.

        Raises:
            Unfit: They do not have this form, or cannot be carried out.
        """
        given: list[dict[str, Any]] = cast("dict[str, Any]", super().made(value))["criteria"]
        faults: list[str] = []
        found: list[Criterion] = []
        for index, one in enumerate(given):
            kinds: list[Kind] = [kind for kind in _KINDS if kind in one]
            if len(kinds) != 1:
                faults.append(f"criteria.{index}: expected exactly one of cel, schema, judge.")
                continue
            made = Criterion(one["name"], kinds[0], one[kinds[0]], one["what"])
            if any(made.name == other.name for other in found):
                faults.append(f"criteria.{index}: there are two of the name {made.name!r}.")
            try:
                made.gate(self._model)
            except InvalidOption as problem:
                faults.append(f"criteria.{index}: {problem}")
            found.append(made)
        if faults:
            raise Unfit(faults)
        return tuple(found)


def asking(goal: str, inputs: Mapping[str, Any], about: str) -> tuple[Message, ...]:
    """Return how a model is asked for criteria."""
    given = msgspec.json.encode(dict(inputs)).decode() if inputs else "nothing"
    text = f"Goal: {goal}\n\nGiven as `input`: {given[:4000]}"
    return (system(_PAGE), user(f"{text}\n\n{about}" if about else text))


def told(criteria: Sequence[Criterion]) -> str:
    """Return what whoever plans is told of the criteria."""
    lines = "\n".join(f"- {one.line()}" for one in criteria)
    return f"The output of the plan (`{ANSWER}`) is held against this, and must pass:\n{lines}"
