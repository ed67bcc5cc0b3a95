"""The whole world in memory, shipped so that dry runs and users' tests have it too. Fails when asked to."""
