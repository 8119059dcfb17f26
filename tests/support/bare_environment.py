"""An environment that holds one package and what it requires, and nothing else, without installing anything again."""

import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def link_packages(folder: Path, *names: str) -> Path:
    """Links the installed packages of these names, and all that they require, into a folder; gives the folder."""
    folder.mkdir()
    for name in _with_requirements(names):
        package = metadata.distribution(name)
        for entry in {file.parts[0] for file in package.files or () if ".." not in file.parts}:
            if not (folder / entry).exists():
                (folder / entry).symlink_to(package.locate_file(entry))
    return folder


def python(folder: Path, code: str) -> list[str]:
    """The command that runs code with nothing but the standard library and the packages of such a folder."""
    return [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(folder)!r})\n{code}"]


def _with_requirements(names) -> set[str]:
    found, new = set(), {name.lower() for name in names}
    while new:
        found |= new
        requirements = [Requirement(text) for name in new for text in metadata.requires(name) or ()]
        new = {
            one.name.lower() for one in requirements if not one.marker or one.marker.evaluate({"extra": ""})
        } - found
    return found
