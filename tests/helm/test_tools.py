"""Without helm and kubeconform nothing of this folder can be tried: that must not pass for a success."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import tool

PAGE = Path(__file__).parents[2] / "docs/kubernetes.md"


@pytest.mark.parametrize("name", ["helm", "kubeconform"])
def test_a_missing_tool_fails_where_all_must_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CASA_TEST_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match=f"needs {name} on PATH; docs/kubernetes.md"):
        tool(name)


@pytest.mark.parametrize("name", ["helm", "kubeconform"])
def test_a_missing_tool_is_skipped_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CASA_TEST_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=name):
        tool(name)


@pytest.mark.parametrize("name", ["helm", "kubeconform"])
def test_the_page_says_where_a_tool_comes_from(name: str) -> None:
    assert f"[{name}](https://" in PAGE.read_text()
