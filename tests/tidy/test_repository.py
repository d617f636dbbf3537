"""What may not be anywhere in the repository, and what the package promises about itself."""

import re

import pytest

from tests.tidy.repository import PROJECT, ROOT, SRC, texts

# Written apart, so that this file is no finding of its own.
HOSTS = re.compile(
    r"\b(?:py" + r"pi\.org|python" + r"hosted|npm" + r"js\.(?:org|com)|crates" + r"\.io|deb"
    r"\.debian\.org|registry\.yarn" + r"pkg)",
    re.IGNORECASE,
)
FOLDERS = ("tm" + "p", "wo" + "rk", "ro" + "ot", "fa" + "rm")
MACHINE = re.compile(r"(?<![\w.\-])/(?:" + "|".join(FOLDERS) + r")/")

DEPENDENCIES_MAX = 7


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern stands, as file and line."""
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def pinned(lock: str) -> dict[str, str]:
    """What a lock file pins: the name of each package, and what stands under it."""
    entries = re.split(
        r"^(?=\w)", (ROOT / "requirements" / lock).read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return {normal(entry): entry for entry in entries if "==" in entry}


def asked(requirements: list[str]) -> set[str]:
    """The packages that requirements name, without comments."""
    lines = (line.partition("#")[0].strip() for line in requirements)
    return {normal(line) for line in lines if line}


def normal(requirement: str) -> str:
    """The normal form of the name that a requirement begins with."""
    name = re.match(r"[\w.\-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_no_registry_is_named() -> None:
    """A package is named, never the host it comes from: mirrors work, and locks stay portable."""
    assert found(HOSTS) == []


def test_no_path_of_a_machine() -> None:
    """No file knows a folder of the machine it was written on."""
    assert found(MACHINE) == []


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("cd /" + "tm" + "p/x", True),
        ("file:///" + "ro" + "ot/app.db", True),
        ("see docs/" + "wo" + "rk/flow.md", False),
        ("https://example.com/" + "wo" + "rk/", False),
    ],
)
def test_machine_paths_are_recognised(line: str, is_one: bool) -> None:
    """An absolute path under such a folder is found, a relative path or an address is not."""
    assert (MACHINE.search(line) is not None) is is_one


def test_few_dependencies() -> None:
    """At most seven packages are required; whatever is heavy is an extra."""
    assert len(PROJECT["project"]["dependencies"]) <= DEPENDENCIES_MAX


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("uv.txt", ["uv"]),
        (
            "bfcl.txt",
            (ROOT / "requirements" / "bfcl.in").read_text(encoding="utf-8").splitlines(),
        ),
        (
            "dev.txt",
            [
                *PROJECT["project"]["dependencies"],
                *PROJECT["build-system"]["requires"],
                *(ROOT / "requirements" / "dev.in").read_text(encoding="utf-8").splitlines(),
            ],
        ),
    ],
)
def test_the_lock_has_everything(lock: str, requirements: list[str]) -> None:
    """Whatever is asked for is pinned, and each pin has its hashes; else `make lock` was forgotten."""
    pins = pinned(lock)

    assert asked(requirements) - pins.keys() == set()
    assert [name for name, entry in pins.items() if "--hash=sha256:" not in entry] == []


def test_the_package_is_typed() -> None:
    """Users' type checkers read our annotations."""
    assert (SRC / "podium" / "py.typed").is_file()
