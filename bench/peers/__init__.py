"""One program per system under test; each runs in the environment of its system.

`python -m bench.peers.NAME MODE WORKLOAD N FOLDER` prints one JSON line.
"""
