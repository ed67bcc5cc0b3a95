"""A shipway.yml that is good, and what its parser says."""

import pytest

from pipeline.errors import BadConfig
from pipeline.settings import Settings
from pipeline.settings_file import parse_settings

HOSTS = """
hosts:
  web-1: {engine: "tcp://10.0.0.11:2375", region: hz, labels: {role: web, disk: ssd}}
  web-2: {engine: "tcp://10.0.0.12:2375", labels: {role: web}}
  edge: {engine: "unix:///var/run/docker.sock", labels: {role: edge}}
proxies:
  front: {kind: haproxy, image: "haproxy:3.2"}
  central: {kind: nginx, image: "nginx:1.30", listen: 8081, hosts: [edge]}
load_balancers:
  entry: {kind: aliyun-slb, id: lb-bp1, region: cn-hangzhou}
"""
SERVICE = """
services:
  shop:
    repository: {url: "https://git.example.com/acme/shop.git", forge: gitlab, secret: "${SHOP_SECRET}"}
    environments:
      test: {branches: [test], hosts: [web-1]}
      production:
        branches: [main]
        tags: ["v*"]
        hosts: {role: web}
        replicas: 2
        proxy: front
        load_balancer: entry
        route: {domain: shop.example.com}
        env: {VERSION: 1.10, MODE: 0755, COUNTRY: no, DEBUG: true, EMPTY: ""}
        secrets: {DB_URL: "file:secrets/db"}
        rollout: {batch: 50%, order: stop-first, bake: 1m30s, on_failure: pause, healthy_for: 500ms, deadline: 90}
"""
ENVIRON = {"SHOP_SECRET": "hush-hush"}
FILES = {"/etc/shipway/secrets/db": "postgres://shop:pw@db/shop\n"}


def parse(text: str, environ: dict[str, str] = ENVIRON) -> Settings:
    def read(path: str) -> str:
        if path not in FILES:
            raise FileNotFoundError(2, "No such file or directory", path)
        return FILES[path]

    return parse_settings(text, environ, read, "/etc/shipway")


def faults(text: str, environ: dict[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        parse(text, environ)
    return [line.strip() for line in str(caught.value).splitlines()]


def with_environment(lines: str) -> str:
    return f"""{HOSTS}
services:
  shop:
    repository: {{url: /srv/git/shop.git}}
    environments:
      test: {{hosts: [web-1], {lines}}}
"""
