"""What goes into a node's image. Needs no engine."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

from harness.clusters.docker import context
from harness.clusters.docker.node import _plain_files
from harness.errors import ClusterError


def test_the_image_holds_the_runtime_and_the_package_and_nothing_else() -> None:
    files = context.files(["beating_node", "targets/toys"])
    assert {
        "harness/__init__.py",
        "harness/node/__main__.py",
        "targets/__init__.py",
        "targets/toys/__init__.py",
    } <= set(files)
    assert "beating_node.py" in files
    folders = {name.rpartition("/")[0] for name in files}
    assert {folder for folder in folders if folder.startswith("harness")} == {"harness", "harness/node"}
    assert [name for name in files if name.startswith("harness/") and name.count("/") == 1] == ["harness/__init__.py"]
    assert not any("__pycache__" in name for name in files)


def test_an_installed_package_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "some_store" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "some_store" / "__init__.py").write_text("outer = 1\n", encoding="utf-8")
    (inner / "__init__.py").write_text("", encoding="utf-8")
    (inner / "data.json").write_text("{}", encoding="utf-8")
    (inner / "__pycache__").mkdir()
    (inner / "__pycache__" / "x.pyc").write_bytes(b"x")
    monkeypatch.syspath_prepend(tmp_path)
    files = context.files(["some_store/inner"])
    ours = {name: content for name, content in files.items() if not name.startswith("harness")}
    assert ours == {
        "some_store/__init__.py": b"outer = 1\n",
        "some_store/inner/__init__.py": b"",
        "some_store/inner/data.json": b"{}",
    }
    sys.modules.pop("some_store", None)


def test_equal_files_are_equal_bytes_and_a_change_is_another_image() -> None:
    one = {"b.py": b"b", "a/x.py": b"x"}
    same = {"a/x.py": b"x", "b.py": b"b"}
    assert context.archive(one) == context.archive(same)
    assert context.digest(context.archive(one)) == context.digest(context.archive(same))
    assert context.digest(context.archive(one)) != context.digest(context.archive({**one, "b.py": b"c"}))
    assert context.digest(b"ab", b"c") != context.digest(b"a", b"bc")


def test_a_package_that_is_not_there_is_told() -> None:
    for name in ("no_such_package", "no_such_package/inner"):
        with pytest.raises(ClusterError, match="no_such_package"):
            context.files([name])


def test_the_dockerfile_takes_its_base_as_an_argument_and_needs_no_buildkit() -> None:
    lines = [line for line in context.dockerfile().splitlines() if not line.startswith("#")]
    assert lines[:2] == ["ARG BASE", "FROM ${BASE}"]
    assert "--mount" not in context.dockerfile() and "<<" not in context.dockerfile()


def test_of_a_containers_logs_only_plain_files_are_taken() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, target in (
            ("splitbrain", tarfile.DIRTYPE, ""),
            ("splitbrain/secret", tarfile.SYMTYPE, "/etc/shadow"),
            ("splitbrain/hard", tarfile.LNKTYPE, "/etc/shadow"),
            ("splitbrain/device", tarfile.CHRTYPE, ""),
            ("splitbrain/pipe", tarfile.FIFOTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
        for name in ("splitbrain/node.log", "../../escape", "/absolute"):
            entry = tarfile.TarInfo(name)
            entry.size = 3
            tar.addfile(entry, io.BytesIO(b"log"))
    assert _plain_files(buffer.getvalue()) == {"node.log": b"log", "escape": b"log", "absolute": b"log"}
    assert _plain_files(buffer.getvalue()[:1000]) == {}
    assert _plain_files(b"") == {}
