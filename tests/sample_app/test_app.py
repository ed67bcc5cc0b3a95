"""The sample service's own tests: they run in a container of its image, in the pipeline's test stage."""

import asyncio
from pathlib import Path

import pytest
from server import App


async def _get(app: App, path: str) -> str:
    server = await asyncio.start_server(app.serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    server.close()
    return answer.decode()


def test_it_says_its_version():
    assert "X-Version: 7" in asyncio.run(_get(App("7"), "/"))


def test_it_is_well():
    assert asyncio.run(_get(App("7"), "/healthz")).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(("word", "status"), [("well", "200"), ("unwell", "503")])
def test_it_is_as_well_as_it_is_told_where_it_asks(word: str, status: str):
    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline()
        writer.write(word.encode())
        writer.close()

    async def answer() -> str:
        async with await asyncio.start_server(told, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await _get(App("7", f"asks:127.0.0.1:{port}"), "/healthz")

    assert asyncio.run(answer()).startswith(f"HTTP/1.1 {status}")


def test_no_word_forbids_the_release():
    assert not Path(__file__).with_name("FAIL").exists(), "the file FAIL is here: this commit asks to fail"
