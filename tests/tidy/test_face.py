"""The public face: what `podium` offers is listed, and says what it is for."""

import inspect

from types import ModuleType

import pytest

import podium

from podium.core import errors


def is_error(value: object) -> bool:
    """Whether this is an exception class of Podium's own."""
    return (
        isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__.startswith("podium.")
    )


ERRORS = {name: value for name, value in vars(errors).items() if is_error(value)}


def methods(klass: type) -> dict[str, object]:
    """The public methods and properties that one of our classes or its bases write themselves."""
    return {
        name: value
        for base in klass.__mro__
        if base.__module__.startswith("podium.") and not issubclass(base, BaseException)
        for name, value in vars(base).items()
        if not name.startswith("_")
        and (inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod))
    }


def test_all_is_sorted() -> None:
    """Names are listed in order, each once."""
    assert sorted(set(podium.__all__)) == list(podium.__all__)


def test_all_is_what_the_namespace_offers() -> None:
    """Every listed name is there, and every public name is listed; modules are not names."""
    offered = {
        name
        for name in dir(podium)
        if not name.startswith("_") and not isinstance(getattr(podium, name), ModuleType)
    }

    assert offered == {name for name in podium.__all__ if not name.startswith("_")}
    assert [name for name in podium.__all__ if not hasattr(podium, name)] == []


@pytest.mark.parametrize("name", podium.__all__)
def test_each_public_name_has_a_sentence(name: str) -> None:
    """Help on a public class or function, and on its public methods, says what it does."""
    value = getattr(podium, name)
    if not isinstance(value, type) and not inspect.isroutine(value):
        return
    own = {name: value, **(methods(value) if isinstance(value, type) else {})}

    assert [
        key for key, one in own.items() if not (getattr(one, "__doc__", None) or "").strip()
    ] == []


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_each_error_has_a_sentence(name: str) -> None:
    """An error class says in its own docstring when it is raised."""
    assert (vars(ERRORS[name]).get("__doc__") or "").strip()


def test_errors_are_drawn() -> None:
    """The tree in the docstring of `podium.core.errors` names every error."""
    drawing = errors.__doc__ or ""

    assert [name for name in ERRORS if name not in drawing] == []
