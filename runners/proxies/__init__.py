"""The nginx and HAProxy containers in front of replicas: `sites` is the port, `haproxy` and `nginx` a file a kind."""

from runners.proxies.sites import ProxyContainers

__all__ = ["ProxyContainers"]
