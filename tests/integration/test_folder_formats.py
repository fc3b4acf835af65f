"""The folder and its archive run where they are put, and are the same every time."""

import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from sealift.compression import decompress
from sealift.errors import ConfigError, OutputError
from sealift.formats.folder import Folder
from sealift.formats.onefile import OneFile
from sealift.formats.tarball import Tarball
from sealift.formats.zipped import Zipped
from sealift.image import Image
from sealift.launcher.linking import settled
from sealift.launcher.product import CompressedOptions, RuntimeOptions
from sealift.target import load_targets
from tests.support.image_reader import payload_of, read_payload
from tests.support.products import behaviour_wheels, local_interpreter, make_image


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    wheels = behaviour_wheels(tmp_path_factory.mktemp("wheels"))
    return make_image(local_interpreter("3.13"), wheels, "behaviour.cli:main", name="demo")


def test_a_zip_file_holds_the_folder_and_is_the_same_every_time(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = CompressedOptions(compression="fast")
    for name in ("one.zip", "two.zip"):
        Zipped().write([image], options, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    Folder().write([image], RuntimeOptions(), tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        found = {
            member.filename: (member.external_attr >> 16, packed.read(member))
            for member in packed.infolist()
        }
        assert {member.date_time for member in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    expected = snapshot(tmp_path / "folder")
    assert found == {f"demo-{image.version}/{path}": file for path, file in expected.items()}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    Zipped().write([image], options, tmp_path / "dated.zip")
    with zipfile.ZipFile(tmp_path / "dated.zip") as packed:
        assert packed.infolist()[0].date_time == (2026, 1, 1, 0, 0, 0)


def ask(program: Path, *arguments: str) -> object:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False,
        timeout=120, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_runs_in_place(image: Image, tmp_path: Path) -> None:
    out = tmp_path / "Ordner ä"
    mask = os.umask(0o002)  # as where each user has a group
    try:
        Folder().write([image], RuntimeOptions(), out)
    finally:
        os.umask(mask)
    before = snapshot(out)
    found = ask(out / "demo", "imports.files")
    assert isinstance(found, dict)
    assert found["root"] == str(out)
    assert ask(out / "demo", "processes.start_method", "spawn")
    assert ask(out / "demo", "imports.metadata")
    python = out / "bin" / "python3.13"
    done = subprocess.run(
        [python, "-m", "behaviour", "running.threads"], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == list(range(8))
    assert snapshot(out) == before


def test_the_tree_may_lie_among_the_resources_of_an_application(
    image: Image, tmp_path: Path
) -> None:
    contents = tmp_path / "Demo.app" / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    Folder().write([image], RuntimeOptions(), contents / "Resources")
    program = (contents / "Resources" / "demo").rename(contents / "MacOS" / "demo")
    found = ask(program, "imports.files")
    assert isinstance(found, dict)
    assert found["root"] == str(contents / "Resources")
    assert ask(program, "processes.start_method", "spawn")


def test_a_folder_can_be_moved(image: Image, tmp_path: Path) -> None:
    Folder().write([image], RuntimeOptions(), tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "second")
    found = ask(tmp_path / "second" / "demo", "imports.files")
    assert isinstance(found, dict)
    assert found["root"] == str(tmp_path / "second")


def test_a_folder_holds_what_the_single_file_unpacks(image: Image, tmp_path: Path) -> None:
    Folder().write([image], RuntimeOptions(), tmp_path / "folder")
    OneFile().write([image], CompressedOptions(compression="fast"), tmp_path / "file")
    payload = read_payload(payload_of((tmp_path / "file").read_bytes()))
    found = {path: content for path, (_, content) in snapshot(tmp_path / "folder").items()}
    launcher = found.pop("demo")
    assert found.pop("bin/python3.13") == launcher
    assert (tmp_path / "file").read_bytes().startswith(launcher)
    assert found == {file.path: file.content for file in payload.files}
    assert payload.names == ("demo", "1.2.3", "3.13", settled(image).interpreter.library or "")


def test_a_product_may_not_be_named_as_a_part_of_its_folder(image: Image, tmp_path: Path) -> None:
    import dataclasses

    for name in ("lib", "bin", "image.sealift"):
        with pytest.raises(OutputError, match=r"has .* for itself") as caught:
            Folder().write(
                [dataclasses.replace(image, name=name)], RuntimeOptions(), tmp_path / name
            )
        assert caught.value.hint


def test_an_archive_unpacks_to_the_folder(image: Image, tmp_path: Path) -> None:
    out = tmp_path / Tarball().filename(image)
    assert out.name == "demo-1.2.3-linux-x86_64.tar.zst"
    Tarball().write([image], CompressedOptions(compression="fast"), out)
    (tmp_path / "plain.tar").write_bytes(decompress(out.read_bytes()))
    with tarfile.open(tmp_path / "plain.tar") as archive:
        members = archive.getmembers()
        archive.extractall(tmp_path / "unpacked", filter="data")
    names = [member.name for member in members if member.isfile()]
    assert names == sorted(names)
    folders = {member.name for member in members if member.isdir()}
    assert {str(parent) for name in names for parent in Path(name).parents} == {*folders, "."}
    assert {member.mode for member in members} == {0o755, 0o644}
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
        (0, 0, "", "", 315532800)
    }
    assert ask(tmp_path / "unpacked/demo-1.2.3/demo", "running.threads") == list(range(8))


def test_an_archive_is_the_same_every_time(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        Tarball().write([image], CompressedOptions(compression="fast"), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    Tarball().write([image], CompressedOptions(compression="fast"), tmp_path / "dated")
    (tmp_path / "dated.tar").write_bytes(decompress((tmp_path / "dated").read_bytes()))
    with tarfile.open(tmp_path / "dated.tar") as archive:
        assert {member.mtime for member in archive} == {1700000000}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH"):
        Tarball().write([image], CompressedOptions(), tmp_path / "never")


@pytest.mark.parametrize("plugin", [OneFile(), Folder(), Tarball()], ids=lambda p: p.name)
def test_where_there_is_a_launcher_is_told(plugin: OneFile | Folder | Tarball) -> None:
    for target in load_targets().values():
        reason = plugin.refuses(target)
        assert (reason is None) == (target.name != "windows-x86")
        assert reason is None or "launcher" in reason
