"""Makes the base images that the cache does not have, side by side, and says which ones had to be older than wished."""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.lab import image, packages
from tests.lab.commands import LabError, say
from tests.lab.packages import Suite
from tests.lab.recipes import RECIPES, Recipe


def ready(cache: Path) -> dict[str, Path]:
    """Image name -> its folder in the cache. A modern proxy that cannot be had is replaced by the machine's own."""
    architecture = packages.architecture()
    folders = {recipe.name: cache / "images" / recipe.key(architecture) for recipe in RECIPES}
    missing = [recipe for recipe in RECIPES if not (folders[recipe.name] / "manifest.json").exists()]
    if missing:
        say(f"making base images from packages: {', '.join(recipe.name for recipe in missing)}")
        _make(missing, folders, architecture, cache)
    for name in ("nginx", "haproxy"):
        if not (folders[name] / "manifest.json").exists():
            folders[name] = folders[f"{name}_old"]
            say(
                f"{name}: Debian sid is out of reach, so {version(folders[name])} of this machine's own suite"
            )
    return folders


def version(folder: Path) -> str:
    return (folder / "version").read_text()


def _make(missing: list[Recipe], folders: dict[str, Path], architecture: str, cache: Path) -> None:
    suites = sorted({recipe.suite for recipe in missing})
    with ThreadPoolExecutor(2) as threads:
        brought = list(threads.map(lambda suite: _bring(suite, missing, cache), suites))
    debs = {name: paths for part in brought for name, paths in part.items()}
    able = [recipe for recipe in missing if recipe.name in debs]
    (cache / "images").mkdir(parents=True, exist_ok=True)
    # spawn: a fork of a process with threads may hang
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        jobs = [(r, debs[r.name], architecture, folders[r.name]) for r in able]
        for recipe, _ in zip(able, pool.map(_build, jobs), strict=True):
            megabytes = (folders[recipe.name] / "layer.tar.gz").stat().st_size / 1e6
            say(f"image {recipe.name} {version(folders[recipe.name])}: {megabytes:.0f} MB compressed")


def _bring(name: str, missing: list[Recipe], cache: Path) -> dict[str, list[Path]]:
    """Recipe name -> its packages on disk. A `sid` out of reach brings nothing; without the own suite nothing works."""
    recipes = [recipe for recipe in missing if recipe.suite == name]
    try:
        return _fetch(packages.open_suite(name, cache), recipes, cache)
    except LabError as error:
        if name == "own":
            raise
        say(f"packages from {name} are out of reach: {error}")
        return {}


def _fetch(suite: Suite, recipes: list[Recipe], cache: Path) -> dict[str, list[Path]]:
    try:
        return _resolve_and_download(suite, recipes, cache)
    except LabError:
        shutil.rmtree(suite.folder / "lists")  # the copied lists name packages that the mirror has replaced
        (suite.folder / "lists/partial").mkdir(parents=True)
        packages.update(suite)
        return _resolve_and_download(suite, recipes, cache)


def _resolve_and_download(suite: Suite, recipes: list[Recipe], cache: Path) -> dict[str, list[Path]]:
    files = {recipe.name: packages.resolve(suite, recipe.packages) for recipe in recipes}
    folder = cache / f"debs-{suite.name}"
    packages.download(suite, sorted({file for names in files.values() for file in names}), folder)
    return {name: [folder / file for file in names] for name, names in files.items()}


def _build(job: tuple[Recipe, list[Path], str, Path]) -> None:
    """Into a folder of its own, then renamed: half an image is never found by anybody."""
    recipe, debs, architecture, folder = job
    work = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    image.make(recipe, debs, architecture, work)
    try:
        work.rename(folder)
    except OSError:  # another lab was faster
        shutil.rmtree(work)
