"""Runs one workload of the Podium peer under cProfile."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import tempfile

from pathlib import Path

from bench.envs import HOME, prepare_home
from bench.systems import ROOT
from bench.workloads import Workload

TOP = 25


def profile(workload: Workload) -> None:
    """Profile the timed region of a workload and print where its time goes."""
    sys.path.insert(0, str(ROOT / "src"))
    from bench.peers.common import Stopwatch, perform
    from bench.peers.podium import EXTRA, PodiumPeer

    prepare_home()
    Stopwatch.profiler = profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        peer = PodiumPeer("default", Path(folder))
        print(asyncio.run(perform(peer, workload.name, workload.n, EXTRA)))
    if not profiler.getstats():
        print(f"{workload.name} has no single timed region to profile.")
        return
    for order in ("tottime", "cumulative"):
        pstats.Stats(profiler).sort_stats(order).print_stats(TOP)
