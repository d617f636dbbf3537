"""From ``module:workflow`` on the command line to the workflow, or to a clear word why not."""

from __future__ import annotations

import difflib
import gc
import importlib
import inspect
import logging
import os
import sys
import traceback

from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from podium.cli import terminal
from podium.cli.exits import CommandFailed, Exit
from podium.functions.calls import Task, Workflow


def is_document(reference: str) -> bool:
    """Whether a reference names a flow document, not ``module:workflow``."""
    return reference.endswith((".yaml", ".yml", ".json"))


def load_workflow(reference: str) -> Workflow[..., Any]:
    """Import the workflow that ``module:workflow`` names.

    Raises:
        CommandFailed: There is none; near names are suggested.
    """
    name, colon, attribute = reference.partition(":")
    if name.endswith(".py") or "/" in name:
        raise CommandFailed(
            f"{reference!r} names a file; expected module:workflow. Write {_dotted(name)}:"
            f"{attribute or 'WORKFLOW'} (the current directory is importable).",
            Exit.USAGE,
        )
    if not name:
        raise CommandFailed(f"{reference!r} has no module; expected module:workflow.", Exit.USAGE)
    module = load_module(name)
    if not colon or not attribute:
        raise CommandFailed(
            f"{reference!r} names no workflow; expected module:workflow. {_offer(module)}",
            Exit.USAGE,
        )
    return _workflow_of(module, attribute)


def load_module(name: str) -> ModuleType:
    """Import a module; the current directory is importable.

    Raises:
        CommandFailed: There is no such module, or it fails while it is imported.
    """
    make_importable()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise CommandFailed(_no_module(name, error.name), Exit.USAGE) from error
        raise CommandFailed(_import_failed(name, error)) from error
    except (TypeError, ValueError) as error:
        if not name.strip(".") or name.startswith("."):
            raise CommandFailed(f"{name!r} is no name of a module.", Exit.USAGE) from error
        raise CommandFailed(_import_failed(name, error)) from error
    except (Exception, SystemExit) as error:
        raise CommandFailed(_import_failed(name, error)) from error


def make_importable() -> None:
    """Let modules in the current directory be imported."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def workflows_in(module: ModuleType) -> dict[str, Workflow[..., Any]]:
    """Return the workflows a module offers, by the name that follows the colon."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Workflow)}


def _workflow_of(module: ModuleType, attribute: str) -> Workflow[..., Any]:
    offered = workflows_in(module)
    found = getattr(module, attribute, None)
    if isinstance(found, Workflow):
        return found
    for one in offered.values():
        if one.name == attribute:
            return one
    where = f"{module.__name__}:{attribute}"
    if isinstance(found, Task):
        raise CommandFailed(f"{where} is a task; a workflow calls it. {_offer(module)}", Exit.USAGE)
    if inspect.iscoroutinefunction(found):
        raise CommandFailed(
            f"{where} is a plain async function; decorate it with @workflow. {_offer(module)}",
            Exit.USAGE,
        )
    if found is not None:
        raise CommandFailed(
            f"{where} is no workflow but {terminal.clean(repr(found))[:80]}. {_offer(module)}",
            Exit.USAGE,
        )
    near = difflib.get_close_matches(attribute, offered, n=3)
    hint = (
        f"Did you mean {' or '.join(f'{module.__name__}:{one}' for one in near)}?"
        if near
        else _offer(module)
    )
    raise CommandFailed(
        f"Module {module.__name__!r} has no workflow {attribute!r}. {hint}", Exit.USAGE
    )


def _offer(module: ModuleType) -> str:
    names = [f"{module.__name__}:{name}" for name in workflows_in(module)]
    if not names:
        return f"Module {module.__name__!r} has no workflow: none is decorated with @workflow."
    return f"There {'is' if len(names) == 1 else 'are'} {', '.join(names[:8])}."


def _no_module(name: str, missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    folder = Path(*parent.split(".")) if parent else Path()
    names = [one.stem if one.suffix == ".py" else one.name for one in _candidates(folder)]
    near = difflib.get_close_matches(last, names, n=3)
    hint = (
        f" Did you mean {' or '.join(f'{parent}.{one}' if parent else one for one in near)}?"
        if near
        else ""
    )
    which = "" if missing == name else f" (it has no {missing!r})"
    return f"There is no module {name!r}{which}, neither in {Path.cwd()} nor installed.{hint}"


def _candidates(folder: Path) -> list[Path]:
    try:
        return [one for one in folder.iterdir() if one.suffix == ".py" or one.is_dir()]
    except OSError:
        return []


def _import_failed(name: str, error: BaseException) -> str:
    if isinstance(error, SystemExit):
        what = f"it ended the program (exit {error.code}); guard that with `if __name__ == '__main__':`"
    elif isinstance(error, SyntaxError):
        what = f"{type(error).__name__}: {error.msg} at {error.filename}:{error.lineno}"
    else:
        what = f"{type(error).__name__}: {error}{_place(error.__traceback__)}"
    return f"Importing {name!r} failed: {what}\nNothing was started. PODIUM_DEBUG=1 shows the traceback."


def _place(trace: TracebackType | None) -> str:
    """Return the innermost line of the user's own code."""
    frames = [
        frame for frame in traceback.extract_tb(trace)
        if "importlib" not in frame.filename and f"podium{os.sep}cli" not in frame.filename
    ]  # fmt: skip
    own = [frame for frame in frames if f"{os.sep}podium{os.sep}" not in frame.filename] or frames
    return f" at {own[-1].filename}:{own[-1].lineno}" if own else ""


def _dotted(name: str) -> str:
    return name.removesuffix(".py").strip("./").replace("/", ".").replace("\\", ".")


# a process that executes -------------------------------------------------------------------


def settle_memory() -> None:
    """Let the collector look less often: what was imported stays, what steps make is short-lived."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def show_log(say: logging.Handler) -> None:
    """Let Podium's own warnings be shown, unless the program has set up logging itself."""
    if not logging.getLogger().handlers and not logging.getLogger("podium").handlers:
        say.setLevel(logging.WARNING)
        logging.getLogger("podium").addHandler(say)
