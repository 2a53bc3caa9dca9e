"""`psylm stimuli`: list, show, check, fetch and new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from psylm.cli.console import out
from psylm.common.errors import InputError, Problem, write_problems
from psylm.common.registry import study_in_use

app = typer.Typer(help="Stimulus sets: list, show, check, fetch, make.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="a stimulus set's name")]


@app.command("list")
def list_() -> None:
    """List the stimulus sets of the study and the built-in ones."""
    from psylm.common.yaml_document import checked, read_yaml
    from psylm.stimuli.card import Card
    from psylm.stimuli.fetch import local_file

    study = study_in_use()
    table = Table("name", "language", "paradigm", "title", "licence", "here")
    for name in study.stimulus_names():
        path = study.stimulus_folder(name) / "card.yaml"
        card = checked(Card, read_yaml(path), path)
        here = all(local_file(source) for source in card.sources)
        table.add_row(name, card.language, card.paradigm, card.title, card.licence, "yes" if here else "to fetch")
    out.print(table)


@app.command()
def show(name: Name, rows: Annotated[int, typer.Option(min=1, help="how many items to show")] = 6) -> None:
    """Show a set: its card, its design and its first items."""
    from psylm.stimuli import load_stimuli

    study = study_in_use()
    for one in study.stimulus_group(name):
        stimuli = load_stimuli(one, study)
        card, items = stimuli.card, stimuli.items
        out.print(f"{one} {card.version}: {card.title}", style="bold", markup=False)
        out.print(card.description, markup=False)
        out.print(f"language  {card.language}\nlicence   {card.licence}\ncitation  {card.citation}", markup=False)
        out.print(f"items     {items['item'].nunique()} ({len(items)} rows)")
        for factor, levels in card.factors.items():
            between = ", between items" if factor in card.between else ""
            out.print(f"factor    {factor}: {', '.join(levels)}{between}", markup=False)
        for measure, meaning in card.human.items():
            out.print(f"human     {measure}: {meaning}", markup=False)
        shown = ["item", "condition", "context", "sentence", "target"]
        table = Table(*shown)
        for item in items.head(rows)[shown].to_numpy().tolist():
            table.add_row(*item)
        out.print(table)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="a set's name, or its folder")],
    model: Annotated[str | None, typer.Option(help="also find words that this model's tokenizer lacks")] = None,
    output: Annotated[Path | None, typer.Option(help="a CSV file to write every row with a problem to")] = None,
) -> None:
    """Find everything that is wrong with a set; exit status 2 if there is anything."""
    from psylm.stimuli import check_stimuli

    unknown = None
    if model is not None:
        from psylm.models import load_tokenizer

        unknown = load_tokenizer(model).unknown_words
    study = study_in_use()
    own = Path(name)
    if (own / "card.yaml").is_file() or (own.is_dir() and name not in study.stimulus_names()):
        folders = {_name_of(own.resolve()): own}
    else:
        folders = {one: study.stimulus_folder(one) for one in study.stimulus_group(name)}
    problems: list[Problem] = []
    for one, folder in folders.items():
        problems += check_stimuli(folder, one, unknown)
    if problems:
        raise InputError(*problems, file=output and write_problems(problems, output))
    out.print(f"{', '.join(folders)}: no problems", markup=False)


def _name_of(folder: Path) -> str:
    """Return a folder's path below the nearest folder called `stimuli`."""
    for parent in folder.parents:
        if parent.name == "stimuli":
            return folder.relative_to(parent).as_posix()
    return folder.name


@app.command()
def fetch(name: Name) -> None:
    """Fetch the published files of a set, checked against the card's checksum."""
    from psylm.common.yaml_document import checked, read_yaml
    from psylm.stimuli.card import Card
    from psylm.stimuli.fetch import fetch as fetch_files

    study = study_in_use()
    for one in study.stimulus_group(name):
        path = study.stimulus_folder(one) / "card.yaml"
        for file in fetch_files(checked(Card, read_yaml(path), path)):
            out.print(f"{one}: {file}", markup=False)


@app.command()
def new(name: Name) -> None:
    """Make a set in this study, with a card to fill in and two worked items."""
    from psylm.common.template import make_stimuli

    out.print(f"{make_stimuli(study_in_use().root or Path.cwd(), name)} is ready: a card and two items")
