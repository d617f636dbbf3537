"""Rows and batches that tests of the store write."""

from podium.journal.store import Batch, RunRow


def row(num=1, **more):
    values = {
        "num": num, "id": f"run-{num}", "uid": f"uid-{num}", "workflow": "shop", "version": "v1",
        "family": num, "input": b"{}", "created_at": num,
    }  # fmt: skip
    return RunRow(**{**values, **more})


def start(*rows):
    return Batch(families=[(one.family, b"key") for one in rows], runs_new=list(rows))


def records(*paths, run=1, body=b"{}"):
    return Batch(records=[(run, 1, path, 5, body) for path in paths])


def paths(store, run=1):
    return [record.path for record in store.reader().records(run)]
