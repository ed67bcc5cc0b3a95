"""The main job on real parts, told line by line: `bin/demo`, `bin/demo --once`, `bin/demo --down`."""
