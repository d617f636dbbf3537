"""The tables of a Podium database, format 6.

Rows go where appending is cheap: the journal's key is the order of commits, blobs and runs are
numbered by time. Texts are JSON that the ``sqlite3`` shell can query.
"""

from __future__ import annotations

APPLICATION_ID = 0x506F6469
"""``Podi`` in the file's header: whose file this is."""
FORMAT = 6
"""Kept in ``user_version``. A file with a higher one is refused."""

OPEN = "status IN ('accepted','running','waiting')"
NOT_ENDED = "status NOT IN ('succeeded','failed','cancelled')"
"""Written the same in the partial index and in queries, else SQLite would not use the index."""

_SHARED = """CREATE TABLE shared(
  kind TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY(kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE kept(
  task TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,
  run INTEGER NOT NULL, code TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(task, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_until ON kept(until);
"""
TABLES = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE families(num INTEGER PRIMARY KEY, key BLOB, key_id TEXT) STRICT;
CREATE TABLE runs(
  num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, uid TEXT NOT NULL,
  workflow TEXT NOT NULL, version TEXT NOT NULL, family INTEGER NOT NULL,
  parent INTEGER, parent_path TEXT, status TEXT NOT NULL, owner INTEGER,
  incarnation INTEGER NOT NULL, base INTEGER NOT NULL, claims INTEGER NOT NULL,
  created_at INTEGER NOT NULL, ended_at INTEGER,
  headers TEXT NOT NULL, waits TEXT, error TEXT, input TEXT NOT NULL, output TEXT, document TEXT,
  deadline INTEGER, budgets TEXT
) STRICT;
CREATE INDEX runs_family ON runs(family);
CREATE INDEX runs_parent ON runs(parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_owner ON runs(owner) WHERE {NOT_ENDED};
CREATE TABLE journal(
  seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind INTEGER NOT NULL,
  path TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX journal_run ON journal(run);
CREATE TABLE blobs(
  id INTEGER PRIMARY KEY, family INTEGER NOT NULL, digest BLOB, data BLOB NOT NULL
) STRICT;
CREATE INDEX blobs_family ON blobs(family);
CREATE TABLE inbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, kind TEXT NOT NULL,
  name TEXT NOT NULL, payload TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE asks(
  id TEXT PRIMARY KEY, run INTEGER NOT NULL, path TEXT NOT NULL, form TEXT NOT NULL,
  "to" TEXT NOT NULL, at INTEGER NOT NULL, deadline INTEGER, closed_at INTEGER, answer TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX asks_run ON asks(run);
CREATE INDEX asks_open ON asks(at) WHERE closed_at IS NULL;
CREATE TABLE published(
  run INTEGER NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, PRIMARY KEY(run, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE stream(
  position INTEGER PRIMARY KEY, run INTEGER NOT NULL, at INTEGER NOT NULL, payload TEXT NOT NULL,
  path TEXT NOT NULL DEFAULT '', attempt INTEGER NOT NULL DEFAULT 0, "offset" INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX stream_run ON stream(run);
CREATE TABLE workers(
  id INTEGER PRIMARY KEY AUTOINCREMENT, epoch INTEGER NOT NULL, pid INTEGER NOT NULL,
  started TEXT NOT NULL, host TEXT NOT NULL, name TEXT NOT NULL, life TEXT NOT NULL
) STRICT;
CREATE TABLE file_chunks(
  family INTEGER NOT NULL, digest TEXT NOT NULL, "index" INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY(family, digest, "index")
) STRICT;
CREATE TABLE documents(hash TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
{_SHARED}"""
UPGRADES = {
    1: """
ALTER TABLE runs ADD COLUMN document TEXT;
CREATE TABLE documents(hash TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT, WITHOUT ROWID;
""",
    2: _SHARED,
    3: "ALTER TABLE runs ADD COLUMN deadline INTEGER;",
    4: """
ALTER TABLE stream ADD COLUMN path TEXT NOT NULL DEFAULT '';
ALTER TABLE stream ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stream ADD COLUMN "offset" INTEGER NOT NULL DEFAULT 0;
""",
    5: "ALTER TABLE runs ADD COLUMN budgets TEXT;",
}
"""What makes a file of a format one of the next."""

TABLE_NAMES = frozenset(
    [
        "meta",
        "families",
        "runs",
        "journal",
        "blobs",
        "inbox",
        "asks",
        "published",
        "stream",
        "workers",
        "file_chunks",
        "documents",
        "shared",
        "kept",
    ]
)
