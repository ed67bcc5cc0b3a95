"""Calling the API: where it is, what its answers mean, and a stream that is cut."""

from pathlib import Path

import pytest

from pipeline import errors
from pipeline.commands.asked import Asked
from pipeline.commands.calling import Api, api
from tests.commands.listed import Listed


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHIPWAY_URL", "SHIPWAY_TOKEN", "SHIPWAY_CONFIG"):
        monkeypatch.delenv(name, raising=False)


# ------------------------------------------------------------------------------------------------ answers


def test_a_call_says_who_we_are_and_leaves_out_what_was_not_asked(server: Api) -> None:
    Listed.answers.append((200, {"runs": []}))

    assert server.get("/runs", service="shop", status=None, environment="") == {"runs": []}

    method, path, headers = Listed.asked[0]
    assert (method, path) == ("GET", "/api/v1/runs?service=shop")
    assert headers["authorization"] == "Bearer shw_secret"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Refused),
        (401, errors.BadSignature),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.StageFailed),
        (503, errors.Unreachable),
        (500, errors.ShipwayError),
    ],
)
def test_a_problem_document_becomes_the_error_it_stands_for(
    server: Api, status: int, kind: type[errors.ShipwayError]
) -> None:
    Listed.answers.append((status, {"title": "Not found", "detail": "There is no run 7."}))

    with pytest.raises(kind, match=r"There is no run 7\.") as caught:
        server.post("/runs/7/cancel")

    assert type(caught.value) is kind


def test_an_error_page_of_somebody_else_is_still_an_error(server: Api) -> None:
    Listed.answers.append((502, b"<html>Bad gateway</html>"))

    with pytest.raises(errors.RunnerError, match="502"):
        server.get("/runs")


def test_nobody_there_is_a_sentence() -> None:
    with pytest.raises(errors.Unreachable, match="Connection refused"):
        Api("http://127.0.0.1:1", "x").get("/runs")


# ------------------------------------------------------------------------------------------------ where


def written(folder: Path, server: str) -> Asked:
    (folder / "data" / "keys").mkdir(parents=True)
    (folder / "data" / "keys" / "local.token").write_text("shw_local\n")
    (folder / "shipway.yml").write_text(f"server: {server}\n")
    return Asked(config=str(folder / "shipway.yml"))


@pytest.mark.usefixtures("nowhere")
def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPWAY_URL", "https://ship.example.com")
    monkeypatch.setenv("SHIPWAY_TOKEN", "shw_mine")

    assert api(Asked()) == Api("https://ship.example.com", "shw_mine")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("{}", "http://127.0.0.1:8080"),
        ("{listen: '0.0.0.0:9000', url: 'https://ship.example.com'}", "http://127.0.0.1:9000"),
        ("{listen: '[::1]:9000'}", "http://[::1]:9000"),
        ("{listen: '127.0.0.1:${PORT:-9001}'}", "http://127.0.0.1:9001"),
    ],
)
def test_on_its_own_machine_it_is_called_where_it_listens(server: str, url: str, tmp_path: Path) -> None:
    assert api(written(tmp_path, server)) == Api(url, "shw_local")


@pytest.mark.usefixtures("nowhere")
def test_a_token_of_ones_own_goes_to_the_public_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIPWAY_TOKEN", "shw_mine")

    assert api(written(tmp_path, "{url: 'https://ship.example.com'}")) == Api(
        "https://ship.example.com", "shw_mine"
    )


@pytest.mark.usefixtures("nowhere")
def test_no_token_yet_says_who_makes_one(tmp_path: Path) -> None:
    asked = written(tmp_path, "{}")
    (tmp_path / "data" / "keys" / "local.token").unlink()

    with pytest.raises(errors.BadConfig, match="`shipway up` writes it"):
        api(asked)


@pytest.mark.usefixtures("nowhere")
def test_a_file_that_is_no_yaml_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "shipway.yml").write_text("server: [")

    with pytest.raises(errors.BadConfig, match="cannot be read"):
        api(Asked(config=str(tmp_path / "shipway.yml")))
