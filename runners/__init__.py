"""Shipway's half that does: one outside thing a file. SDK errors stop here; every call has a timeout; calling twice is safe."""
