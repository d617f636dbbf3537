"""The Python front end: ``@workflow``, ``@task`` and the primitives. Knows no engine, no journal."""
