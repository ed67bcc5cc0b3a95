"""Shipway's half that decides. Nothing in here touches the world by itself, but the entries.

Read in this order: intake (a push arrives), delivery (commit to image), rollout (image to live release), fleet (where it runs).
`runners` is the half that does; `ports.py` says what the first needs of the second; `wiring.py` joins them.
"""

__version__ = "0.1.0"
