"""Contestant: Shipway. v1 comes by a push, so that the release knows its health check; then images by digest, as the others."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.contestant import Images
from tests.parts.house import QUICK, House
from tests.parts.laboratory import Laboratory
from tests.parts.repository import SampleRepository


class ByShipway:
    def __init__(self, lab: Laboratory, proxy: str, rollout: dict[str, Any] = QUICK, spec: str = "") -> None:
        """`spec`: the repository's .shipway.yml, when it is not the sample's own."""
        self.name = f"Shipway, {proxy}"
        self._folder = Path(tempfile.mkdtemp(prefix="shipway-bench-"))
        self._shop = SampleRepository(self._folder / "shop", self._folder / "shop.git")
        self._house = House(self._folder / "house", lab, self._shop.remote, proxy=proxy)
        self._house.production["rollout"] = dict(rollout)
        self._files = {".shipway.yml": spec} if spec else {}

    @property
    def fronts(self) -> list[str]:
        return self._house.fronts

    def prepare(self, images: Images) -> None:
        self._shop.create()
        self._shop.commit("v1", **self._files)
        self._shop.push()
        self._house.start()
        accepted = self._house.post(f"{self._house.environment}/runs", {"ref": "main"})
        run = self._house.finished_run(accepted["run"])
        assert run["status"] == "succeeded", run

    def forward(self, images: Images) -> None:
        self._deploy("deployments", {"image": images.v2}, "succeeded")

    def again(self, image: str) -> None:
        """A new release of an image that was live before."""
        self._deploy("deployments", {"image": image}, "succeeded")

    def fail(self, images: Images) -> None:
        self._deploy("deployments", {"image": images.sick}, "rolled_back")

    def back(self, images: Images) -> None:
        self._deploy("rollback", {}, "succeeded")

    def clean(self) -> None:
        try:
            self._house.stop()
        finally:
            self._house.sweep()
            shutil.rmtree(self._folder)

    def _deploy(self, what: str, body: dict[str, Any], end: str) -> None:
        accepted = self._house.post(f"{self._house.environment}/{what}", body)
        deployment = self._house.finished_deployment(accepted["deployment"], seconds=300)
        assert deployment["status"] == end, f"{self.name}: {deployment}"
