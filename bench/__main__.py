"""`python -m bench`: Podium beside the others. `--help` says how to choose."""

from __future__ import annotations

import argparse
import sys
import time

from pathlib import Path

from bench import report
from bench.envs import HOME
from bench.profiling import profile
from bench.results import Results
from bench.runner import Bench
from bench.systems import SYSTEMS
from bench.workloads import WORKLOADS, Workload

MINUTES, MINUTES_ALL = 14.5, 60.0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    names = ", ".join(w.name for w in WORKLOADS)
    chosen_from = f"workloads: {names}"
    p = argparse.ArgumentParser("python -m bench", description=__doc__, epilog=chosen_from)
    p.add_argument("systems", nargs="*", choices=[*SYSTEMS, []], help="only these (and the floors)")
    p.add_argument("--all", action="store_true", help="also Restate, Temporal, Prefect, llama")
    p.add_argument("--only", default="", help="workloads, or their first words: chain,map")
    p.add_argument("--rounds", type=int, help="rounds of everything (default: 5, slow ones 3 or 1)")
    p.add_argument("--quick", action="store_true", help="a tenth of the sizes, one round")
    p.add_argument("--budget", type=float, help="minutes after which no run is started")
    p.add_argument("--profile", metavar="WORKLOAD", help="profile Podium in a workload and stop")
    p.add_argument("--report", type=Path, metavar="FILE", help="write the page from old results")
    return p


def chosen(only: str, *, quick: bool) -> list[Workload]:
    """Return the selected workloads."""
    words = [word for word in only.split(",") if word]
    known = {w.name for w in WORKLOADS} | {w.name.split("_")[0] for w in WORKLOADS}
    if unknown := set(words) - known:
        raise SystemExit(f"no such workload: {', '.join(sorted(unknown))}; see --help")
    found = [w for w in WORKLOADS if w.matches(words)]
    return [w.smaller() for w in found] if quick else found


def main() -> None:
    """Run the benchmark, or a part of it."""
    args = parser().parse_args()
    if args.profile:
        profile(chosen(args.profile, quick=False)[0])
        return
    command = "make bench-all" if args.all else "make bench"
    if args.report:
        print(f"wrote {report.write(Results(args.report), command).name}")
        return
    usual = {s.name for s in SYSTEMS.values() if args.all or not s.in_all_only}
    bench = Bench(
        workloads=chosen(args.only, quick=args.quick),
        systems={*args.systems, "floors"} if args.systems else usual,
        budget_s=60 * (args.budget or (MINUTES_ALL if args.all else MINUTES)),
        output=HOME / "results" / f"{time.strftime('%Y%m%d-%H%M%S')}.jsonl",
        rounds=1 if args.quick else args.rounds,
    )
    results = Results(bench.run())
    print(f"\n{report.summary(results)}\n\nresults: .bench/results/{bench.output.name}")
    if not (args.systems or args.only or args.quick):
        print(f"page: docs/{report.write(results, command).name}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
