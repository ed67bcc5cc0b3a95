"""Hosts that dial out: `agent` is what runs on them, `hub` is our end of their connections, a unix socket a host."""
