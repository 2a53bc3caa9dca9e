"""What README and documentation show: Python runs, commands are known to the command line, configs to their schema."""

from __future__ import annotations

import ast
import pkgutil
import re
import shlex

import pytest
import typer
from ruamel.yaml import YAML
from typer.exceptions import TyperException

import psylm
from psylm.common.errors import InputError
from psylm.common.study import Study
from tests.docs.pages import REPOSITORY, Block, blocks, commands, follow

pytestmark = pytest.mark.slow


PAGES = {
    page.relative_to(REPOSITORY).as_posix(): page
    for page in [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    if page.name != "contributing.md"  # which test_guides.py follows
}
EMBEDDED = "embedded:smollm2-135m"
INLINE = re.compile(r"(?<!`)`(psylm [^`]+)`(?!`)")
PLACEHOLDER = re.compile(r"my-.*|example|runs/.*|.*/.*|NAME|CONFIG|…|")


def of(language: str) -> list:
    return [
        pytest.param(block, id=f"{name}:{block.line}")
        for name, page in PAGES.items()
        for block in blocks(page)
        if block.language == language
    ]


# Python


@pytest.mark.parametrize("block", of("python"))
def test_what_a_snippet_imports_is_there(block):
    imports = [node for node in ast.parse(block.text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), "snippet", "exec"), {})


@pytest.fixture
def presupposed(causal, causal_folder, tmp_path, monkeypatch):
    """What the pages' snippets take for given, by its name there: small, and of the kind that the page says."""
    from transformers import AutoTokenizer, GPT2LMHeadModel

    monkeypatch.chdir(tmp_path)
    return {
        "psylm": psylm,
        "model": causal,
        "network": GPT2LMHeadModel.from_pretrained(causal_folder),
        "tokenizer": AutoTokenizer.from_pretrained(causal_folder),
    }


def runnable() -> list:
    """Pages whose Python is run as it stands, in order; others show parts of what a study or a training has."""
    names = ["README.md", "docs/experiments.md", "docs/gallery.md", "docs/lesions.md", "docs/start.md", "docs/tour.md"]
    return [pytest.param(name, id=name) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("name", runnable())
def test_python_of_a_page_runs_from_top_to_bottom(name, presupposed, causal_folder, monkeypatch):
    for block in blocks(PAGES[name]):
        if block.language in ("python", "pycon") and "chat=" not in block.text:  # the tiny model has no chat template
            follow(block.with_model(f"file:{causal_folder}"), PAGES[name], presupposed, monkeypatch)


DOTTED = re.compile(r"`(psylm(?:\.\w+)+)(?:\(.*?\))?`")
FILE = re.compile(r"`(psylm/[\w/.-]+)`")


@pytest.mark.parametrize("name", [name for name in PAGES if name != "docs/reference/measure-options.md"])
def test_modules_and_functions_that_are_named_are_there(name):
    text = PAGES[name].read_text(encoding="utf-8")
    for dotted in DOTTED.findall(text):
        assert pkgutil.resolve_name(dotted) is not None
    for file in FILE.findall(text):
        assert "NAME" in file or "QUESTION" in file or (REPOSITORY / file).exists(), file


# The command line


def parsed(words: list[str], *, whole: bool) -> list[str]:
    """Parse a command as the command line would, without running it; return the names of its commands.

    `whole` demands required arguments too, which a command named in passing may leave out.
    """
    from psylm.cli.main import app

    command, context, names, rest = typer.main.get_command(app), None, [], words[1:]
    while hasattr(command, "resolve_command"):  # a group
        context = command.make_context(names[-1] if names else "psylm", list(rest), parent=context)
        rest = [*context._protected_args, *context.args]
        if not rest:
            return names
        name, command, rest = command.resolve_command(context, rest)
        names.append(name)
    try:
        command.make_context(names[-1], list(rest), parent=context)
    except TyperException as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise
    return names


def inline(page_name: str) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", PAGES[page_name].read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(found.split()) for found in INLINE.findall(text)]


@pytest.mark.parametrize("block", of("sh"))
def test_a_command_that_is_shown_is_one_that_the_command_line_takes(block: Block, tmp_path, monkeypatch):
    for words in commands(block):
        if words[0] == "psylm" and "--help" not in words:
            parsed([word for word in words if word != "…"], whole="…" not in words)
            check_names(words)


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in PAGES if inline(name)])
def test_a_command_that_is_named_in_passing_is_known_with_its_options(name):
    for text in inline(name):
        words = [word for word in shlex.split(text.replace("[", "").replace("]", "")) if word not in ("…", "...")]
        parsed(words, whole=False)
        check_names(words)


def check_names(words: list[str]) -> None:
    """Names of experiments and sets that are shown are built in, or plainly the reader's own."""
    study = Study(None)
    if (
        words[1:2] == ["run"]
        and len(words) > 2
        and not words[2].startswith("-")
        and not PLACEHOLDER.fullmatch(words[2])
    ):
        study.experiment(words[2])
    if words[1:3] in (["stimuli", "fetch"], ["stimuli", "show"]) and not PLACEHOLDER.fullmatch("".join(words[3:4])):
        study.stimulus_group(words[3])


def test_what_is_not_known_is_found():
    with pytest.raises(TyperException):
        parsed(["psylm", "run", "cloze", "--modles", "x"], whole=True)
    with pytest.raises(TyperException):
        parsed(["psylm", "rnu", "cloze"], whole=True)
    with pytest.raises(InputError):
        check_names(["psylm", "run", "clozes"])


# Configs


def whole(kind: str, *keys: str) -> list:
    """YAML blocks that are a whole config: those with some keys. Others show a part of one."""
    found = [(param.id, param.values[0], YAML(typ="safe").load(param.values[0].text)) for param in of("yaml")]
    return [pytest.param(kind, content, id=f"{kind}-{name}") for name, _, content in found if set(keys) <= set(content)]


CONFIGS = [
    *whole("experiment", "name", "stimuli", "measures"),
    *whole("recipe", "name", "corpus", "tokenizer"),
    *whole("card", "name", "licence", "columns"),
]


@pytest.mark.parametrize(("kind", "content"), CONFIGS)
def test_a_config_that_is_shown_fits_its_schema(kind, content):
    from psylm.experiment.definition import Experiment
    from psylm.stimuli.card import Card
    from psylm.training.recipe import Training

    schema = {"experiment": Experiment, "recipe": Training, "card": Card}[kind]
    assert schema.model_validate(content).name == content["name"]
