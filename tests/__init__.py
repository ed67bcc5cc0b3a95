"""The tests mirror the tree. A package, so that `python3 -m tests.lab` finds this one and no other."""
