"""A user's folders and modules with the names of this project's packages: passed over, or named in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import foleygenex
from foleygenex.own_packages import OWN
from tests.conftest import REPOSITORY

# An editable installation: a finder at the end of the list, so that folders of the path come first.
EDITABLE = f"""
import sys
from importlib.util import spec_from_file_location
from pathlib import Path
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        file = Path({str(REPOSITORY)!r}) / name / "__init__.py"
        return spec_from_file_location(name, file) if path is None and file.exists() else None
sys.meta_path[:] = [one for one in sys.meta_path if "ditable" not in str(one)] + [Finder]
"""
USE = "import foleygenex as f; print(f.UsageError.__module__, len(f.mine_captions(['a dog'], parser='rules')))"
WORKS = "data_contracts.errors 1\n"


def python(folder: Path, code: str, *flags: str, editable: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs code as `python -c` in a folder, which Python then searches first."""
    environment = {"PATH": "/usr/bin:/bin"} if editable else {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, *flags, "-c", EDITABLE + code if editable else code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data in folders of those names."""
    for name in OWN:
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text("mine")
    return tmp_path


@pytest.mark.parametrize("editable", [True, False])
def test_folders_of_data_do_not_matter(folder: Path, editable: bool) -> None:
    done = python(folder, USE, editable=editable)
    assert (done.stdout, done.returncode) == (WORKS, 0), done.stderr


@pytest.mark.parametrize("name", ["model/__init__.py", "tasks.py", "data_contracts/__init__.py"])
def test_a_users_own_package_or_module_is_named_when_something_is_used(folder: Path, name: str) -> None:
    own = folder / name
    if own.parent == folder:
        (folder / own.stem / "notes.txt").unlink()
        (folder / own.stem).rmdir()
    own.write_text("MINE = 1")
    shown = own.parent if own.name == "__init__.py" else own
    done = python(folder, f"import foleygenex, {name.split('/')[0].split('.')[0]} as m; print(m.MINE); foleygenex.load")
    last = done.stderr.splitlines()[-1]
    assert done.stdout == "1\n" and done.returncode == 1, done.stderr
    assert last.startswith("ImportError: foleygenex: its package ") and f"is hidden by {shown}; rename" in last
    assert python(folder, USE, "-P").stdout == WORKS  # what the line advises


def test_a_module_that_was_imported_before_is_named(tmp_path: Path) -> None:
    done = python(tmp_path, "import types; sys.modules['model'] = types.ModuleType('model')\n" + USE)
    assert "its package 'model' is hidden by a module without a file;" in done.stderr


@pytest.mark.parametrize("started", ["main", "-m"])
def test_the_command_says_it_in_one_line(folder: Path, started: str) -> None:
    run = "import foleygenex.__main__ as m; sys.argv[1:] = ['--version']; m.main()"
    done = python(folder, run)
    assert done.returncode == 0 and done.stdout.startswith("foleygenex "), done.stderr
    (folder / "flows" / "__init__.py").touch()
    if started == "-m":
        run = "import runpy; sys.argv[1:] = ['--version']; runpy.run_module('foleygenex', run_name='__main__')"
    done = python(folder, run)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: foleygenex: its package 'flows' is hidden by {folder / 'flows'}; rename")


@pytest.mark.skipif(not Path(sys.executable).with_name("foleygenex").exists(), reason="the command is not installed")
def test_the_installed_command_works_beside_such_folders(folder: Path) -> None:
    (folder / "model" / "__init__.py").write_text("raise SystemExit('mine was imported')")
    command = [str(Path(sys.executable).with_name("foleygenex")), "weights"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "mmaudio" in done.stdout, done.stderr


@pytest.mark.parametrize("module", ["flows.server", "tasks.llm.embedded"])
def test_programs_that_commands_start_are_not_looked_for_in_the_current_folder(module: str) -> None:
    file = REPOSITORY / f"{module.replace('.', '/')}.py"
    assert f'"-P", "-m", "{module}"' in file.read_text("utf-8")


def test_audio_and_captions_need_no_torch() -> None:
    use = "foleygenex.Audio, foleygenex.mine_captions(['a dog barks loudly'], parser='rules'), foleygenex.augment"
    done = python(REPOSITORY, f"import sys, foleygenex; {use}; print('torch' in sys.modules)", editable=False)
    assert done.stdout == "False\n", done.stderr


def test_importing_loads_no_library_and_every_public_name_is_there() -> None:
    heavy = "print([m for m in ('numpy', 'torch', 'pyarrow', 'pydantic', 'av') if m in sys.modules])"
    done = python(REPOSITORY, f"import sys, foleygenex; {heavy}", editable=False)
    assert done.stdout == "[]\n", done.stderr
    assert set(foleygenex.__all__) <= set(dir(foleygenex)) and foleygenex.HIDDEN_BY == ""
    for name in foleygenex.__all__:
        assert getattr(foleygenex, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        foleygenex.lode  # noqa: B018
