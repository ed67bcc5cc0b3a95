"""What is told of a key that is wrong: at once, with its path, in words."""

import pytest

from pipeline.settings_file import settings_schema
from tests.settings.ground import HOSTS, SERVICE, faults, with_environment


def test_every_fault_is_told_at_once_with_its_path():
    text = (HOSTS + SERVICE).replace("batch:", "bach:").replace("replicas: 2", "replicas: x")
    text = text.replace("forge: gitlab", "forge: gitlb").replace("tcp://10.0.0.12:2375", "tcp://-x:1")

    assert faults(text, {}) == [
        "shipway.yml has 5 errors; nothing was changed. Correct:",
        "services.shop.repository.secret: the environment variable SHOP_SECRET is not set; set it, or write "
        "${SHOP_SECRET:-default}",
        "hosts.web-2.engine: 'tcp://-x:1' names no usable host; it may not be empty nor begin with '-'",
        "services.shop.repository.forge: there is no forge 'gitlb'; did you mean 'gitlab'?",
        "services.shop.environments.production.replicas: must be a whole number",
        "services.shop.environments.production.rollout.bach: unknown key; did you mean 'batch'?",
    ]


def test_an_unset_variable_is_told_once():
    assert faults("builder: {concurrency: '${X}'}")[1:] == [
        "builder.concurrency: the environment variable X is not set; set it, or write ${X:-default}"
    ]


def test_checks_across_the_file_run_beside_other_faults():
    text = (HOSTS + SERVICE).replace("hosts: [web-1]", "hosts: [web-3]") + "serve: {}"

    told = faults(text)

    assert "serve: unknown key; did you mean 'server'?" in told
    assert "services.shop.environments.test.hosts[0]: there is no host 'web-3'; did you mean 'web-2'?" in told


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a", "shipway.yml must be a mapping of sections such as server, hosts and services."),
        ("a: 1\na: 2", "shipway.yml line 2: the key 'a' is already on line 1; remove one."),
        ("server: {data: ''}", "server.data: must not be empty"),
        ("registry: {insecure: [x]}", "registry.insecure: Input should be a valid boolean"),
        ("services: {a: {}}", "services.a.repository: is missing; it must be given"),
        ("'[key]': x", "unknown key; known: server, registry"),
        (
            "hosts: {a: {engine: 'unix:///s', tls: {cx: y}}}",
            "hosts.a.tls.cx: unknown key; known: ca, cert, key",
        ),
        ("server:", "server: is empty; give it a value or remove the key"),
        ("server: []", "server: must be a mapping (key: value)"),
        ("hosts: [a]", "hosts: must be a mapping (key: value)"),
        (
            "server: {url: ftp://x}",
            "server.url: 'ftp://x' is not an address; write https://shipway.example.com",
        ),
        (
            "server: {listen: 8080}",
            "server.listen: '8080' is not an address to listen on; write host:port, such as",
        ),
        (
            "server: {database: mysql://u:hush@h/d}",
            "server.database: is not understood; write postgresql+psycopg",
        ),
        ("server: {redis: http://x}", "server.redis: is not understood; write redis://host:6379/0"),
        ("server: {data: '${X'}", "server.data: has a broken reference; write ${NAME} or ${NAME:-default}"),
        ("server: {data: ['${X}']}", "server.data[0]: the environment variable X is not set"),
        (
            "registry: {address: https://r}",
            "registry.address: 'https://r' is not host:port; leave out https://",
        ),
        ("registry: {namespace: A}", "registry.namespace: 'A' is not a namespace"),
        ("registry: {auth: {kind: basic}}", "registry.auth: basic needs username and password"),
        (
            "registry: {auth: {kind: magic}}",
            "registry.auth.kind: must be 'none', 'basic', 'docker', 'ecr' or 'acr'",
        ),
        ("builder: {concurrency: 0}", "builder.concurrency: must be at least 1"),
        ("builder: {concurrency: 99}", "builder.concurrency: must be at most 64"),
        ("builder: {timeout: 0}", "builder.timeout: must be longer than 0"),
        ("builder: {timeout: soon}", "builder.timeout: 'soon' is not a duration; write 500ms, 10s"),
        ("registry: {insecure: perhaps}", "registry.insecure: must be true or false"),
        ("hosts: {Web_1: {engine: 'unix:///s'}}", "hosts.Web_1: 'Web_1' is no usable name"),
        ("hosts: {a: {}}", "hosts.a.engine: is missing; it must be given"),
        (
            "hosts: {a: {engine: 'ssh://-oProxyCommand=x'}}",
            "hosts.a.engine: 'ssh://-oProxyCommand=x' names no usable",
        ),
        ("hosts: {a: {engine: 'ssh://-x@h'}}", "hosts.a.engine: 'ssh://-x@h' has a user that ssh cannot use"),
        (
            "hosts: {a: {engine: 'ssh://build.example.com'}}",
            "hosts.a.address: is missing; give the host's private IP",
        ),
        ("hosts: {a: {engine: 'tcp://10.0.0.1'}}", "hosts.a.engine: 'tcp://10.0.0.1' has no port"),
        ("hosts: {a: {engine: 'http://10.0.0.1'}}", "hosts.a.engine: 'http://10.0.0.1' is not an engine"),
        ("hosts: {a: {engine: 'unix:///s', address: web}}", "hosts.a.address: 'web' is not an IP address"),
        ("hosts: {a: {engine: 'unix:///s', ports: 5-1}}", "hosts.a.ports: '5-1' is not a range of ports"),
        ("hosts: {a: {engine: 'unix:///s', labels: {'a b': x}}}", "hosts.a.labels.a b: 'a b' is not a label"),
        (
            "hosts: {a: {engine: 'unix:///s', tls: {ca: a, cert: b, key: c}}}",
            "hosts.a.tls: is only for a tcp:// engine",
        ),
        (
            "hosts: {a: {engine: 'unix:///s', ssh: {key: k}}}",
            "hosts.a.ssh: is only for an ssh:// engine",
        ),
        ("proxies: {p: {kind: caddy, image: x}}", "proxies.p.kind: must be 'haproxy' or 'nginx'"),
        ("proxies: {p: {kind: nginx, image: -x}}", "proxies.p.image: '-x' is not an image"),
        (
            "proxies: {p: {kind: nginx, image: x, hosts: [z]}}",
            "proxies.p.hosts[0]: there is no host 'z'; there are none",
        ),
        (
            "proxies: {p: {kind: nginx, image: x, hosts: z}}",
            "proxies.p.hosts: must be a list, such as [main]",
        ),
        (
            "load_balancers: {l: {kind: f5, id: x}}",
            "load_balancers.l.kind: there is no kind of load balancer 'f5'",
        ),
        (
            "services: {a: {repository: {url: /a}, environments: {}}}",
            "services.a.environments: must have at least 1",
        ),
        ("services: {a: {repository: {url: /a}}}", "services.a.environments: is missing; it must be given"),
    ],
)
def test_a_fault_is_told_in_words(text, fault):
    assert any(line.startswith(fault) for line in faults(text)), faults(text)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("branches: main", "branches: must be a list, such as [main]"),
        ("branches: [refs/heads/main]", "branches[0]: 'refs/heads/main': write the short name"),
        ("branches: [-x]", "branches[0]: '-x' matches no branch or tag"),
        ("tags: ['a b']", "tags[0]: 'a b' matches no branch or tag"),
        ("replicas: 0", "replicas: must be at least 1"),
        ("proxy: frnt", "proxy: there is no proxy 'frnt'; did you mean 'front'?"),
        ("proxy: front, load_balancer: x", "load_balancer: there is no load balancer 'x'; known: entry"),
        ("load_balancer: entry", "load_balancer: needs a proxy; name one of `proxies` under proxy"),
        ("route: {domain: a.example.com}", "route: needs a proxy; name one of `proxies` under proxy"),
        ("proxy: front, route: {domain: 'a b'}", "route.domain: 'a b' is not a host name"),
        (
            "proxy: front, route: {domain: '-a.example.com'}",
            "route.domain: '-a.example.com' is not a host name",
        ),
        ("env: {1X: y}", "env.1X: '1X' cannot be a variable's name"),
        ("env: {X: }", "env.X: is empty; give it a value"),
        ("env: {X: [y]}", "env.X: must be a single value, not a list"),
        ("env: {X: {}}", "env.X: must be a single value, not a mapping"),
        ('env: {X: "a\\0b"}', "env.X: must not contain a NUL character"),
        ("env: {X: y}, secrets: {X: z}", "secrets.X: is also in env; keep one of them"),
        (
            "secrets: {X: 'file:none'}",
            "secrets.X: the secret file none cannot be read: No such file or directory",
        ),
        ("rollout: {batch: 0}", "rollout.batch: '0' is neither a number of hosts"),
        ("rollout: {batch: 101%}", "rollout.batch: '101%' is neither a number of hosts"),
        ("rollout: {healthy_for: 2m}", "rollout.healthy_for: must be shorter than deadline (120s)"),
        ("rollout: {canary: 2}", "rollout.canary: is 2, but the environment has 1 host"),
        ("rollout: {min_healthy: 3}", "rollout.min_healthy: is 3, but the environment has 1 host"),
        ("rollout: {keep: 0}", "rollout.keep: must be at least 1"),
        ("rollout: {metrics: [{query: up, max: 1}]}", "rollout.metrics[0].prometheus: is missing"),
        (
            "rollout: {metrics: [{prometheus: 'https://me:pw@p', query: up, max: 1}]}",
            "rollout.metrics[0].prometheus: is not a bare address",
        ),
        (
            "rollout: {metrics: [{prometheus: 'https://p', query: up, max: nan}]}",
            "rollout.metrics[0].max: is not a number that something can be larger than",
        ),
        ("rollout: {compare: {errors: 5}}", "rollout.compare.errors: '5' is not a share; write 5% or 0.05"),
        (
            "rollout: {compare: {latency: 0.5x}}",
            "rollout.compare.latency: '0.5x' is not a factor of at least 1",
        ),
        ("rollout: {compare: {min_requests: 0}}", "rollout.compare.min_requests: must be at least 1"),
    ],
)
def test_a_fault_of_an_environment_is_told_in_words(lines, fault):
    told = faults(with_environment(lines))

    assert [line for line in told if line.startswith(f"services.shop.environments.test.{fault}")], told
    assert len(told) == 2


@pytest.mark.parametrize(
    ("hosts", "fault"),
    [
        ("{role: db}", "no host has the labels {role: db}; add them under hosts"),
        ("[]", "must be a list of hosts such as [web-1], or labels"),
        ("web-1", "must be a list of hosts such as [web-1], or labels"),
        ("{}", "must be a list of hosts such as [web-1], or labels"),
        ("[-x]", "'-x' is no usable name"),
    ],
)
def test_hosts_that_select_nothing_are_told(hosts, fault):
    text = with_environment("branches: [main]").replace("hosts: [web-1]", f"hosts: {hosts}")

    assert any(line.startswith(f"services.shop.environments.test.hosts: {fault}") for line in faults(text))


def test_the_schema_knows_the_keys_and_refuses_others():
    schema = settings_schema()

    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) >= {"server", "registry", "builder", "hosts", "proxies", "services"}
    assert schema["$defs"]["RepositoryKeys"]["properties"]["forge"]["enum"] == [
        *("git", "github", "gitlab", "gitea", "forgejo", "gitee", "bitbucket", "bitbucket-dc", "codeup")
    ]


def test_one_bad_service_does_not_hide_the_faults_of_another():
    text = with_environment("proxy: frnt") + "  other: {}\n"

    assert "services.shop.environments.test.proxy: there is no proxy 'frnt'; did you mean 'front'?" in faults(
        text
    )
