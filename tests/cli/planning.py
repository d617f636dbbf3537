"""Tools and models that plan, for the tests of `podium plan` and `podium do`."""

import podium

from podium.models import ScriptedModel


@podium.tool(effect="read", namespace="trip")
async def weather(city: str) -> str:
    """Say what the weather will be."""
    return f"sun in {city}"


@podium.tool(effect="read", namespace="trip", expect="2s")
async def trains(city: str) -> list[str]:
    """List the trains to a city."""
    return [f"{city}-1", f"{city}-2"]


@podium.tool(effect="write", namespace="trip")
async def cancel_seat(train: str, result: str | None) -> None:
    """Give a seat back."""


@podium.tool(effect="write", namespace="trip", compensate=cancel_seat)
async def book_seat(train: str) -> str:
    """Book a seat in a train."""
    if train.endswith("-1"):
        raise ValueError(f"{train} is full")
    return f"seat {train}"


def plan(number: int) -> dict:
    """Return a plan that books a seat in one of the trains."""
    nodes = {
        "sky": {"call": "trip.weather", "args": {"city": "${input.city}"}},
        "trains": {"call": "trip.trains", "args": {"city": "${input.city}"}},
        "seat": {"call": "trip.book_seat", "args": {"train": f"${{trains[{number}]}}"}},
    }
    return {"podium": 1, "name": "trip", "nodes": nodes, "output": "${sky + ', ' + seat}"}


BAD = {
    "podium": 1,
    "nodes": {"sky": {"call": "trip.wether", "args": {"city": "${input.town}"}}},
    "output": "${sky}",
}
CRITERIA = {
    "criteria": [
        {"name": "city", "what": "It names the city.", "cel": "answer.contains(input.city)"}
    ]
}
READS = {"podium": 1, "nodes": {"sky": plan(0)["nodes"]["sky"]}, "output": "${sky}"}

ScriptedModel("trip", {"acceptance": [CRITERIA], "How to write a plan": [BAD, plan(0), plan(1)]})
ScriptedModel("reads", {"acceptance": [CRITERIA], "How to write a plan": [READS]})
ScriptedModel("bad", [BAD] * 9)
