"""A study's own files win over built-in ones, and no name leads out of it."""

from __future__ import annotations

import pytest

from psylm.common.errors import InputError, PsylmError
from psylm.common.registry import study_in_use, use_study, using
from psylm.common.study import RENAMED_ANALYSES, Study


def test_the_studys_own_experiment_wins(tmp_path):
    own = tmp_path / "experiments" / "cloze.yaml"
    own.parent.mkdir()
    own.write_text("name: cloze\n")
    assert Study(tmp_path).experiment("cloze") == own
    assert Study(None).experiment("cloze") != own


def test_a_study_is_found_from_within(tmp_path):
    (tmp_path / "stimuli" / "deep").mkdir(parents=True)
    assert Study.find(tmp_path / "stimuli" / "deep").root == tmp_path


def test_a_name_that_is_not_there_is_told_with_one_that_is_near():
    with pytest.raises(InputError, match=r"did you mean cloze\?"):
        Study(None).experiment("clozze")


@pytest.mark.parametrize("name", ["../secrets", "/etc", "a/../../b", "..", ""])
def test_no_name_leads_out_of_the_study(tmp_path, name):
    with pytest.raises(InputError):
        Study(tmp_path).stimulus_folder(name)
    with pytest.raises(InputError):
        Study(tmp_path).analysis_module(name)


def test_no_link_leads_out_of_the_study(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "card.yaml").write_text("name: x\n")
    (tmp_path / "study" / "stimuli").mkdir(parents=True)
    (tmp_path / "study" / "stimuli" / "x").symlink_to(outside)
    with pytest.raises(InputError, match="a link to"):
        Study(tmp_path / "study").stimulus_folder("x")


@pytest.mark.parametrize(("before", "now"), RENAMED_ANALYSES.items())
def test_an_analysis_is_found_by_the_name_that_it_had_before(tmp_path, before, now):
    own = tmp_path / "analysis" / f"{before}.py"
    own.parent.mkdir()
    for study in (Study(None), Study(tmp_path)):
        assert study.analysis_module(before).__doc__ == study.analysis_module(now).__doc__
    own.write_text('"""The study\'s own."""\n')
    assert Study(tmp_path).analysis_module(before).__doc__ == "The study's own."
    assert Study(tmp_path).analysis_module(now).__doc__ == Study(None).analysis_module(now).__doc__


def test_an_analysis_module_of_a_study_may_define_a_dataclass_with_postponed_annotations(tmp_path):
    (tmp_path / "analysis").mkdir()
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Row:\n    n: int = 3\n"
    )
    (tmp_path / "analysis" / "rows.py").write_text(text)
    assert Study(tmp_path).analysis_module("rows").Row().n == 3
    (tmp_path / "analysis" / "rows.py").write_text(text + "1 / 0\n")
    with pytest.raises(PsylmError, match=r"rows' cannot be loaded: ZeroDivisionError(.|\n)*rows\.py, line 7: 1 / 0"):
        Study(tmp_path).analysis_module("rows")


def test_the_study_in_use_is_that_of_the_current_folder_unless_one_is_chosen(tmp_path, monkeypatch):
    for name in ("here", "chosen", "given"):
        (tmp_path / name / "stimuli").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "stimuli")
    assert study_in_use().root == tmp_path / "here"
    assert use_study(tmp_path / "chosen") == study_in_use() == Study(tmp_path / "chosen")
    with using(Study(tmp_path / "given")) as given:
        assert given == study_in_use() == Study(tmp_path / "given")
    assert study_in_use().root == tmp_path / "chosen"
    assert use_study(None).root == tmp_path / "here"
