"""Tests of the simulator: it is an oracle, so it must be right itself."""
