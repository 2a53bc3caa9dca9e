"""The name of the code that a result depends on changes with that code, and with no other."""

from __future__ import annotations

import importlib

import pytest

from psylm.common.code import _reached, code_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A module that imports one that imports one, inside a function; and one that none of them knows."""
    import psylm

    folder = tmp_path / "extra"
    folder.mkdir()
    (folder / "code_a.py").write_text("from psylm import code_b\n")
    (folder / "code_b.py").write_text("def late():\n    from psylm.code_c import value\n    return value\n")
    (folder / "code_c.py").write_text("value = 1\n")
    (folder / "code_d.py").write_text("value = 1\n")
    monkeypatch.setattr(psylm, "__path__", [*psylm.__path__, str(folder)])
    importlib.invalidate_caches()
    return folder


def test_what_is_imported_counts_however_indirectly(package):
    before = code_of("psylm.code_a")
    (package / "code_d.py").write_text("value = 2\n")
    assert code_of("psylm.code_a") == before
    (package / "code_c.py").write_text("value = 2\n")
    assert code_of("psylm.code_a") != before


def test_a_measure_does_not_depend_on_figures_or_on_other_measures():
    reached = set(_reached(("psylm.measures.surprisal",)))
    assert {"psylm.measures.words", "psylm.models.base", "psylm.common.language"} <= reached
    assert not {name for name in reached if ".figures" in name or name == "psylm.measures.cloze"}
