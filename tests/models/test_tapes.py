"""Cassettes: recorded once, given again anywhere, and what is said where they have nothing."""

import asyncio

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from hypothesis import given, settings
from hypothesis import strategies as st

import podium

from podium import InvalidOption, Model
from podium.models import (
    Abilities,
    CassetteMiss,
    Message,
    ModelUnreachable,
    Reply,
    Request,
    ScriptedModel,
    ToolCall,
    Usage,
    assistant,
    cassette,
    register_provider,
    user,
)
from podium.models.provider import Say
from podium.models.tapes import Recording, _written


class Counted:
    """A provider that counts."""

    def __init__(self) -> None:
        self.count = 0
        self.is_down = False

    def abilities(self, model: str) -> Abilities:
        """It can do everything."""
        return Abilities()

    async def respond(self, model: str, request: Request, say: Say | None = None) -> Reply:
        """Answer, or be down."""
        if self.is_down:
            raise ModelUnreachable("down")
        self.count += 1
        text = f"{self.count}: {request.messages[-1].text}\nsecond line"
        call = ToolCall("c", "look", {"at": [1, 2.5, None, "x"]})
        return Reply(assistant(text, call), f"counted:{model}", Usage(1, 2), 0.25, "calls", 0.1)


@pytest.fixture
def counted() -> Counted:
    """The provider, registered."""
    one = Counted()
    register_provider("counted", one)
    return one


def test_what_is_recorded_is_given_again(counted: Counted, tmp_path: Path) -> None:
    """Whole, without asking anybody."""
    path = tmp_path / "tapes" / "a.yaml"
    model = Model("counted:x")
    with cassette(path, "record"):
        first = asyncio.run(model.ask("one\ntwo"))
        assert asyncio.run(model.ask("one\ntwo")) == first
        asyncio.run(model.ask("other"))
    assert counted.count == 2

    counted.is_down = True
    with cassette(path):
        assert asyncio.run(model.ask("one\ntwo")) == first
    with pytest.raises(ModelUnreachable):
        asyncio.run(model.ask("one\ntwo"))
    assert "    text: |-\n      one\n      two\n" in path.read_text()


def test_a_miss_names_the_nearest_and_its_difference(counted: Counted, tmp_path: Path) -> None:
    """Only what is different is shown."""
    path = tmp_path / "a.yaml"
    model = Model("counted:x")
    with cassette(path, "record"):
        asyncio.run(model.ask("something else entirely"))
        asyncio.run(model.ask("How many\npeople live\nin Rome?"))
    with cassette(path), pytest.raises(CassetteMiss) as caught:
        asyncio.run(model.ask("How many\npeople live\nin Paris?"))

    text = str(caught.value)
    assert "The nearest of its 2 is number 2" in text
    assert "-      in Rome?" in text
    assert "+      in Paris?" in text
    assert "How many" not in text
    assert "mode='record'" in text
    assert counted.count == 2


def test_an_empty_cassette(tmp_path: Path, counted: Counted) -> None:
    """It says that there is nothing at all."""
    with cassette(tmp_path / "none.yaml"), pytest.raises(CassetteMiss, match="no recording at all"):
        asyncio.run(Model("counted:x").text("x"))
    with pytest.raises(InvalidOption, match="expected 'replay' or 'record'"), cassette("x", "play"):  # type: ignore[arg-type]
        pass


def test_scripts_answer_themselves(tmp_path: Path) -> None:
    """They need no recording."""
    script = ScriptedModel("m", ["hi"])
    with cassette(tmp_path / "none.yaml"):
        assert asyncio.run(Model(script).text("x")) == "hi"


def test_a_miss_fails_the_step_and_no_other_model_is_asked(
    counted: Counted, tmp_path: Path
) -> None:
    """A fallback would hide that a recording is missing."""

    @podium.workflow
    async def missing() -> str:
        return await Model("counted:x", fallback=[ScriptedModel("m", ["hi"]).model]).text("x")

    with cassette(tmp_path / "none.yaml"), pytest.raises(podium.RunFailed, match="CassetteMiss"):
        podium.run(missing, database=":memory:")


def test_labels_and_kept_are_not_compared(counted: Counted, tmp_path: Path) -> None:
    """They are not what was said."""
    path = tmp_path / "a.yaml"
    with cassette(path, "record"):
        asyncio.run(Model("counted:x").ask([user("a")]))
    with cassette(path):
        labelled = Message("user", "a", labels=("outside",), kept={"provider": "x"})
        assert asyncio.run(Model("counted:x").ask([labelled])).text.startswith("1: a")


def test_secrets_are_not_written_down(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording has references in their place, and is found all the same."""
    monkeypatch.setenv("TAPE_SECRET", "hush-hush-very-secret")
    path = tmp_path / "a.yaml"
    value = podium.secret("secret://env/TAPE_SECRET")
    with cassette(path, "record"):
        asyncio.run(Model("counted:x").ask(f"my password is {value}"))
    assert value not in path.read_text()
    assert "«secret://env/TAPE_SECRET»" in path.read_text()
    with cassette(path):
        asyncio.run(Model("counted:x").ask(f"my password is {value}"))
    assert counted.count == 1


def test_equal_requests_of_several_steps(counted: Counted, tmp_path: Path) -> None:
    """Each step has its own recording, whatever comes first."""
    path = tmp_path / "a.yaml"

    @podium.workflow
    async def ask_twice() -> list[str]:
        return [(await Model("counted:x").ask("same")).text for _ in range(2)]

    with cassette(path, "record"):
        first = podium.run(ask_twice, database=":memory:")
    with cassette(path):
        assert podium.run(ask_twice, database=":memory:") == first


texts = st.text(max_size=30) | st.text("a\n\t :-#|>'\"\\{}\u2028\x85\ufeff\r😀", max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=50)
@given(texts, json_values)
def test_whatever_is_said_comes_back_from_the_file(text: str, value: Any) -> None:
    """Several documents in one file, each as it was."""
    request = Request((user(text), assistant(text, ToolCall("c", "t", {"v": value}))))
    one = Recording(
        "m", msgspec.json.decode(msgspec.json.encode(request)), {"text": text, "v": value}
    )
    written = "".join(f"---\n{_written(each._asdict())}" for each in (one, one))

    for read in yaml.safe_load_all(written):
        assert Recording(**read) == one
