"""The five tasks: small repositories, each with a requirement and tests that the model does not see."""

import tomllib

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from examples.coding.forms import Assignment
from examples.coding.repository import Repository

TASKS = Path(__file__).with_name("tasks")


@dataclass(frozen=True)
class Example:
    """A task, and where its files are."""

    name: str
    number: int
    title: str
    tag: str
    allowed: list[str]

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return TASKS / self.name

    def furnish(self, path: Path) -> Repository:
        """Make its repository, unless it is there."""
        if path.exists():
            return Repository(path)
        return Repository.made_of(path, self.folder / "repository", f"{self.title}: what is there")

    def assignment(self, repository: Repository, model: str) -> Assignment:
        """Return what the workflow is given."""
        return Assignment(
            title=self.title,
            requirement=(self.folder / "requirement.md").read_text(encoding="utf-8"),
            repository=str(repository.path.resolve()),
            tag=self.tag,
            allowed=self.allowed,
            acceptance=str(self.folder / "acceptance"),
            model=model,
        )


@cache
def examples() -> list[Example]:
    """Return the tasks by number."""
    found = []
    for path in TASKS.glob("*/task.toml"):
        about = tomllib.loads(path.read_text(encoding="utf-8"))
        found.append(Example(path.parent.name, **about))
    return sorted(found, key=lambda one: one.number)
