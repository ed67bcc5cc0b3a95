"""shipway.yml: what is understood, and what is told when it is wrong."""

import pytest

from pipeline.errors import BadConfig
from pipeline.fleet.balancer import BalancerKind, LoadBalancer
from pipeline.fleet.host import SshFiles, TlsFiles
from pipeline.fleet.service import MergeRequests, Service
from pipeline.rollout.policy import Compare, OnFailure, Order, Policy
from pipeline.settings import Settings
from pipeline.settings_file import all_secrets, parse_settings, settings_schema

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


# ------------------------------------------------------------------------------------------------ what is understood


def test_an_empty_file_is_the_defaults():
    settings = parse("")

    assert settings == Settings(server=settings.server)
    assert settings.server.data == "/etc/shipway/data"


def test_hosts_take_their_address_from_the_engine():
    hosts = parse(HOSTS).hosts

    assert [host.address for host in hosts.values()] == ["10.0.0.11", "10.0.0.12", "127.0.0.1"]
    assert hosts["web-1"].region == "hz"
    assert hosts["web-1"].ports == (20000, 29999)


def test_an_address_wins_over_the_engines():
    text = 'hosts: {a: {engine: "ssh://deploy@build.example.com", address: 10.0.0.9, ports: 30000-30010}}'

    host = parse(text).hosts["a"]

    assert (host.address, host.ports) == ("10.0.0.9", (30000, 30010))


def test_certificates_are_relative_to_the_file():
    text = 'hosts: {a: {engine: "tcp://10.0.0.9:2376", tls: {ca: ca.pem, cert: ../c.pem, key: /k.pem}}}'

    assert parse(text).hosts["a"].tls == TlsFiles("/etc/shipway/ca.pem", "/etc/c.pem", "/k.pem")


def test_ssh_files_are_found_beside_the_file_and_may_be_left_out():
    some = 'hosts: {a: {engine: "ssh://me@10.0.0.9", ssh: {key: id}}, b: {engine: "ssh://me@10.0.0.8"}}'

    hosts = parse(some).hosts

    assert hosts["a"].ssh == SshFiles(key="/etc/shipway/id")
    assert hosts["b"].ssh == SshFiles()


def test_an_environment_names_hosts_or_labels():
    environments = parse(HOSTS + SERVICE).services["shop"].environments

    assert [host.name for host in environments["test"].hosts] == ["web-1"]
    assert [host.name for host in environments["production"].hosts] == ["web-1", "web-2"]


def test_values_of_env_are_the_texts_that_were_written():
    production = parse(HOSTS + SERVICE).environment("shop", "production")

    assert production.env == {
        "VERSION": "1.10",
        "MODE": "0755",
        "COUNTRY": "no",
        "DEBUG": "true",
        "EMPTY": "",
    }


def test_a_secret_comes_from_a_file_without_its_last_newline():
    production = parse(HOSTS + SERVICE).environment("shop", "production")

    assert production.secrets["DB_URL"].reveal() == "postgres://shop:pw@db/shop"


def test_the_rollout_is_understood():
    production = parse(HOSTS + SERVICE).environment("shop", "production")

    assert production.policy == Policy(
        order=Order.STOP_FIRST,
        batch="50%",
        bake=90.0,
        on_failure=OnFailure.PAUSE,
        healthy_for=0.5,
        deadline=90.0,
    )
    assert production.proxy == parse(HOSTS).proxies["front"]
    assert (production.load_balancer, production.domain, production.replicas) == (
        "entry",
        "shop.example.com",
        2,
    )


def test_metrics_are_understood_and_their_token_is_masked():
    entry = '{prometheus: "https://p.example.com/", query: "up{app=\'{service}\'}", max: 0.5, token: "file:secrets/db"}'
    settings = parse(HOSTS + SERVICE.replace("batch: 50%,", f"batch: 50%, metrics: [{entry}],"))

    criterion = settings.environment("shop", "production").policy.metrics[0]

    assert (criterion.url, criterion.most) == ("https://p.example.com", 0.5)
    assert criterion.about("shop", "production", 7) == "up{app='shop'}"
    assert criterion.token.reveal() in all_secrets(settings)
    assert criterion.token.reveal() not in repr(criterion)


@pytest.mark.parametrize(
    ("written", "compare"),
    [
        ("{errors: 0.5%, latency: 2x, min_requests: 100}", Compare(0.005, 2.0, 100)),
        ("{errors: 0.1}", Compare(errors=0.1)),
        ("{enabled: false, errors: 1%}", None),
        ("{}", Compare()),
    ],
)
def test_what_is_compared_is_understood(written, compare):
    text = HOSTS + SERVICE.replace("batch: 50%,", f"batch: 50%, compare: {written},")

    assert parse(text).environment("shop", "production").policy.compare == compare


def test_a_load_balancer_becomes_its_noun():
    text = HOSTS + "  inner: {kind: haproxy, id: web, endpoint: 'unix:///run/haproxy.sock', port: 8081}\n"
    text += "  both: {kind: chain, of: [entry, inner]}\n"

    found = parse(text).load_balancers

    assert found == {
        "entry": LoadBalancer("entry", BalancerKind.ALIYUN_SLB, "lb-bp1", region="cn-hangzhou"),
        "inner": LoadBalancer(
            "inner", BalancerKind.HAPROXY, "web", port=8081, endpoint="unix:///run/haproxy.sock"
        ),
        "both": LoadBalancer("both", BalancerKind.CHAIN, of=("entry", "inner")),
    }


def test_a_load_balancers_key_is_masked_and_does_not_print():
    text = "load_balancers: {l: {kind: aws-elbv2, id: a, access_key: AKIA1, secret_key: 'file:secrets/db'}}"

    settings = parse(text)

    assert all_secrets(settings) == ["postgres://shop:pw@db/shop"]
    assert "postgres://shop" not in repr(settings)


def test_a_hosts_instance_is_kept():
    assert parse("hosts: {a: {engine: 'unix:///s', instance: i-1}}").hosts["a"].instance == "i-1"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("kind: aliyun-alb, id: x", "kind: aliyun-alb is not there yet; use a classic one (aliyun-slb)"),
        ("kind: aliyun-slb, region: r", "id: aliyun-slb needs the name of what it is"),
        ("kind: aliyun-slb, id: x", "region: is missing; give the cloud's name of it, such as cn-hangzhou"),
        ("kind: aws-elb, id: 'a b'", "id: aws-elb needs the name of what it is"),
        ("kind: aws-elb, id: x, group: y", "group: is only for kind: aliyun-slb"),
        ("kind: aws-elb, id: x, of: [y]", "of: is only for kind: chain"),
        ("kind: aws-elb, id: x, access_key: y", "access_key: and secret_key go together; give both"),
        ("kind: aws-elb, id: x, endpoint: 'http://10.0.0.1'", "endpoint: is not an address of an API"),
        ("kind: haproxy, id: x", "endpoint: haproxy needs unix:///path or tcp://host:port"),
        ("kind: nginx, id: x, endpoint: /etc/nginx", "endpoint: nginx needs file:///path of its nginx.conf"),
        ("kind: chain", "of: is empty; name the load balancers of the chain, the outermost first"),
        ("kind: chain, of: [y]", "of[0]: there is no load balancer 'y'"),
        ("kind: chain, of: [l]", "of[0]: 'l' leads back to 'l'; a chain must end"),
        ("kind: chain, of: [m]}, m: {kind: chain, of: [l]", "of[0]: 'm' leads back to 'l'; a chain must end"),
        ("kind: chain, id: x, of: [y]", "id: is not for a chain; its members have their own"),
    ],
)
def test_a_wrong_load_balancer_is_told_in_words(entry, fault):
    found = faults(f"load_balancers: {{l: {{{entry}}}}}")

    assert any(line.startswith(f"load_balancers.l.{fault}") for line in found), found


def test_plain_http_is_taken_on_this_machine_only():
    text = "load_balancers: {l: {kind: aws-elbv2, id: x, endpoint: 'http://127.0.0.1:5000'}}"

    assert parse(text).load_balancers["l"].endpoint == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("url", "project"),
    [
        ("https://git.example.com/acme/shop.git", "acme/shop"),
        ("https://git.example.com/group/sub/shop", "group/sub/shop"),
        ("ssh://git@git.example.com:2222/acme/shop.git", "acme/shop"),
        ("git@git.example.com:acme/shop.git", "acme/shop"),
        ("/srv/git/shop.git", "shop"),
        ("file:///srv/git/shop.git", "shop"),
        ("./repos/shop.git/", "shop"),
        ("./a:b/shop.git", "shop"),
    ],
)
def test_the_project_comes_from_the_clone_address(url, project):
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", url)

    assert parse(text).services["shop"].repository.project == project


def test_a_clone_path_is_relative_to_the_file():
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", "./repos/shop.git")

    assert parse(text).services["shop"].repository.url == "/etc/shipway/repos/shop.git"


def test_a_given_project_wins():
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", "/srv/x.git, project: acme/shop")

    assert parse(text).services["shop"].repository.project == "acme/shop"


def test_registry_and_builder_are_understood():
    settings = parse(
        """
registry: {address: "r.example.com", namespace: acme/web, auth: {kind: basic, username: ci, password: "file:secrets/db"}}
builder: {engine: "tcp://10.0.0.5:2375", concurrency: 4, timeout: 1h}
"""
    )

    assert settings.registry.repository("shop") == "r.example.com/acme/web/shop"
    assert settings.registry.password.reveal() == "postgres://shop:pw@db/shop"
    assert settings.builder.timeout == 3600.0


def test_anchors_and_merges_work():
    text = HOSTS.replace("web-2: {", "web-2: {<<: &d {region: sh}, ")

    assert parse(text).hosts["web-2"].region == "sh"


def test_a_default_stands_in_for_an_unset_or_empty_variable():
    text = "server: {url: 'http://${HOST:-127.0.0.1}:80${PORT}', data: '$${x}'}"

    server = parse(text, {"HOST": "", "PORT": "81"}).server

    assert (server.url, server.data) == ("http://127.0.0.1:8081", "/etc/shipway/${x}")


def test_all_secrets_are_known_for_masking():
    text = (HOSTS + SERVICE).replace(
        "forge: gitlab", "forge: gitlab, token: abc, signing_secret: whsec_c2VjcmV0c2VjcmV0"
    )
    text += "server: {database: 'postgresql+psycopg://u:p%40ss@h/d', redis: 'redis://:red1s@h'}"

    assert all_secrets(parse(text)) == [
        "postgres://shop:pw@db/shop",
        "whsec_c2VjcmV0c2VjcmV0",
        "hush-hush",
        "red1s",
        "p@ss",
    ]


def test_a_signing_secret_that_is_none_is_told():
    text = (HOSTS + SERVICE).replace("forge: gitlab", "forge: gitlab, signing_secret: hunter 22")

    assert faults(text)[1] == (
        "services.shop.repository.signing_secret: is not a signing token; GitLab shows it as whsec_…"
    )


@pytest.mark.parametrize(
    ("url", "project"),
    [
        ("https://git.example.com/scm/acme/shop.git", "acme/shop"),
        ("https://git.example.com/bitbucket/scm/~ada/shop.git", "~ada/shop"),
        ("ssh://git@git.example.com:7999/acme/shop.git", "acme/shop"),
        ("https://bitbucket.org/acme/shop.git", "acme/shop"),
    ],
)
def test_the_project_of_bitbucket_is_found_in_its_addresses(url, project):
    text = (HOSTS + SERVICE).replace("https://git.example.com/acme/shop.git", url)

    settings = parse(text.replace("forge: gitlab", "forge: bitbucket-dc"))

    assert settings.services["shop"].repository.project == project


def test_a_signing_secret_of_gitee_is_any_text():
    text = (HOSTS + SERVICE).replace("forge: gitlab", "forge: gitee, signing_secret: hunter 22")

    assert parse(text).services["shop"].repository.signing.reveal() == "hunter 22"


@pytest.mark.parametrize("forge", ["git", "github", "gitea", "bitbucket", "codeup"])
def test_a_signing_secret_that_would_never_be_used_is_told(forge):
    text = (HOSTS + SERVICE).replace("forge: gitlab", f"forge: {forge}, signing_secret: aGVsbG8=")

    assert faults(text)[1] == (
        "services.shop.repository.signing_secret: "
        f"is only for gitlab and gitee; {forge} proves itself by `secret` alone"
    )


def test_no_secret_shows_in_a_printed_settings():
    assert "hush-hush" not in repr(parse(HOSTS + SERVICE))


# ------------------------------------------------------------------------------------------------ what is told


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


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("--upload-pack=x", "is not a clone address"),
        ("ext::sh -c id", "is not a clone address"),
        ("https://-x/a", "is not a clone address"),
        ("git://h/a", "is not a clone address"),
        ("https://u:hunter22@h/a", "has credentials in it"),
    ],
)
def test_clone_addresses_that_could_hurt_are_refused(url, fault):
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", f'"{url}"')

    told = faults(text)

    assert told[1].startswith(f"services.shop.repository.url: {fault}")
    assert "hunter22" not in "".join(told)


def test_a_missing_project_is_told():
    text = with_environment("branches: [main]").replace("/srv/git/shop.git", "https://git.example.com")

    assert faults(text)[1].startswith("services.shop.repository.project: is missing; give the forge's name")


def test_a_service_must_be_able_to_name_an_image():
    text = with_environment("branches: [main]").replace("  shop:", "  shop-:")

    assert faults(text)[1] == "services.shop-: cannot be an image's name; let it end with a letter or digit"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../b"])
def test_a_path_out_of_the_repository_is_refused(path):
    text = with_environment("branches: [main]").replace(
        "    environments:", f"    path: {path}\n    environments:"
    )

    assert faults(text)[1].startswith(f"services.shop.path: '{path}' leads out of the repository")


def two(first: str, second: str) -> str:
    return f"""{HOSTS}
services:
  shop:
    repository: {{url: /srv/shop.git}}
    environments:
      one: {{{first}}}
      two: {{{second}}}
"""


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        (
            "hosts: [web-1], proxy: front",
            "hosts: {role: web}, proxy: front",
            "shop/one is already the default route of proxy front on web-1; give one of the two a route.domain",
        ),
        (
            "hosts: [web-1], proxy: central",
            "hosts: [web-2], proxy: central",
            "shop/one is already the default route of proxy central on edge; give one of the two a route.domain",
        ),
        (
            "hosts: [web-1], proxy: front, route: {domain: a.example.com}",
            "hosts: [web-1], proxy: front, route: {domain: A.example.com.}",
            "the domain a.example.com already leads to shop/one on proxy front of web-1; one domain, one environment",
        ),
    ],
)
def test_routes_that_collide_are_told(first, second, fault):
    assert faults(two(first, second))[1:] == [f"services.shop.environments.two.route: {fault}"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("hosts: [web-1], proxy: front", "hosts: [web-2], proxy: front"),
        ("hosts: [web-1], proxy: front", "hosts: [web-1], proxy: front, route: {domain: a.example.com}"),
        ("hosts: [web-1], proxy: front", "hosts: [web-1], proxy: central"),
        ("hosts: [web-1]", "hosts: [web-1]"),
    ],
)
def test_routes_beside_each_other_are_fine(first, second):
    assert len(parse(two(first, second)).services["shop"].environments) == 2


def test_two_proxies_on_one_port_are_told():
    text = two("hosts: [web-1], proxy: front", "hosts: [web-1], proxy: other")
    text = text.replace("  central:", "  other: {kind: nginx, image: x}\n  central:")

    assert faults(text)[1].startswith(
        "proxies.other: would listen on 10.0.0.11:80 of host web-1, where proxy front"
    )


def test_two_host_entries_with_one_address_cannot_both_have_the_proxy():
    text = two("hosts: [web-1, web-2], proxy: front", "hosts: [edge]").replace("10.0.0.12", "10.0.0.11")

    assert faults(text)[1].startswith("proxies.front: would listen on 10.0.0.11:80 of host web-2")


def test_a_host_with_a_fault_is_not_called_unknown():
    text = (HOSTS + SERVICE).replace('"tcp://10.0.0.11:2375"', "nonsense")

    assert [line.partition(":")[0] for line in faults(text)[1:]] == ["hosts.web-1.engine"]


def test_labels_of_a_host_with_a_fault_are_not_called_missing():
    text = (
        (HOSTS + SERVICE).replace('"tcp://10.0.0.11:2375"', "nonsense").replace('"tcp://10.0.0.12:2375"', "x")
    )

    assert [line.partition(":")[0] for line in faults(text)[1:]] == [
        "hosts.web-1.engine",
        "hosts.web-2.engine",
    ]


def test_a_proxy_on_an_unknown_host_is_told_once():
    text = two("hosts: [web-1], proxy: central", "hosts: [web-1]").replace("hosts: [edge]", "hosts: [edg]")

    assert faults(text)[1:] == ["proxies.central.hosts[0]: there is no host 'edg'; did you mean 'edge'?"]


def test_values_of_variables_are_shown_by_name():
    told = faults("server: {listen: '${ADDRESS}', url: 'ftp://${A}'}", {"ADDRESS": "s3cret-value", "A": "x"})

    assert told[1] == "server.url: 'ftp://x' is not an address; write https://shipway.example.com"
    assert told[2].startswith("server.listen: '${ADDRESS}' is not an address to listen on")


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_secret_file_is_told(content, monkeypatch):
    monkeypatch.setitem(FILES, "/etc/shipway/empty", content)

    told = faults(with_environment("secrets: {X: 'file:empty'}"))

    assert told[1] == "services.shop.environments.test.secrets.X: the secret file empty is empty"


def test_a_secret_file_that_is_no_text_is_told():
    def read(path: str) -> str:
        return b"\xff".decode()

    with pytest.raises(
        BadConfig, match=r"secrets\.X: the secret file x cannot be read: it is not UTF-8 text"
    ):
        parse_settings(with_environment("secrets: {X: 'file:x'}"), {}, read, "/")


def test_the_error_carries_no_values_of_the_file():
    with pytest.raises(BadConfig) as caught:
        parse(with_environment("secrets: {X: hunter22}, replicas: x"))

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


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


# ------------------------------------------------------------------------------------------------ what is built


def service_with(lines: str) -> Service:
    return parse(HOSTS + SERVICE + f"    {lines}\n").services["shop"]


def test_merge_requests_are_built_and_forks_are_not_by_default():
    shop = parse(HOSTS + SERVICE).services["shop"]

    assert (shop.merge_requests, shop.paths, shop.ignore) == (MergeRequests(True, False), (), ())


def test_the_operator_says_which_merge_requests_and_paths_are_built():
    assert service_with("merge_requests: {forks: true}").merge_requests == MergeRequests(forks=True)
    assert service_with("merge_requests: {enabled: false}").merge_requests == MergeRequests(enabled=False)
    assert service_with('paths: [libs/money, "*.proto"]').paths == ("libs/money", "*.proto")
    assert service_with("ignore: [docs/]").ignore == ("docs/",)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "matches no path"),
        ("/", "matches no path"),
        ("'a\\b'", "matches no path"),
        ("'!docs'", "`!` is not known here"),
        ("../lib", "leads out of the repository"),
    ],
)
def test_patterns_of_paths_that_can_match_nothing_are_told(pattern, why):
    (_, told, *_) = faults(HOSTS + SERVICE + f"    paths: [{pattern or repr('')}]\n")

    assert why in told
