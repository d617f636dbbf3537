"""The embedded machine: run loop, replay, attempts, log, timers, leases, recovery."""
