"""Forges to test against, on loopback: no real one can be installed here. Strict where a real one is lenient."""
