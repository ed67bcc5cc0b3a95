"""A small data centre on one machine: several Docker hosts, a builder, a registry and base images. Standard library only.

    layout.py     what belongs to a lab, and where it lies (no deeds)
    commands.py   runs lists of words, says what is done in one line each
    needs.py      installs from apt what is missing
    network.py    a bridge, a network namespace per host, the firewall lines for them
    kernel.py     control groups and forwarding, only where the machine has none
    daemons.py    starts and stops daemons by pid file
    engine.py     the few engine API calls that the lab needs
    packages.py   Debian packages, resolved and downloaded by apt without touching the machine's own state
    recipes.py    which packages make which base image
    image.py      packages -> one image layer, no root and no engine needed
    registry.py   puts an image into a registry
    certificates.py  authority, server and client certificates for the host that is reached by TLS
    shell_host.py    sshd for the host that is reached by SSH
    shared.py     the lab without root: three names for one engine
    up.py down.py __main__.py

It never touches the machine's own engine, and `down` leaves nothing but the cache of packages and images.
"""
