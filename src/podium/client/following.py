"""A run as it goes on: its row and steps, kept up with what is committed."""

from __future__ import annotations

from podium.client.app import Podium
from podium.client.views import RunView, StepView, read_record
from podium.journal.store import RunRow

_PAGE = 2_000


class Follower:
    """Looks at a run again and again, and reads only what is new.

    Attributes:
        row: The run's row at the last look.
        steps: The steps of the current incarnation, by path.
    """

    def __init__(self, app: Podium, run_id: str) -> None:
        self._app = app
        self.row: RunRow = app.desk.row(run_id)
        self.steps: dict[str, StepView] = {}
        self._read_to = self.row.base

    @property
    def view(self) -> RunView:
        """What the row tells."""
        return RunView.of(self.row)

    def look(self) -> None:
        """Read the row."""
        self.row = self._app.desk.row(self.row.id)

    def read(self) -> list[str] | None:
        """Read new records; return the paths they are about.

        ``None`` says that a new incarnation has begun: what was known of steps is forgotten.
        """
        row = self.row
        if row.base > self._read_to:
            self.steps.clear()
            self._read_to = row.base
            return None
        paths: dict[str, None] = {}
        while True:
            page = self._app.desk.reader.records(row.num, self._read_to, _PAGE)
            for record in page:
                known = len(self.steps)
                read_record(self.steps, record)
                is_new = len(self.steps) > known
                paths[next(reversed(self.steps)) if is_new else record.path] = None
            if page:
                self._read_to = page[-1].seq
            if len(page) < _PAGE:
                return list(paths)
