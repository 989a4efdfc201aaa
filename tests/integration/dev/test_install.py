"""Making `.venv`: what is said when this Python cannot, and when nothing needs to be done."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dev import install

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("-r requirements.txt\n" if "dev" in name else "")
    return tmp_path


def test_it_makes_an_environment_and_the_second_time_does_nothing(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert install.install(project) == 0
    assert "Installed in" in capfd.readouterr().err
    assert (project / ".venv" / "bin" / "python").exists()
    assert install.install(project) == 0
    assert capfd.readouterr().err == ""


def test_an_environment_that_was_moved_is_made_anew(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert install.install(project) == 0
    moved = tmp_path_factory.mktemp("moved") / "shop"
    shutil.copytree(project, moved, symlinks=True)
    (moved / ".venv" / "of-the-old-one").touch()
    assert install.install(moved) == 0
    assert not (moved / ".venv" / "of-the-old-one").exists()


def test_a_python_without_venv_is_told_the_debian_package(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "find_spec", lambda _name: None)
    assert install.install(project) == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"`apt-get install python{version}-venv`" in capsys.readouterr().err


def test_a_package_that_cannot_be_installed_leaves_no_stamp(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.txt").write_text("./not-there\n")
    assert install.install(project) == 1
    assert "pip could not install" in capfd.readouterr().err
    assert not (project / ".venv" / "duka-installed.json").exists()


def test_make_says_which_python_it_needs(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    answer = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", "install", f"PYTHON={old}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    assert "Duka needs Python 3.11 or newer" in answer.stderr


def test_help_is_what_make_does_by_itself_and_names_every_command() -> None:
    answer = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True
    )
    for command in ("run", "test", "check", "fmt", "flow", "reset", "clean", "help"):
        assert f"make {command} " in answer.stdout
