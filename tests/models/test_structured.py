"""Values out of texts: found in what a model wrote, held against their form, asked for again."""

import asyncio
import dataclasses
import json

from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest

from hypothesis import given
from hypothesis import strategies as st

from podium import InvalidOption, Model
from podium.models import (
    Abilities,
    ModelCut,
    ModelOutputInvalid,
    ModelRefused,
    Output,
    Reply,
    Request,
    ScriptedModel,
    assistant,
    user,
)
from podium.models.adapting import adapted
from podium.models.extracting import json_in
from podium.models.structured import Labels, Unfit, form_of


@dataclasses.dataclass
class City:
    """A place."""

    name: str
    people: Annotated[int, msgspec.Meta(ge=0)]


class Visit(TypedDict):
    """Of places."""

    cities: list[City]
    mood: Literal["good", "bad"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
prose = st.text(st.characters(exclude_characters="{[`", exclude_categories=["Cs"]), max_size=40)


@given(json_values, st.booleans())
def test_json_is_read_alone_and_in_a_fence(value: Any, is_fenced: bool) -> None:
    """Whatever JSON it is."""
    text = json.dumps(value)
    fenced = f"Here you are:\n```json\n{text}\n```\nAnything else?"
    if not (is_fenced and "```" in text):
        assert json_in(fenced if is_fenced else f"  {text}\n") == value


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), prose, prose)
def test_an_object_is_found_in_a_text(value: dict[str, Any], before: str, after: str) -> None:
    """The first object of a text counts."""
    text = json.dumps(value)
    if "```" not in text:
        assert json_in(f"So: {before} {text} {after}") == value


@given(prose)
def test_no_json_is_an_error_and_no_crash(text: str) -> None:
    """A text without JSON says why it is none."""
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"\w"):
            json_in(f"{text} no")


def test_brackets_without_end_take_little_time() -> None:
    """A model may write whatever it likes."""
    for text in (
        "[" * 100_000,
        "{" * 100_000 + "x",
        '{"a":' * 50_000,
        "[" * 100_000 + "]" * 100_000,
    ):
        with pytest.raises(ValueError, match=r"deep|JSON"):
            json_in(text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (City, '{"name": "Rome", "people": 3}', City("Rome", 3)),
        (int, '{"value": 7}', 7), (int, "7", 7), (list[int], "[1, 2]", [1, 2]),
        (str, '{"value": "x"}', "x"), (bool, "true", True),
        (Visit, '{"cities": [{"name": "A", "people": 1}], "mood": "good"}',
         {"cities": [City("A", 1)], "mood": "good"}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, '{"a": 1}', {"a": 1}),
        ({"type": "integer"}, '{"value": 3}', 3),
        (Output({"type": "object", "required": ["x"]}), '{"x": 1}', {"x": 1}),
    ],
)  # fmt: skip
def test_forms_read_values(kind: Any, text: str, value: Any) -> None:
    """Types are made, schemas give JSON."""
    assert form_of(kind).read(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        (City, '{"name": "Rome"}', '"people" is a required property'),
        (City, '{"name": "Rome", "people": -1}', "people: -1 is less than the minimum of 0"),
        (City, "Rome", "it is no JSON"), (int, '"seven"', 'value: "seven" is not of type "integer"'),
        (Visit, '{"cities": [{"name": 1, "people": "x"}], "mood": "fine"}', "cities.0.people"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(kind: Any, text: str, fault: str) -> None:
    """Each fault has its place."""
    with pytest.raises(Unfit) as caught:
        form_of(kind).read(text)
    assert fault in caught.value.complaint


def test_what_has_no_schema_cannot_be_asked_for() -> None:
    """It is said at once, not by the provider."""
    with pytest.raises(InvalidOption, match="has no JSON Schema"):
        form_of(object())
    with pytest.raises(InvalidOption, match="the schema of the answer"):
        form_of({"type": "nonsense"})


@pytest.mark.parametrize(
    "text", ["yes", " Yes.", '"yes"', '{"value": "yes"}', "I would say: yes!", "**yes**"]
)
def test_labels_are_read_from_what_means_only_one(text: str) -> None:
    """Other case, quotes, JSON, the only label in a sentence."""
    assert Labels(["yes", "no"]).read(text) == "yes"


@pytest.mark.parametrize("text", ["maybe", "yes or no", "", '{"value": "perhaps"}'])
def test_labels_that_mean_none_or_two(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Unfit, match="expected exactly one of: yes, no"):
        Labels(["yes", "no"]).read(text)


def test_labels_must_differ() -> None:
    """And there must be some."""
    for labels in ([], ["a", "a"], [""], "ab"):
        with pytest.raises(InvalidOption, match="expected different texts"):
            Labels(labels)


def test_the_complaint_goes_back_word_for_word() -> None:
    """The model sees its own answer and what is wrong with it."""
    script = ScriptedModel("m", ['{"name": "Rome"}', "sorry", '{"name": "Rome", "people": 3}'])
    assert asyncio.run(Model(script).value("Rome?", City)) == City("Rome", 3)

    last = script.asked[-1].messages
    assert [one.role for one in last] == ["user", "assistant", "user", "assistant", "user"]
    assert last[1].text == '{"name": "Rome"}'
    assert '"people" is a required property' in last[2].text
    assert "it is no JSON" in last[4].text
    assert last[4].text.endswith(json.dumps(form_of(City).output.schema, separators=(",", ":")))


def test_it_is_asked_a_bounded_number_of_times() -> None:
    """Then the error has the last answer and its faults."""
    script = ScriptedModel("m", ["no"], cycle=True)
    with pytest.raises(ModelOutputInvalid, match="was asked 2 times") as caught:
        asyncio.run(Model(script).value("x", City, turns=2))

    assert len(script.asked) == 2
    assert caught.value.text == "no"
    assert "it is no JSON" in caught.value.faults[0]


@given(json_values)
def test_garbage_never_gets_through(value: Any) -> None:
    """Whatever JSON a model answers, a value of the type comes out, or the typed error."""
    model = Model(ScriptedModel("any", [json.dumps(value)], cycle=True))
    try:
        city = asyncio.run(model.value("x", City, turns=1))
    except ModelOutputInvalid:
        return
    assert isinstance(city, City)


def test_refusals_and_cuts_are_no_values() -> None:
    """They are not asked again: it would not help."""
    refused = Reply(assistant("I must not."), "scripted:r", finish="refused")
    cut = Reply(assistant('{"name": "Ro'), "scripted:c", finish="length")
    for reply, error in ((refused, ModelRefused), (cut, ModelCut)):
        script = ScriptedModel("m", [reply])
        with pytest.raises(error, match=r"I must not|Raise Settings\(tokens_max"):
            asyncio.run(Model(script).value("x", City))
        assert len(script.asked) == 1
        assert asyncio.run(Model(script).ask("x")) == reply


FORM = Labels(["a", "b"]).output


@pytest.mark.parametrize(
    ("abilities", "has_schema", "has_grammar", "is_told"),
    [
        (Abilities(), True, False, False),
        (Abilities(grammar=True), False, True, False),
        (Abilities(schema=False, grammar=True), False, True, False),
        (Abilities(schema=False), False, False, True),
    ],
)
def test_what_a_model_cannot_is_said_in_words(
    abilities: Abilities, has_schema: bool, has_grammar: bool, is_told: bool
) -> None:
    """A grammar first, then a schema, then words in the system message."""
    request = adapted(Request((user("x"),), output=FORM), abilities)
    output = request.output or Output()

    assert (bool(output.schema), bool(output.grammar)) == (has_schema, has_grammar)
    assert (request.messages[0].role == "system") is is_told
    if is_told:
        assert request.messages[0].text.endswith("a\nb")


def test_words_are_added_to_what_the_system_says() -> None:
    """There is one system message."""
    form = form_of(City).output
    asked = Request((assistant("be nice"), user("x")), output=form)
    asked = msgspec.structs.replace(
        asked, messages=(msgspec.structs.replace(asked.messages[0], role="system"), user("x"))
    )
    request = adapted(asked, Abilities(schema=False))

    assert [one.role for one in request.messages] == ["system", "user"]
    assert request.messages[0].text.startswith("be nice\n\nAnswer with one JSON value")
    assert '"people"' in request.messages[0].text
