"""What the stages give each other: plain values, which the journal keeps and models are asked for."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

Text = Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True)
class Assignment:
    """What is to be done, where, and how much of it is allowed."""

    title: str
    requirement: str
    repository: str
    """A bare repository, as a path."""
    tag: str
    allowed: list[str] = field(default_factory=lambda: ["**"])
    """Patterns of the paths that may be changed."""
    acceptance: str = ""
    """A folder of tests that whoever writes the code does not see."""
    model: str = "openai:gpt-5-mini"
    branch: str = "main"
    rounds: int = 5
    lines_max: int = 300
    """The most lines that may be added and removed."""
    usd_max: float | None = None
    """What the model may cost; without it there is no budget."""


# what a model is asked for ----------------------------------------------------------------


@dataclass(frozen=True)
class Analysis:
    """What is wanted, and how we shall know that it is there."""

    goal: Annotated[Text, Meta(description="In a sentence: what is wanted.")]
    criteria: Annotated[list[Text], Meta(description="What must hold; each can be tested.")]
    risk: Annotated[
        Literal["low", "medium", "high"],
        Meta(description="high: others depend on what is changed, or a mistake would be dear."),
    ]
    why: Annotated[str, Meta(description="Why the risk is what it is.")]


@dataclass(frozen=True)
class Plan:
    """What is to be changed, in which order."""

    steps: Annotated[list[Text], Meta(min_length=1)]
    files: Annotated[list[Text], Meta(description="Paths to read, change or make.", min_length=1)]
    questions: Annotated[list[Text], Meta(description="What to look up in the documentation.")]


@dataclass(frozen=True)
class Edit:
    """A change of one file."""

    path: Annotated[Text, Meta(description="Path in the repository, with '/'.")]
    find: Annotated[
        str,
        Meta(
            description="A text that stands there exactly once; empty: the whole file, or a new one."
        ),
    ]
    text: Annotated[str, Meta(description="What is to stand in its place.")]


@dataclass(frozen=True)
class Edits:
    """Changes that belong together: all of them are made, or none."""

    summary: Annotated[
        Text, Meta(description="What they do, in one line of at most 72 characters.")
    ]
    edits: Annotated[list[Edit], Meta(min_length=1, max_length=30)]


@dataclass(frozen=True)
class Diagnosis:
    """Why it does not work, and what will help."""

    cause: Text
    evidence: Annotated[Text, Meta(description="The lines of the failure that show it.")]
    fix: Annotated[Text, Meta(description="What to change; something that was not tried yet.")]


# what tools give --------------------------------------------------------------------------


@dataclass(frozen=True)
class Snapshot:
    """A repository as it stands: its head, and what files it has."""

    head: str
    paths: list[str]


@dataclass(frozen=True)
class Section:
    """A piece of documentation: where it stands, its heading, its text."""

    path: str
    heading: str
    text: str


@dataclass(frozen=True)
class Applied:
    """A commit with the edits, or why there is none."""

    commit: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Failure:
    """A test that failed: which, with what, where."""

    test: str
    message: str
    trace: str


@dataclass(frozen=True)
class TestRun:
    """What became of tests."""

    __test__ = False  # for pytest, which would take it for a test of its own

    passed: int = 0
    failures: list[Failure] = field(default_factory=list)
    trouble: str = ""
    """Why they did not come to their end; empty if they did."""

    @property
    def ok(self) -> bool:
        """Whether all passed, and there were some."""
        return not (self.trouble or self.failures) and self.passed > 0


@dataclass(frozen=True)
class Change:
    """What a commit changes, as git says."""

    paths: list[str] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    diff: str = ""


@dataclass(frozen=True)
class Proposal:
    """A commit that may be merged, if nobody is against it."""

    commit: str
    summary: str = ""
    change: Change = field(default_factory=Change)


@dataclass(frozen=True)
class Ruling:
    """What all gates together say: whether a change passes, else who is against it, and why."""

    ok: bool
    by: str = ""
    why: str = ""


@dataclass(frozen=True)
class Merged:
    """What became of a merge: its commit with the tag, or the head that was there instead."""

    commit: str = ""
    tag: str = ""
    moved_to: str = ""


@dataclass(frozen=True)
class Tried:
    """A round that did not end well: what was tried, who refused it, why."""

    round: int
    summary: str
    by: str
    why: str


@dataclass(frozen=True)
class Used:
    """What the model was asked and has cost; `usd` is None where its price is not known."""

    answers: int = 0
    tokens: int = 0
    usd: float | None = 0.0

    def __add__(self, other: "Used") -> "Used":
        known = self.usd is not None and other.usd is not None
        usd = (self.usd or 0.0) + (other.usd or 0.0) if known else None
        return Used(self.answers + other.answers, self.tokens + other.tokens, usd)

    def __str__(self) -> str:
        answers = "1 answer" if self.answers == 1 else f"{self.answers} answers"
        price = "price unknown" if self.usd is None else f"${self.usd:.4f}"
        return f"{answers}, {self.tokens:,} tokens, {price}"


@dataclass(frozen=True)
class Delivered:
    """What the workflow gives when the change is in."""

    commit: str
    tag: str
    rounds: int
    tried: list[Tried]
    change: Change
    used: Used
