"""The tables of the documentation that are generated: they are up to date, and say what the code says."""

from __future__ import annotations

import pytest

from docs.tables import DOCS, measure_options, pages, renewed
from psylm.measures.registry import MEASURES

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_generated_table_is_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m docs.tables writes it anew"


def test_there_are_tables_of_measures_models_and_lesions():
    assert [page.relative_to(DOCS).as_posix() for page in PAGES] == [
        "experiments.md",
        "lesions.md",
        "reference/measure-options.md",
    ]


def test_every_option_is_described_with_its_default():
    page = measure_options()
    for measure in MEASURES.values():
        for name, option in measure.options.model_fields.items():
            assert option.description, f"{measure.name}: {name}"
    assert "| `alpha` | number | `0.8` | exponent of PenLP's penalty for length |" in page
    assert "| `units` | list of `token`, `word`, `region`, `sentence` | `[word]` |" in page
    assert "| `query` | text | required | the region whose first word asks |" in page
    assert "Sources: Salazar" in page
