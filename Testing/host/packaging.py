"""`slicer.packaging` that installs nothing and keeps what was asked for.

As in Slicer 5.12, `pip_ensure` does nothing if all is there or in testing mode, and raises
`RuntimeError` if the user declines.
"""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import slicer
from packaging.requirements import Requirement

Requirements = str | Requirement | list[Requirement] | list[str] | list[str | Requirement]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipRequest:
    """One call of `pip_ensure` or `pip_install`.

    Attributes
    ----------
    function, requester : str
        Which of the two, and who asked, "" if it did not say.
    requirements, missing : tuple of str
        All that were named, and those that are not installed.
    """

    function: str
    requester: str
    requirements: tuple[str, ...]
    missing: tuple[str, ...]


requests: list[PipRequest] = []
"""Every call, oldest first."""


def load_requirements(path: str | Path) -> list[Requirement]:
    """Return the requirements of a file, without comments, empty lines and options of pip."""
    lines = [line.strip() for line in Path(path).read_text("utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def pip_check(req: Requirements) -> bool:
    """Whether what is required is installed, in a version that fits."""
    return all(_is_present(requirement) for requirement in _as_list(req))


def pip_ensure(  # noqa: PLR0917 - Slicer's parameters
    requirements: Requirements,
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> list[str] | None:
    """Ask to install what is missing, and note it."""
    missing = _note("pip_ensure", requirements, requester)
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return None
    text = f"{len(missing)} Python packages need to be installed. Continue?"
    if prompt_install and not slicer.util.confirmOkCancelDisplay(text, requester):
        raise RuntimeError("User declined package installation")
    _note("pip_install", list(missing), requester)
    return None


def pip_install(requirements: Requirements, **options: object) -> None:
    """Note what would be installed without a question."""
    _note("pip_install", requirements, None)


def _as_list(requirements: Requirements) -> list[Requirement]:
    items = requirements.split() if isinstance(requirements, str) else requirements
    listed = items if isinstance(items, list) else [items]
    return [item if isinstance(item, Requirement) else Requirement(item) for item in listed]


def _is_present(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True  # not required here
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def _note(function: str, requirements: Requirements, requester: str | None) -> tuple[str, ...]:
    listed = _as_list(requirements)
    missing = tuple(str(item) for item in listed if not _is_present(item))
    named = tuple(str(item) for item in listed)
    requests.append(
        PipRequest(
            function=function, requester=requester or "", requirements=named, missing=missing
        )
    )
    return missing
