"""Measurements on the lab. Each prints a table with ratios inside the same run: absolute times are the machine's."""
