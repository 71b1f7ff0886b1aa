"""`casa models`: what is in the store, and which model is served."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from casa.model import bundle
from casa.model.bundle import Bundle
from casa.model.store import Store
from tests.cli.shell import EXAMPLE, at_terminal, casa, write_csv


def test_a_pipe_gets_the_list_as_json(shelf: Store, worse: str) -> None:
    models = json.loads(casa("models", "list").stdout)
    assert {model["version"]: model["champion"] for model in models} == {shelf.champion: True, worse: False}
    assert all(model["version"].startswith(model["short"]) for model in models)


def test_a_terminal_gets_the_list_as_a_table(shelf: Store, worse: str, tmp_path: Path) -> None:
    code, shown = at_terminal("models", "list", folder=tmp_path)
    assert code == 0
    assert {"✓", worse, str(shelf.champion), "3.000"} <= set(shown.split())


def test_a_damaged_model_is_listed_with_its_trouble(shelf: Store, worse: str) -> None:
    (shelf.find(worse) / bundle.CARD).write_text("changed")
    told = {model["version"]: model["trouble"] for model in json.loads(casa("models", "list").stdout)}
    assert told == {shelf.champion: None, worse: "card.md is not what the manifest says: the bundle is damaged"}


def test_an_empty_store_is_an_empty_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    assert casa("models", "list").stdout == "[]\n"


def test_a_model_is_shown_by_its_first_digits(store: Store, saved: Bundle) -> None:
    shown = json.loads(casa("models", "show", saved.version[:6]).stdout)
    assert (shown["version"], shown["card"]) == (saved.version, saved.card)
    assert set(shown) == {"version", "metrics", "lineage", "card"}


def test_a_terminal_gets_the_card_as_text(store: Store, tmp_path: Path) -> None:
    code, shown = at_terminal("models", "show", folder=tmp_path)
    assert code == 0
    assert "A small model" in shown
    assert "# A small model" not in shown


@pytest.mark.parametrize("version", ["0", "zzzz", "../x"])
def test_an_unknown_model_is_one_sentence(store: Store, version: str) -> None:
    result = casa("models", "show", version)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"casa: 0 models begin with {version!r}; `casa models list` shows them\n"


def test_an_export_can_be_loaded(store: Store, saved: Bundle, tmp_path: Path) -> None:
    assert casa("models", "export", "champion", tmp_path / "new" / "folder").exit_code == 0
    assert bundle.load(tmp_path / "new" / "folder", expect=saved.version).files == saved.files


def test_an_export_may_fill_an_empty_folder(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert casa("models", "export", "champion", ".").exit_code == 0
    assert (tmp_path / bundle.MANIFEST).is_file()


def test_an_export_leaves_a_full_folder_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = casa("models", "export", "champion", tmp_path)
    assert result.stderr == f"casa: {tmp_path} is not empty: choose a new folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_export_onto_a_file_is_one_sentence(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = casa("models", "export", "champion", tmp_path / "file")
    assert result.stderr == f"casa: {tmp_path / 'file'} cannot be written: Not a directory\n"


def test_a_worse_model_is_not_promoted(registered: Path, shelf: Store, worse: str) -> None:
    before = shelf.champion
    result = casa("models", "promote", worse, "--rows", registered)
    assert (result.exit_code, shelf.champion) == (1, before)
    assert f"model {worse} is not the champion: RMSE " in result.stdout
    assert "on the same 40 held-out houses" in result.stdout


def test_a_better_model_is_promoted(registered: Path, shelf: Store, worse: str) -> None:
    better = str(shelf.champion)
    assert casa("models", "promote", worse, "--rows", registered, "--force").exit_code == 0
    assert shelf.champion == worse
    assert casa("models", "promote", better[:5], "--rows", registered).exit_code == 0
    assert shelf.champion == better


@pytest.mark.parametrize(
    ("price", "sentence"), [("", "and a price for each"), ("dear", "'dear' is not a finite number")]
)
def test_rows_without_prices_compare_nothing(store: Store, tmp_path: Path, price: str, sentence: str) -> None:
    rows = write_csv(tmp_path / "test.csv", [{**EXAMPLE, "MEDV": price}])
    result = casa("models", "promote", "champion", "--rows", rows)
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr
