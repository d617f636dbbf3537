"""Benchmarks: Podium beside the floors of the machine and beside other workflow engines."""
