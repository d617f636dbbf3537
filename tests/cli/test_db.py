"""`podium db`: is the file sound, and a copy of it."""

import json
import shutil

from collections.abc import Callable
from pathlib import Path

import apsw

from tests.cli.conftest import Said


def test_a_sound_database(podium: Callable[..., Said], history: Path) -> None:
    """`db check` says that all is well, in words and as JSON."""
    plain = podium("db", "check", cwd=history)
    found = json.loads(podium("db", "check", "--json", cwd=history).out)

    assert plain.code == 0
    assert plain.out.startswith("podium.db is sound (")
    assert (found["ok"], found["problems"]) == (True, [])


def test_a_damaged_database(podium: Callable[..., Said], history: Path, tmp_path: Path) -> None:
    """`db check` exits with 1 and says what is wrong."""
    place = shutil.copy(history / "podium.db", tmp_path)
    connection = apsw.Connection(str(place))
    connection.execute("DELETE FROM runs WHERE id='good'")
    connection.close()
    said = podium("db", "check", cwd=tmp_path)

    assert said.code == 1
    assert "a record of a run that does not exist" in said.out


def test_not_a_database(podium: Callable[..., Said], tmp_path: Path) -> None:
    """Another file is refused and left as it is."""
    other = tmp_path / "notes.txt"
    other.write_text("not a database" * 100)
    said = podium("db", "check", "--db", "notes.txt", cwd=tmp_path)

    assert said.code == 1
    assert "notes.txt is not an SQLite database" in said.err
    assert other.read_text() == "not a database" * 100


def test_backup_never_overwrites(
    podium: Callable[..., Said], history: Path, tmp_path: Path
) -> None:
    """`db backup` makes a copy that can be read, once."""
    target = tmp_path / "copy.db"
    first = podium("db", "backup", str(target), cwd=history)
    again = podium("db", "backup", str(target), cwd=history)
    listed = json.loads(podium("runs", "list", "--db", str(target), "--json", cwd=tmp_path).out)

    assert first.code == 0
    assert again.code == 1
    assert "exists already; a backup never overwrites" in again.err
    assert len(listed) == 7
