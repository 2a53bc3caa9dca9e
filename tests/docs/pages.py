"""The code blocks of a page of the documentation, and what a reader would do with them."""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

FENCE = re.compile(r"^```(?P<language>\w*)(?P<rest>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that its title names, its text, its line, the heading it stands under."""

    language: str
    title: str
    text: str
    line: int
    heading: str

    def with_model(self, name: str) -> Block:
        """Put another model in the place of the embedded one."""
        text = self.text.replace("embedded:smollm2-135m", name)
        return Block(self.language, self.title, text, self.line, self.heading)


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    text, found = page.read_text(encoding="utf-8"), []
    for match in FENCE.finditer(text):
        # Comments of shell blocks look like headings, so blocks are taken out of what stands before.
        headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text[: match.start()]), re.MULTILINE)
        title = TITLE.search(match["rest"])
        line = text.count("\n", 0, match.start()) + 2
        found.append(
            Block(match["language"], title[1] if title else "", match["text"], line, headings[-1] if headings else "")
        )
    return found


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the words of each command of a shell block, whose lines a backslash continues and `&&` divides."""
    for line in block.text.replace("\\\n", " ").splitlines():
        for part in line.split(" && "):
            words = shlex.split(part, comments=True)
            if words:
                yield words


def psylm_command(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a `psylm` command in this process; return its status."""
    from psylm.cli.main import main

    assert words[0] == "psylm"
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def follow(block: Block, page: Path, names: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do with a block what a reader would: save it, run it, or type it and compare what is answered."""
    if block.title:
        Path(block.title).parent.mkdir(parents=True, exist_ok=True)
        Path(block.title).write_text(block.text, encoding="utf-8")
    elif block.language == "sh":
        for words in commands(block):
            if words[0] == "export":
                monkeypatch.setenv(*words[1].split("=", 1))
            else:
                assert psylm_command(words, monkeypatch) == 0, words
    elif block.language == "pycon":
        test = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line - 1)
        runner, said = doctest.DocTestRunner(optionflags=FLAGS, verbose=False), []
        runner.run(test, out=said.append, clear_globs=False)
        names |= test.globs
        assert runner.failures == 0, "".join(said)
    elif block.language == "python":
        code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
        exec(code, names)
