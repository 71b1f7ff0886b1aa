"""The command as a whole: its help, its errors and its ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from casa.model.store import Store
from tests.cli.shell import EXAMPLE, ROOT, casa, start, write_csv

COMMANDS = [
    ["serve"],
    ["ask"],
    ["train"],
    ["predict"],
    ["score"],
    ["doctor"],
    ["drain"],
    ["drift"],
    ["models", "list"],
    ["models", "show"],
    ["models", "promote"],
    ["models", "export"],
]
HEAVY = {"bentoml", "mlflow", "numpy", "onnxruntime", "pandas", "pyarrow", "xgboost"}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(words: list[str]) -> None:
    assert f"Example: casa {' '.join(words)}" in casa(*words, "--help").stdout


def test_help_loads_nothing_heavy() -> None:
    asked = "import sys, casa.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(loaded.stdout.split())


def test_the_version_is_told() -> None:
    assert casa("--version").stdout.startswith("casa ")


@pytest.mark.parametrize(
    "words", [["fly"], ["predict"], ["predict", "a.csv", "--format", "xml"], ["serve", "--port", "0"]]
)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    assert casa(*words).exit_code == 2


def test_an_error_is_one_sentence_and_1() -> None:
    result = casa("predict", "nowhere.csv")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "casa: there is no file nowhere.csv\n")


def test_a_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    words = f"sys.argv = ['casa', 'score', {str(write_csv(tmp_path / 'in.csv', [EXAMPLE]))!r}, 'out.csv']"
    without = f"import sys; sys.modules['pyarrow'] = None; {words}; from casa.cli.main import main; main()"
    ended = subprocess.run([sys.executable, "-c", without], cwd=ROOT, capture_output=True, text=True)
    said = "casa: this needs the package pyarrow: `make setup` in the project, or its wheel with [serve,train]\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_traceback(tmp_path: Path, number: signal.Signals, code: int) -> None:
    os.mkfifo(tmp_path / "houses.csv")
    process = start("predict", "houses.csv", folder=tmp_path, stderr=subprocess.PIPE)
    with (tmp_path / "houses.csv").open("w"):  # which waits until the command reads
        process.send_signal(number)
        _, said = process.communicate()
    assert (process.returncode, said) == (code, "")


def test_a_closed_pipe_is_no_error(tmp_path: Path, store: Store) -> None:
    houses = write_csv(tmp_path / "houses.csv", [EXAMPLE] * 5_000)
    process = start("predict", houses, folder=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("row,CRIM")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()
