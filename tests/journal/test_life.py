"""The lock for life: death shows at once, a freeze does not, and the fenced stay out."""

import subprocess
import sys

import pytest

from podium.core.errors import StoreFenced
from podium.journal.sqlite import life
from podium.testing.store_conformance.subject import NOW
from tests.journal.processes import child
from tests.journal.rows import paths, records

pytestmark = pytest.mark.long

WORKER = """
store = SqliteStore(path)
worker = store.join(name="victim")
runs = store.claim(worker, ["shop"], 9)
say(worker.id, len(runs))
hear()
try:
    store.commit(records("stale"), worker)
    say("wrote")
except StoreFenced:
    say("fenced", store.beat(worker))
hear()
"""


def only(store):
    [found] = [one for one in store.reader().workers() if one.name == "victim"]
    return found


def locks(path):
    return sorted(one.name for one in (path.parent / "app.db-locks").iterdir())


def test_a_killed_worker_is_gone(store, path):
    """After SIGKILL the others see at once that the worker is dead, and have its runs."""
    here = store.join(name="here")
    with child(WORKER, path) as victim:
        number, held = victim.hear().split()
        alive = only(store)
        victim.kill()
        dead = only(store)
        freed = store.take_over(here, dead, NOW)
    claimed = store.claim(here, ["shop"], 9)

    assert (alive.is_gone, dead.is_gone) == (False, True)
    assert (int(number), int(held), freed) == (dead.id, 1, 1)
    assert [run.claims for run in claimed] == [1]
    assert len(locks(path)) == 3  # gate, lock, and ours


def test_a_frozen_worker_is_fenced(store, path):
    """A frozen worker is not gone, its counter stands still, and after a takeover it is out."""
    here = store.join(name="here")
    with child(WORKER, path) as victim:
        victim.hear()
        victim.stop()
        first, second = only(store), only(store)
        freed = store.take_over(here, second, NOW)
        victim.go_on()
        victim.say()
        said = victim.hear()

    assert not first.is_gone
    assert first.beat == second.beat
    assert (freed, said) == (1, "fenced False")
    assert paths(store) == []


def test_the_other_process_is_described(store, path):
    """A worker's row says which process it is."""
    with child(WORKER, path) as victim:
        victim.hear()
        found = only(store)

    assert found.pid == victim.pid
    assert found.host
    assert found.started


def test_a_child_of_a_dead_worker_keeps_no_lock(store, path):
    """Processes that a worker started (spawned or forked) do not keep it alive."""
    code = """
import subprocess
store = SqliteStore(path)
store.join(name="victim")
spawned = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
ready, tell = os.pipe()
if os.fork() == 0:
    os.write(tell, b"!")
    sys.stdin.read()
    os._exit(0)
os.read(ready, 1)
say("both")
hear()
"""
    with child(code, path) as victim:
        said = victim.hear()
        alive = only(store)
        victim.kill()
        dead = only(store)

    assert said == "both"
    assert (alive.is_gone, dead.is_gone) == (False, True)


def test_files_of_the_dead_are_cleaned_up(store, path, tmp_path):
    """A file that belongs to no worker any more is removed when the next one joins."""
    folder = tmp_path / "app.db-locks"
    left = life.Life(folder)
    left.drop()
    living = life.Life(folder)
    worker = store.join(name="w")
    during = locks(path)
    store.leave(worker, NOW)
    living.release()

    assert len(during) == 4
    assert f"worker-{left.token}" not in during
    assert locks(path) == ["gate", "lock"]


def test_a_file_of_a_registered_worker_is_kept(store, path):
    """Who joins removes no file of a dead worker that nobody has taken over yet."""
    with child(WORKER, path) as victim:
        victim.hear()
    store.join(name="next")

    assert only(store).is_gone


def test_without_its_file(store, path, monkeypatch):
    """Without the file only another boot proves death; the same boot may have a live worker."""
    with child(WORKER, path) as victim:
        victim.hear()
        for file in (path.parent / "app.db-locks").glob("worker-*"):
            file.unlink()
        same_boot = only(store)
        monkeypatch.setattr(life.oslock, "boot_id", lambda: "another")
        other_boot = only(store)

    assert (same_boot.is_gone, same_boot.beat) == (False, 0)
    assert other_boot.is_gone


def test_closing_without_leaving_is_death(opened, store):
    """A store that is closed without leaving looks dead: its runs are taken over, not forgotten."""
    other = opened()
    other.join(name="victim")
    other.close()

    assert only(store).is_gone


def test_a_store_can_have_several_workers(store):
    """Several workers of one process are fenced one by one."""
    one, two = store.join(name="one"), store.join(name="two")
    row = next(row for row in store.reader().workers() if row.id == one.id)
    store.take_over(two, row, NOW)
    with pytest.raises(StoreFenced):
        store.commit(records("x"), one)
    store.commit(records("y"), two)

    assert paths(store) == ["y"]


@pytest.mark.skipif(sys.platform == "win32", reason="no /proc there")
def test_the_lock_is_the_kernels(store, path):
    """The kernel itself, not a note, says who lives: the file's lock is held by our process."""
    store.join(name="w")
    table = subprocess.run(["cat", "/proc/locks"], capture_output=True, text=True, check=True)
    [file] = (path.parent / "app.db-locks").glob("worker-*")

    assert f":{file.stat().st_ino} " in table.stdout
