"""Which project, which merge requests and which paths a service is built from."""

import pytest

from pipeline.fleet.service import MergeRequests, Service
from tests.settings.ground import HOSTS, SERVICE, faults, parse, with_environment


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
