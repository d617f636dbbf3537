"""`shell_tool` runs a program: no shell, arguments that stay whole, limits, an environment that is named."""

import os
import signal
import subprocess
import sys

from pathlib import Path
from typing import Any

import pytest

from podium import (
    CommandFailed,
    CommandNotStarted,
    CommandTimedOut,
    InputInvalid,
    InvalidOption,
    LimitReached,
    PathRefused,
    shell_tool,
)
from podium.core.schema import parameters_schema
from podium.tools.process.output import Output
from podium.tools.process.running import Bounds, run
from tests.crash.processes import wait_for
from tests.harness import drive

pytestmark = pytest.mark.long

SHOW = [sys.executable, "-I", "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
"""A program that says its arguments."""


def call(tool: Any, **arguments: Any) -> Any:
    """Call a tool outside a workflow."""
    return drive(tool(**arguments), 60)


def python(text: str) -> list[str]:
    """A command that runs Python."""
    return [sys.executable, "-I", "-c", text.replace("{", "{{").replace("}", "}}")]


def is_gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["a b", "$(touch pwned)", "`touch pwned`", "; touch pwned", "a\nb", "*", "~", "'\"", "\\", "é☃𝄞", "", "&& x",
     "${HOME}", "|cat", "> pwned", "{other}", "\x01\x7f\x1b[31m"],
)  # fmt: skip
def test_an_argument_stays_one_argument(tmp_path: Path, value: str) -> None:
    """Whatever is in it: nothing is split, expanded or carried out."""
    tool = shell_tool(
        "show", [*SHOW, "--", "{value}", "x={value}"], parameters={"value": str}, effect="read",
        cwd=tmp_path, result="json",
    )  # fmt: skip

    assert call(tool, value=value) == ["--", value, f"x={value}"]
    assert list(tmp_path.iterdir()) == []


def test_numbers_lists_and_what_is_left_out() -> None:
    """Numbers are written out, a list that stands alone is several arguments, None is none."""
    tool = shell_tool(
        "show", [*SHOW, "-n", "{count}", "{flag}", "{{a}}", "{files}"], effect="read", result="json",
        parameters={"count": int, "flag": bool, "files": list[str] | None},
    )  # fmt: skip

    assert call(tool, count=-3, flag=True, files=["a b", "c"]) == [
        "-n",
        "-3",
        "true",
        "{a}",
        "a b",
        "c",
    ]
    assert call(tool, count=0, flag=False, files=None) == ["-n", "0", "false", "{a}"]
    assert parameters_schema(tool.spec)["required"] == ["count", "flag", "files"]


def test_parameters_of_a_function() -> None:
    """A function gives the types, the defaults and the words."""

    def log(count: int = 2) -> list[str]:
        """Say what happened last."""
        return []

    tool = shell_tool(
        "log", ["printf", "%s\\n", "{count}"], parameters=log, effect="read", result="lines"
    )

    assert call(tool) == ["2"]
    assert tool.spec.description == "Say what happened last."


@pytest.mark.parametrize("value", ["-n", "--output=/etc/passwd", "-"])
def test_no_argument_becomes_an_option(value: str) -> None:
    """A text that begins with '-' is refused where a program would take it for an option."""
    bare = shell_tool("bare", [*SHOW, "{value}"], effect="read")
    several = shell_tool(
        "several", [*SHOW, "{value}"], parameters={"value": list[str]}, effect="read"
    )
    safe = shell_tool("safe", [*SHOW, "--", "{value}"], effect="read", result="json")
    named = shell_tool("named", [*SHOW, "--to={value}"], effect="read", result="json")

    with pytest.raises(InputInvalid, match="would be taken for an option"):
        call(bare, value=value)
    with pytest.raises(InputInvalid, match="would be taken for an option"):
        call(several, value=["a", value])
    assert call(safe, value=value) == ["--", value]
    assert call(named, value=value) == [f"--to={value}"]


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_program_can_be_given(value: str) -> None:
    """NULs and halves of characters are refused, and nothing runs."""
    tool = shell_tool("show", [*SHOW, "{value}"], effect="read")
    general = shell_tool("any", allow=["echo"], effect="read")

    with pytest.raises(InputInvalid):
        call(tool, value=value)
    with pytest.raises(InputInvalid):
        call(general, program="echo", arguments=[value])


def test_paths_stay_within_the_folder(tmp_path: Path) -> None:
    """An argument that is declared a path cannot leave the folder: not by itself, not by a link."""
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "in" / "a.txt").write_text("inside")
    (root / "-v").write_text("odd name")
    (tmp_path / "secret.txt").write_text("outside")
    (root / "way").symlink_to(tmp_path)
    (root / "hop").symlink_to("in")
    tool = shell_tool("show", ["cat", "{file}"], parameters={"file": str}, effect="read", cwd=root, paths=["file"])  # fmt: skip

    assert call(tool, file="in/a.txt") == call(tool, file="hop/a.txt") == "inside"
    assert call(tool, file="-v") == "odd name"
    for bad in ["../secret.txt", "in/../../secret.txt", "/etc/passwd", "way/secret.txt", "way", ""]:
        with pytest.raises(PathRefused):
            call(tool, file=bad)


# the general form -------------------------------------------------------------------------


def test_programs_to_choose_from() -> None:
    """With `allow` the caller says which program and which arguments; others are refused."""
    tool = shell_tool("any", allow=["echo", "false"], effect="read")

    assert call(tool, program="echo", arguments=["-n", "$HOME; a b"]) == {
        "exit_code": 0, "output": "$HOME; a b", "errors": "",
    }  # fmt: skip
    assert call(tool, program="false", arguments=[])["exit_code"] == 1
    schema = parameters_schema(tool.spec)["properties"]
    assert schema["program"]["enum"] == ["echo", "false"]


def test_a_program_that_is_not_allowed() -> None:
    """It is refused by the schema, before anything runs."""
    tool = shell_tool("any", allow=["echo"], effect="read")

    bound = tool.spec.binder.bind((), {"program": "sh", "arguments": ["-c", "id"]})
    with pytest.raises(InputInvalid):
        tool.spec.binder.copy(bound, 10_000)


# exits ------------------------------------------------------------------------------------


def test_exit_codes(tmp_path: Path) -> None:
    """An exit code that is none of success is an error with what the program said; some are told apart."""
    text = (
        "import sys; print('out'); print('went wrong', file=sys.stderr); sys.exit(int(sys.argv[1]))"
    )
    tool = shell_tool(
        "exit", [*python(text), "{code}"], parameters={"code": int}, effect="read", ok_codes=[0, 3],
        errors={75: ConnectionError},
    )  # fmt: skip

    assert call(tool, code=0) == call(tool, code=3) == "out\n"
    with pytest.raises(ConnectionError, match="exit code 75: went wrong"):
        call(tool, code=75)
    with pytest.raises(CommandFailed, match="exit code 1: went wrong") as caught:
        call(tool, code=1)
    assert (caught.value.exit_code, caught.value.stdout, caught.value.stderr) == (1, "out\n", "went wrong\n")  # fmt: skip


def test_a_signal_is_named() -> None:
    """A program that a signal ended says which."""
    tool = shell_tool("die", python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), effect="read")  # fmt: skip

    with pytest.raises(CommandFailed, match="ended by SIGSEGV"):
        call(tool)


def test_what_cannot_be_started(tmp_path: Path) -> None:
    """A program or folder that is not there, and what is no program: it certainly did not happen."""
    plain = tmp_path / "plain.txt"
    plain.write_text("no program")

    for n, (command, cwd) in enumerate([(["no-such-program"], None), ([str(plain)], None), (["echo"], tmp_path / "nowhere")]):  # fmt: skip
        options: Any = {} if cwd is None else {"cwd": cwd}
        with pytest.raises(CommandNotStarted):
            call(shell_tool(f"t{n}", command, effect="once", **options))


def test_results(tmp_path: Path) -> None:
    """Text as it is, lines, JSON; what is no JSON is an error."""
    said = "printf", '{{"a": [1]}}\\n'

    assert call(shell_tool("text", said, effect="read")) == '{"a": [1]}\n'
    assert call(shell_tool("lines", ["printf", "a\\nb\\n"], effect="read", result="lines")) == [
        "a",
        "b",
    ]
    assert call(shell_tool("json", said, effect="read", result="json")) == {"a": [1]}
    with pytest.raises(CommandFailed, match="wrote no JSON"):
        call(shell_tool("bad", ["echo", "hello"], effect="read", result="json"))
    assert call(shell_tool("bytes", ["printf", "\\377ok"], effect="read")) == "�ok"


def test_stdin() -> None:
    """A program reads what the tool gives it, as large as it likes; one that reads nothing does no harm."""
    tool = shell_tool("wc", ["wc", "-c"], stdin="{text}", parameters={"text": str}, effect="read")
    deaf = shell_tool(
        "deaf", ["echo", "ok"], stdin="{text}", parameters={"text": str}, effect="read"
    )

    assert call(tool, text="x" * 1_000_000).strip() == "1000000"
    assert call(deaf, text="x" * 1_000_000) == "ok\n"


# the environment --------------------------------------------------------------------------


def test_nothing_is_inherited_that_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH, LANG and HOME, what is named, and what is given; a secret is fetched when it runs."""
    monkeypatch.setenv("API_TOKEN", "hunter2")
    monkeypatch.setenv("REGION", "eu")
    monkeypatch.setenv("LANG", "C.UTF-8")
    show = python("import json, os; print(json.dumps(dict(os.environ)))")
    bare = shell_tool("bare", show, effect="read", result="json")
    given = shell_tool(
        "given", show, effect="read", result="json", inherit=["REGION", "NOT_THERE"],
        env={"TOKEN": "secret://env/API_TOKEN", "PLAIN": "x"},
    )  # fmt: skip

    assert set(call(bare)) <= {"PATH", "LANG", "HOME", "LC_CTYPE"}
    found = call(given)
    assert (found["TOKEN"], found["PLAIN"], found["REGION"]) == ("hunter2", "x", "eu")
    assert "API_TOKEN" not in found


def test_no_open_files_are_inherited(tmp_path: Path) -> None:
    """A program gets its three pipes and no other file of this process."""
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        show = python("import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd')))")
        found = call(shell_tool("fds", show, effect="read"))

    assert found.strip() == "[0, 1, 2, 3]"  # 3 is the listing itself


# limits -----------------------------------------------------------------------------------


def test_the_middle_of_much_output_is_left_out() -> None:
    """The beginning and the end are kept, and what is missing is counted; memory stays bounded."""
    text = "import sys\nfor n in range(200000): print(n)\nprint('last', file=sys.stderr)"
    tool = shell_tool("much", python(text), effect="read", output_max=1000)
    whole = shell_tool("lines", python(text), effect="read", output_max=1000, result="lines")

    found = call(tool)
    with pytest.raises(LimitReached, match="wrote more than 1,000 bytes"):
        call(whole)
    assert found.startswith("0\n1\n2\n")
    assert found.endswith("199998\n199999\n")
    assert "bytes left out" in found
    assert len(found) < 1100


@pytest.mark.parametrize(
    "sizes", [[1], [3, 4, 5], [10], [11], [100], [1] * 57, [9, 1, 1], [4, 200, 3]]
)
def test_what_is_kept_of_output(sizes: list[int]) -> None:
    """Half of the bytes from the beginning, half from the end, however they come in."""
    output, whole, n = Output(10), b"", 0
    for size in sizes:
        piece = bytes(ord("a") + (n + i) % 26 for i in range(size))
        n += size
        whole += piece
        output.take(piece)

    expected = whole.decode()
    if len(whole) > 10:
        expected = (
            f"{whole[:5].decode()}\n… {len(whole) - 10:,} bytes left out …\n{whole[-5:].decode()}"
        )
    assert output.text() == expected


def test_time_is_over_for_all_of_them(tmp_path: Path) -> None:
    """A program whose time is over is ended with all it has started, also what ignores the polite signal."""
    text = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "other = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid} {other.pid}')\n"
        "print('begun', flush=True)\n"
        "time.sleep(300)"
    )
    tool = shell_tool("slow", python(text), effect="read", cwd=tmp_path, time_limit="1s")

    with pytest.raises(CommandTimedOut, match=r"longer than 1 s.*begun"):
        call(tool)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    wait_for(lambda: all(is_gone(pid) for pid in pids), "all processes are gone")


def test_a_polite_end(tmp_path: Path) -> None:
    """A program may tidy up before it is ended."""
    text = (
        "import signal, sys, time\n"
        "def tidy(*_):\n    open('tidy', 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, tidy)\n"
        "time.sleep(300)"
    )

    with pytest.raises(CommandTimedOut):
        call(shell_tool("slow", python(text), effect="read", cwd=tmp_path, time_limit="1s"))
    assert (tmp_path / "tidy").exists()


def test_what_is_left_behind_is_ended(tmp_path: Path) -> None:
    """A program that ends before what it started takes that with it, and nobody waits for its pipes."""
    text = (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '300'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "print('done')"
    )
    tool = shell_tool("leaves", python(text), effect="read", cwd=tmp_path)

    assert call(tool) == "done\n"
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: is_gone(pid), "the child is gone")


def test_the_program_ends_with_its_worker(tmp_path: Path) -> None:
    """When the process of the tool is killed, the program does not go on alone."""
    script = (
        "import asyncio, podium, sys\n"
        f"tool = podium.shell_tool('slow', [sys.executable, '-c', {'import os, time; open(str(os.getppid()), chr(119)).close(); open(chr(112), chr(119)).write(str(os.getpid())); time.sleep(300)'!r}],"
        f" effect='read', cwd={str(tmp_path)!r})\n"
        "asyncio.run(tool.run_plain(tool()))\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": "src"}
    )
    try:
        wait_for(lambda: (tmp_path / "p").exists() and (tmp_path / "p").read_text(), "it has begun")
        pid = int((tmp_path / "p").read_text())
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        wait_for(lambda: is_gone(pid), "the program is gone")
    finally:
        worker.kill()
        worker.wait()


def test_memory_processor_and_files(tmp_path: Path) -> None:
    """Limits of the system bind each process."""
    memory = shell_tool("memory", python("x = bytearray(800_000_000); print('got it')"), effect="read", memory_max=300_000_000)  # fmt: skip
    busy = shell_tool(
        "busy", python("while True: pass"), effect="read", cpu_limit="1s", time_limit="50s"
    )
    files = shell_tool("files", python("a = [open('/dev/null') for _ in range(200)]"), effect="read", files_max=50)  # fmt: skip
    large = shell_tool("large", python("open('f', 'w').write('x' * 2_000_000)"), effect="read", file_size_max=1_000_000, cwd=tmp_path)  # fmt: skip

    with pytest.raises(CommandFailed, match="MemoryError"):
        call(memory)
    with pytest.raises(CommandFailed, match=r"SIGXCPU|SIGKILL"):
        call(busy)
    with pytest.raises(CommandFailed, match="Too many open files"):
        call(files)
    with pytest.raises(CommandFailed, match=r"SIGXFSZ|File too large"):
        call(large)


def test_a_fork_bomb_is_bounded(tmp_path: Path) -> None:
    """A program that multiplies is ended with all of its processes, whatever group they went to."""
    text = (
        "import os, time\n"
        "for n in range(400):\n"
        "    if os.fork() == 0:\n"
        "        n % 3 or os.setsid()\n"
        "        open('pids', 'a').write(f'{os.getpid()}\\n')\n"
        "        time.sleep(20); os._exit(0)\n"
        "    time.sleep(0.002)\n"
        "time.sleep(300)"
    )
    tool = shell_tool(
        "bomb", python(text), effect="read", cwd=tmp_path, processes_max=20, time_limit="50s"
    )

    with pytest.raises(
        (LimitReached, CommandFailed), match=r"more than 20 processes|temporarily unavailable"
    ):
        call(tool)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) < 350
    wait_for(lambda: all(is_gone(pid) for pid in pids), "all processes are gone")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else to show it")
def test_the_systems_own_limit_of_processes() -> None:
    """Who is not root is bound by the system too."""
    text = (
        "import os, sys; sys.path.insert(0, 'src')\n"
        "from podium.tools.process.running import Bounds\n"
        "os.setgroups([]); os.setgid(65533); os.setuid(65533)\n"
        "print(Bounds(1, 1, processes=7).rlimits())"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)

    assert "'RLIMIT_NPROC': 8" in found.stdout  # seven, and the one that asks


def test_programs_run_beside_each_other() -> None:
    """Many at once, each with its own output."""
    import asyncio

    tool = shell_tool("echo", ["echo", "{n}"], parameters={"n": int}, effect="read")

    async def main() -> list[str]:
        return list(await asyncio.gather(*[tool(n=n) for n in range(12)]))

    assert drive(main(), 60) == [f"{n}\n" for n in range(12)]


# how it is written ------------------------------------------------------------------------


def test_tools_that_make_no_sense() -> None:
    """What does not fit is said when the tool is made."""
    for options, told in [
        ({"command": "git log"}, "expected a list"),
        ({"command": []}, "expected a list"),
        ({"command": ["{program}"]}, "not for a caller to choose"),
        ({"command": ["ls", "{"]}, "a brace stands alone"),
        ({"command": ["ls"], "allow": ["ls"]}, "give a command, or allow"),
        ({}, "give a command, or allow"),
        ({"allow": "ls"}, "expected a list of programs"),
        ({"allow": ["ls"], "parameters": {"a": str}}, "the parameters are program and arguments"),
        ({"allow": ["ls"], "stdin": "{a}"}, "stdin has no arguments"),
        ({"command": ["ls", "{a}"], "parameters": {"b": str}}, "'b' is declared and not used"),
        ({"command": ["ls"], "paths": ["a"]}, "paths names 'a'"),
        ({"command": ["ls"], "result": "xml"}, "result='xml'"),
        ({"command": ["ls"], "output_max": 0}, "output_max=0"),
        ({"command": ["ls"], "memory_max": "1GB"}, "memory_max='1GB'"),
        ({"command": ["ls"], "time_limit": 5}, "time_limit"),
    ]:
        given: Any = dict(options)
        command = given.pop("command", None)
        with pytest.raises(InvalidOption, match=told):
            shell_tool("bad", command, effect="read", **given)
    with pytest.raises(InvalidOption, match="effect= is missing"):
        shell_tool("bad", ["ls"])  # type: ignore[call-arg]


def test_no_limits_at_all() -> None:
    """Zero stands for no limit; a program that has no pipes left is still waited for."""
    ended = run(
        "/bin/sh", ["sh", "-c", "exec >&- 2>&- <&-; sleep 0.2; exit 3"], Bounds(0, 100), env={}
    )

    assert (ended.exit_code, ended.stopped) == (3, "")
