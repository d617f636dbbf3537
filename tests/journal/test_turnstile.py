"""The fair lock: nobody starves, the dead let go, the frozen are named or ended."""

import os
import signal
import threading

import pytest

from podium.core.errors import StoreBusy
from podium.journal.sqlite.turnstile import Turnstile
from tests.journal.processes import child
from tests.journal.rows import paths, records

pytestmark = pytest.mark.long

WRITER = """
store = SqliteStore(path)
say("ready")
hear()
until = time.monotonic() + 0.7
count, longest = 0, 0.0
while time.monotonic() < until:
    before = time.monotonic()
    store.commit(records("s"), None)
    longest = max(longest, time.monotonic() - before)
    count += 1
say(count, longest)
store.close()
"""

FREEZES_IN_COMMIT = """
store = SqliteStore(path)
store._connection.set_commit_hook(lambda: bool(os.kill(os.getpid(), signal.SIGSTOP)))
store.commit(records("frozen"), None)
store._connection.set_commit_hook(None)
say("through")
hear()
"""

HOLDS = """
store = SqliteStore(path)
store._turnstile.acquire()
say("holds")
hear()
store._turnstile.release()
say("free")
hear()
"""

SHELL = """
import sqlite3
shell = sqlite3.connect(path, isolation_level=None)
shell.execute("BEGIN IMMEDIATE")
say("locked")
hear()
shell.execute("ROLLBACK")
say("free")
hear()
"""


@pytest.fixture
def turnstiles(tmp_path):
    made = []

    def make(**options):
        made.append(Turnstile(tmp_path, "app.db", **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_nobody_starves(store, path):
    """Four processes that commit all the time all make progress; the longest wait is reported."""
    with child(WRITER, path) as a, child(WRITER, path) as b:
        with child(WRITER, path) as c, child(WRITER, path) as d:
            writers = [a, b, c, d]
            for one in writers:
                one.hear()
            for one in writers:
                one.say()
            said = [one.hear().split() for one in writers]
    counts = [int(count) for count, _ in said]
    longest = max(float(wait) for _, wait in said)
    print(f"commits {counts}, longest wait {longest * 1000:.1f} ms")

    assert min(counts) * 4 > max(counts)
    assert len(store.reader().records(1, limit=10**6)) == sum(counts)


def test_the_dead_let_go(store, path):
    """When a process is killed in the middle of a commit the next one goes on at once."""
    with child(FREEZES_IN_COMMIT, path) as frozen:
        frozen.wait_stopped()
        with pytest.raises(StoreBusy):
            store.commit(records("early"), None, wait_s=0)
        frozen.kill()
        store.commit(records("late"), None)

    assert paths(store) == ["late"]


def test_the_frozen_are_named(opened, store, path):
    """A holder that is silent is reported with its number and what to type; it can go on."""
    waiting = opened(silence_s=0.2)
    with child(FREEZES_IN_COMMIT, path) as frozen:
        frozen.wait_stopped()
        with pytest.raises(StoreBusy) as caught:
            waiting.commit(records("mine"), None)
        before = paths(store)
        frozen.go_on()
        said = frozen.hear()
        waiting.commit(records("mine"), None)
    text = str(caught.value)

    assert f"process {frozen.pid} (user " in text
    assert " since 20" in text
    assert f"kill -CONT {frozen.pid}" in text
    assert f"kill -9 {frozen.pid}" in text
    assert "--kill-frozen" in text
    assert (before, said) == ([], "through")
    assert paths(store) == ["frozen", "mine"]


def test_the_frozen_are_ended_if_told_so(opened, store, path):
    """A worker that may do so ends the silent holder, and nothing of it was written."""
    waiting = opened(silence_s=0.2, kill_frozen=True)
    with child(FREEZES_IN_COMMIT, path) as frozen:
        frozen.wait_stopped()
        waiting.commit(records("mine"), None)
        ended = frozen.process.wait()

    assert ended == -signal.SIGKILL
    assert paths(store) == ["mine"]


def test_who_waits_behind_others_names_the_holder(opened, store, path):
    """Also the second in the queue names the one that is frozen, not the one that waits."""
    first, second = opened(silence_s=0.3), opened(silence_s=0.3)
    caught = []

    def wait(store):
        try:
            store.commit(records("s"), None)
        except StoreBusy as busy:
            caught.append(str(busy))

    with child(FREEZES_IN_COMMIT, path) as frozen:
        frozen.wait_stopped()
        threads = [threading.Thread(target=wait, args=(one,)) for one in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(caught) == 2
    assert all(f"process {frozen.pid} " in text for text in caught)


def test_an_innocent_process_is_never_ended(opened, store, path, tmp_path):
    """A name left in the lock by a process that no longer holds it does not get it killed."""
    lock = tmp_path / "app.db-locks" / "lock"
    with child(HOLDS, path) as innocent:
        innocent.hear()
        note = lock.read_bytes()[:100]
        innocent.say()
        innocent.hear()
        with child(HOLDS, path) as frozen:
            frozen.hear()
            frozen.stop()
            with lock.open("r+b") as file:
                file.write(note)
            with pytest.raises(StoreBusy, match=f"process {frozen.pid} "):
                opened(silence_s=0.2).commit(records("x"), None)
            opened(silence_s=0.2, kill_frozen=True).commit(records("x"), None)
            ended = frozen.process.wait(), innocent.process.poll()

    assert ended == (-signal.SIGKILL, None)


def test_a_slow_holder_is_not_frozen(opened, store, path):
    """A process that holds the lock for long but lives is waited for."""
    waiting = opened(silence_s=0.2, wait_limit_s=0.7)
    with child(HOLDS.replace("(path)", "(path, silence_s=0.2)"), path) as slow:
        slow.hear()
        with pytest.raises(StoreBusy, match=r"was not free for 0\.7 s"):
            waiting.commit(records("x"), None)
        slow.say()
        slow.hear()
        waiting.commit(records("y"), None)

    assert paths(store) == ["y"]


def test_trying_does_not_wait(opened, store):
    """``wait_s=0`` says at once that the lock is held, and leaves nothing locked."""
    other = opened()
    other._turnstile.acquire()
    with pytest.raises(StoreBusy):
        store.commit(records("x"), None, wait_s=0)
    other._turnstile.release()
    other.commit(records("other"), None, wait_s=0)
    store.commit(records("x"), None, wait_s=0)

    assert paths(store) == ["other", "x"]


def test_a_program_that_is_not_podium(store, path):
    """A lock of SQLite's own held by another program is reported as such."""
    with child(SHELL, path) as shell:
        shell.hear()
        with pytest.raises(StoreBusy, match="not Podium"):
            store.commit(records("x"), None, wait_s=0)
        with pytest.raises(StoreBusy, match="not Podium"):
            store.commit(records("x"), None, wait_s=0.05)
        shell.say()
        shell.hear()
        store.commit(records("y"), None)

    assert paths(store) == ["y"]


def test_giving_up_lets_others_in(turnstiles):
    """Who gave up waiting does not keep the lock when it comes, and can ask again."""
    holder, tired, third = turnstiles(), turnstiles(), turnstiles()
    holder.acquire()
    with pytest.raises(StoreBusy):
        tired.acquire(0.02)
    with pytest.raises(StoreBusy):
        tired.acquire(0)
    holder.release()
    third.acquire()
    third.release()
    tired.acquire()
    with pytest.raises(StoreBusy):
        third.acquire(0)
    tired.release()
    third.acquire(0)
    third.release()


def test_asking_again_joins_the_queue(turnstiles):
    """Who gave up and asks again gets the lock when it is free."""
    holder, tired = turnstiles(), turnstiles()
    holder.acquire()
    with pytest.raises(StoreBusy):
        tired.acquire(0.02)
    got = threading.Event()

    def again():
        tired.acquire()
        got.set()
        tired.release()

    thread = threading.Thread(target=again)
    thread.start()
    held = not got.wait(0.05)
    holder.release()
    thread.join()

    assert held
    assert got.is_set()


def test_an_interrupted_wait_holds_nothing(turnstiles, monkeypatch):
    """After Ctrl-C while waiting the lock goes to others, also if it had just come."""
    holder, tired, third = turnstiles(), turnstiles(), turnstiles()

    def interrupt(*_):
        if comes_first:
            holder.release()
            while not tired._queue._granted.acquire(timeout=0.01):
                pass
            tired._queue._granted.release()
        raise KeyboardInterrupt

    monkeypatch.setattr(tired, "_stand", interrupt)
    for comes_first in (True, False):
        holder.acquire()
        with pytest.raises(KeyboardInterrupt):
            tired.acquire()
        if not comes_first:
            holder.release()
        third.acquire()
        third.release()


def test_closing_while_waiting(turnstiles):
    """A place in the queue can be closed while its thread still waits."""
    holder, waiting = turnstiles(), turnstiles()
    holder.acquire()
    with pytest.raises(StoreBusy):
        waiting.acquire(0.02)
    waiting.close()
    holder.release()
    other = turnstiles()
    other.acquire()
    other.release()


def test_many_threads_take_turns(turnstiles):
    """Never do two hold the lock, and all get it."""
    inside, most, counts = [], [], [0] * 4

    def work(number):
        mine = turnstiles()
        for _ in range(200):
            mine.acquire()
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)
            mine.release()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(most) == {1}
    assert counts == [200] * 4


def test_the_holder_is_written_down(turnstiles, tmp_path):
    """The lock file names the holder, for people too."""
    turnstile = turnstiles()
    turnstile.acquire()
    words = (tmp_path / "lock").read_bytes()
    turnstile.release()

    assert words.startswith(b"pid %d start " % os.getpid())
