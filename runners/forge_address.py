"""Where a forge's web address is, from what shipway.yml says of a repository. Asks nobody."""

from urllib.parse import urlsplit

from pipeline.errors import BadConfig
from pipeline.fleet.service import Repository


def web_address(repository: Repository) -> str:
    """Such as https://gitlab.example.com, or https://example.com/gitlab for a forge under a path; no slash at its end."""
    if repository.api:
        return repository.api.rstrip("/")
    url = urlsplit(repository.url)
    if url.scheme in ("http", "https"):
        path = url.path.strip("/").removesuffix(".git")
        below = path.removesuffix(repository.project).strip("/") if path.endswith(repository.project) else ""
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}/{below}".rstrip("/")
    if url.scheme == "ssh" and url.hostname:
        return f"https://{url.hostname}"
    host, colon, _ = repository.url.rpartition("@")[2].partition(":")
    if colon and "/" not in host:
        return f"https://{host}"
    raise BadConfig(
        f"The forge of {repository.project} cannot be told from {repository.url!r}. Write its address under "
        "`api` of the repository, such as https://gitlab.example.com."
    )
