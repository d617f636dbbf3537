"""Flow documents that do something: each `.yaml` here, with its tasks in a module beside it."""
