"""`python_tool` runs code of somebody else's; what each level of the fence stops, shown by trying it."""

import os
import socket

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podium import InputInvalid, InvalidOption, SandboxMissing, python_tool
from podium.tools.process import sandbox
from podium.tools.process.tree import descendants
from tests.crash.processes import wait_for
from tests.harness import drive

pytestmark = pytest.mark.long

_BWRAP, _WHY = sandbox.bubblewrap()


@pytest.fixture
def unfenced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bubblewrap."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    sandbox.bubblewrap.cache_clear()
    yield
    sandbox.bubblewrap.cache_clear()


@pytest.fixture(params=["limits", "bubblewrap"])
def level(request: pytest.FixtureRequest) -> str:
    """Each level of the fence; the stronger one where the machine has it."""
    if request.param == "bubblewrap" and not _BWRAP:
        pytest.skip(_WHY)
    if request.param == "limits":
        request.getfixturevalue("unfenced")
    return str(request.param)


@pytest.fixture
def fenced() -> None:
    """Only where bubblewrap can be used."""
    if not _BWRAP:
        pytest.skip(_WHY)


def python(code: str, **options: Any) -> Any:
    """What becomes of code."""
    return drive(python_tool(effect="once", **options)(code=code), 60)


# what holds on both levels ----------------------------------------------------------------


def test_what_is_printed(level: str) -> None:
    """The result is what the code printed, and says how it was fenced in."""
    assert python("print('é☃', 6 * 7)") == {
        "output": "é☃ 42\n", "errors": "", "exit_code": 0, "stopped": "", "sandbox": level,
    }  # fmt: skip


def test_what_fails_is_told(level: str) -> None:
    """A traceback with the line of the code; an exit code; an end by a signal."""
    failed = python("x = 1\nprint(x / 0)")
    left = python("import sys; sys.exit(3)", name="left")
    wrong = python("def (:", name="wrong")

    assert failed["exit_code"] == 1
    assert "print(x / 0)" in failed["errors"]
    assert "ZeroDivisionError" in failed["errors"]
    assert left["exit_code"] == 3
    assert "SyntaxError" in wrong["errors"]


def test_nothing_of_this_process_is_inherited(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment, no path to our modules, no packages unless they are asked for, no input."""
    monkeypatch.setenv("API_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONPATH", str(Path("src").absolute()))
    code = (
        "import os, sys\n"
        "print('API_TOKEN' in os.environ, sys.flags.isolated, sys.stdin.read() == '')\n"
        "try:\n    import msgspec; print('packages')\n"
        "except ImportError: print('none')"
    )

    assert python(code)["output"] == "False 1 True\nnone\n"
    assert python("import msgspec; print(1)", name="more", packages=True)["output"] == "1\n"


def test_nothing_is_kept(level: str) -> None:
    """Each call has an empty folder of its own, in which it can write."""
    code = "import os; print(sorted(os.listdir('.'))); open('a.txt', 'w').write('x'); print(os.path.exists('a.txt'))"

    assert python(code)["output"] == "['main.py']\nTrue\n"
    assert python(code, name="again")["output"] == "['main.py']\nTrue\n"


def test_time_is_over(level: str) -> None:
    """Code that does not end is ended, and what it printed is kept."""
    found = python("print('begun', flush=True)\nwhile True: pass", time_limit="500ms")

    assert (found["output"], found["stopped"]) == ("begun\n", "it took longer than 0.5 s")
    assert found["exit_code"] < 0


def test_output_without_end(level: str) -> None:
    """What is printed is bounded."""
    found = python("while True: print('x' * 1000)", time_limit="500ms", output_max=2000)

    assert len(found["output"]) < 2100
    assert "bytes left out" in found["output"]


def test_memory_files_and_space(level: str) -> None:
    """Limits bind the code."""
    assert "MemoryError" in python("x = bytearray(10**9)", memory_max=200_000_000)["errors"]
    many = python("a = [open('/dev/null') for _ in range(500)]", name="files", files_max=64)
    large = python("open('f', 'wb').write(b'x' * 5_000_000)", name="space", space_max=1_000_000)

    assert "Too many open files" in many["errors"]
    assert "File too large" in large["errors"] or "No space left" in large["errors"] or large["exit_code"] < 0  # fmt: skip


def test_a_fork_bomb(level: str) -> None:
    """Code that multiplies is ended with all that it became."""
    code = (
        "import os, time\n"
        "for n in range(300):\n"
        "    if os.fork() == 0:\n"
        "        n % 2 and os.setsid()\n"
        "        time.sleep(20); os._exit(0)\n"
        "    time.sleep(0.002)\n"
        "time.sleep(20)"
    )
    before = set(descendants(os.getpid()))
    found = python(code, processes_max=15, time_limit="50s")

    assert (
        found["stopped"] == "it became more than 15 processes"
        or "BlockingIOError" in found["errors"]
    )
    wait_for(lambda: set(descendants(os.getpid())) <= before, "no process of it is left")


def test_code_that_is_no_text(level: str) -> None:
    """Halves of characters and megabytes are refused; a NUL is Python's own affair."""
    with pytest.raises(InputInvalid, match="no text"):
        python("print('\ud800')")
    with pytest.raises(InputInvalid, match="at most"):
        python("#" * 2_000_000, name="long")
    assert python("x = 1\0", name="nul")["output"] == ""


# what only bubblewrap stops ---------------------------------------------------------------


@pytest.fixture
def port() -> Iterator[int]:
    """A server on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:  # the system takes the calls
        yield int(listening.getsockname()[1])


@pytest.mark.usefixtures("fenced")
def test_it_reaches_no_network(port: int) -> None:
    """Not even a server of this machine, nor an abstract socket."""
    code = f"import socket\nprint(socket.create_connection(('127.0.0.1', {port}), 2))"

    assert "refused" in python(code)["errors"]


@pytest.mark.usefixtures("fenced")
def test_it_sees_no_files_of_ours(tmp_path: Path) -> None:
    """It reads neither our files nor the system's accounts, and writes nothing that stays."""
    (tmp_path / "secret.txt").write_text("hush")
    code = f"""
import os
for path in [{str(tmp_path / "secret.txt")!r}, {str(Path(__file__))!r}, '/etc/passwd', '/etc/shadow']:
    print(os.path.exists(path))
for path in ['/usr/x', '/x', '/etc/x', '/dev/x', '/proc/x', {str(tmp_path / "x")!r}]:
    try:
        open(path, 'w')
        print('wrote', path)
    except OSError:
        print('no')
print(os.listdir('/tmp'), os.listdir('/dev/shm'))
"""

    assert python(code)["output"].split("\n") == ["False"] * 4 + ["no"] * 6 + ["[] []", ""]


@pytest.mark.usefixtures("fenced")
def test_it_sees_no_processes_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their environment nor their memory, and it can send them no signal."""
    monkeypatch.setenv("API_TOKEN", "hunter2")
    code = f"""
import os
pids = [int(p) for p in os.listdir('/proc') if p.isdigit()]
print(len(pids) <= 3, os.getpid() <= 3)
print(any(b'hunter2' in open(f'/proc/{{p}}/environ', 'rb').read() for p in pids))
try:
    os.kill({os.getpid()}, 0); print('reached')
except ProcessLookupError: print('no such process')
print(os.getuid(), open('/proc/self/status').read().split('CapEff:')[1].split()[0])
"""

    assert python(code)["output"] == "True True\nFalse\nno such process\n65534 0000000000000000\n"


@pytest.mark.usefixtures("fenced")
def test_it_makes_no_namespace_of_its_own() -> None:
    """The way to more of the kernel is shut, and the machine's name cannot be changed."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x10000000), libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.sethostname(b'x', 1))
"""

    assert python(code)["output"] == "-1 -1 -1\n"


@pytest.mark.usefixtures("fenced")
def test_space_is_bounded_in_all() -> None:
    """Many files do not get around the limit of one."""
    code = """
total = 0
for place in ['.', '/tmp', '/dev/shm']:
    try:
        for n in range(100):
            total += open(f'{place}/{n}', 'wb', buffering=0).write(b'x' * 500_000)
    except OSError as problem: print(problem.strerror)
print(total <= 3 * 1_100_000)
"""

    assert python(code, space_max=1_000_000)["output"] == "No space left on device\n" * 3 + "True\n"


@pytest.mark.usefixtures("unfenced")
def test_what_limits_alone_do_not_stop(tmp_path: Path, port: int) -> None:
    """Without bubblewrap the code reads our files, reaches the network, and sees us: as the page says."""
    (tmp_path / "letter.txt").write_text("dear all")
    code = f"""
import os, socket
print(open({str(tmp_path / "letter.txt")!r}).read())
socket.create_connection(('127.0.0.1', {port}), 2); print('connected')
os.kill({os.getpid()}, 0); print('reached')
"""

    assert python(code)["output"] == "dear all\nconnected\nreached\n"


# how it is written ------------------------------------------------------------------------


@pytest.mark.usefixtures("fenced")
def test_a_sandbox_that_is_required() -> None:
    """Where there is one the tool works, and is a read."""
    strict = python_tool(require_sandbox=True)

    assert strict.spec.effect == "read"
    assert drive(strict(code="print(1)"))["sandbox"] == "bubblewrap"


@pytest.mark.usefixtures("unfenced")
def test_a_sandbox_that_is_required_and_missing() -> None:
    """Where there is none, nothing runs."""
    strict = python_tool(require_sandbox=True)

    with pytest.raises(SandboxMissing, match="is not installed, and it must not run without"):
        drive(strict(code="print(1)"))


@pytest.mark.usefixtures("unfenced")
def test_why_bubblewrap_cannot_be_used(tmp_path: Path) -> None:
    """One that is not there, one that fails: the reason is kept."""
    assert sandbox.bubblewrap() == ("", "bubblewrap (bwrap) is not installed")

    sandbox.bubblewrap.cache_clear()
    broken = tmp_path / "bin" / "bwrap"
    broken.write_text("#!/bin/sh\necho no permissions >&2\nexit 1\n")
    broken.chmod(0o755)
    assert sandbox.bubblewrap() == ("", "bubblewrap cannot be used: no permissions")


def test_tools_that_make_no_sense() -> None:
    """Without a sandbox the effect must be said."""
    with pytest.raises(InvalidOption, match="can do anything, so say effect="):
        python_tool()
    with pytest.raises(InvalidOption, match="space_max=0"):
        python_tool(effect="once", space_max=0)
    with pytest.raises(InvalidOption, match="memory_max=-1"):
        python_tool(effect="once", memory_max=-1)
