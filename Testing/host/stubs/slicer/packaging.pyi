"""The part of `slicer.packaging` that we use: packages are asked for when they are needed."""

from pathlib import Path

from packaging.requirements import Requirement

def load_requirements(path: str | Path) -> list[Requirement]: ...
def pip_check(req: str | Requirement | list[str | Requirement]) -> bool: ...
def pip_ensure(
    requirements: str | Requirement | list[Requirement] | list[str],
    constraints: str | Path | None = ...,
    skip_packages: list[str] | None = ...,
    prompt_install: bool = ...,
    prompt_restart: bool = ...,
    requester: str | None = ...,
    skip_in_testing: bool = ...,
    show_progress: bool = ...,
) -> list[str] | None: ...
