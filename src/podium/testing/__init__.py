"""Test kit: the simulator, crash points, conformance suites, the pytest plugin."""
