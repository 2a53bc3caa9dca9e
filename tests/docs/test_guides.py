"""The guides of docs/contributing.md: what they say is done in a new study, and gives what they show."""

from __future__ import annotations

import pytest

from psylm.common.registry import use_study
from psylm.common.template import init
from tests.docs.pages import REPOSITORY, blocks, follow

pytestmark = pytest.mark.slow


PAGE = REPOSITORY / "docs" / "contributing.md"
BLOCKS = blocks(PAGE)
GUIDES = list(dict.fromkeys(block.heading for block in BLOCKS))


@pytest.fixture
def study(tmp_path, monkeypatch):
    folder = tmp_path / "study"
    init(folder)
    monkeypatch.chdir(folder)
    use_study(folder)
    yield folder
    use_study(None)


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_gives_what_it_shows(guide, study, causal_folder, monkeypatch):
    """The embedded model is replaced by a tiny one: the guide promises what holds of any."""
    names: dict[str, object] = {}
    for block in BLOCKS:
        done_before = GUIDES.index(block.heading) < GUIDES.index(guide)
        if (block.title and done_before) or block.heading == guide:
            follow(block.with_model(f"file:{causal_folder}"), PAGE, names, monkeypatch)


def test_there_is_a_guide_for_everything_that_a_study_can_add():
    from psylm.measures.registry import MEASURES
    from psylm.models.families import FAMILIES
    from psylm.models.lesion_kinds import LESION_KINDS
    from psylm.scratch.architectures import ARCHITECTURES
    from psylm.stimuli.readers import READERS

    titles = [block.title for block in BLOCKS if block.language == "python"]
    for registry in (MEASURES, FAMILIES, LESION_KINDS, ARCHITECTURES, READERS):
        assert [title for title in titles if title.startswith(f"{registry.folder}/")], registry.kind
