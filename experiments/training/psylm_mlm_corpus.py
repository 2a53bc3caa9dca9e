"""Write the corpus that `embedded:psylm-mlm` is trained on: sentences of everyday life, books, and definitions.

    python experiments/training/psylm_mlm_corpus.py --wordnet /usr/share/wordnet --output corpora/psylm-mlm

`psylm_mlm_sources.csv`, beside this file, names every repository, the commit that is read, and the licence of its
text: sentences of Tatoeba, sentences to be read aloud of Common Voice, captions of COCO, questions of GSM8K (its
training part), articles of OneStopEnglish, children's stories of the African Storybook and Pratham Books, and novels
and stories of Standard Ebooks. WordNet 3.0 (Princeton University) may be used for any purpose under its own licence;
its database files (`data.noun` and the rest) come from wordnet.princeton.edu or from Debian's package `wordnet-base`.

A paragraph, sentence or gloss is a line; an empty line stands between documents. Single sentences are documents of
their own, in random order, so that no sentence is guessed from a neighbour that is nearly the same; what is not from
a novel or from WordNet is written twice. Two books are kept for validation, whole, so that no scene or name of theirs
is trained on.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

ADDRESS = "https://github.com/{repository}"
SOURCES = Path(__file__).with_name("psylm_mlm_sources.csv")

Document = list[str]
"""A document's paragraphs."""

PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\u2060": "", "\u200b": "", "\ufeff": "", "—": " - "})
"""Plain characters in place of typographic ones."""

MATTER = ("titlepage", "imprint", "colophon", "uncopyright", "halftitle", "dedication", "endnotes", "loi", "epigraph")
"""Files of a book that are not its text."""

LATIN = re.compile(r"[\x00-\u024f\u2010-\u203f\u20ac]+")
XHTML = "{http://www.w3.org/1999/xhtml}"
PACKAGE = "{http://www.idpf.org/2007/opf}"

PAGE = 40
"""WordNet's definitions in a document."""


def checkout(repository: str, commit: str, paths: list[str], folder: Path) -> list[Path]:
    """Fetch what paths name of a repository at a commit, once; returns the files that the first path names."""
    place = folder / repository.replace("/", "+")
    git = ["git", "-C", str(place)]
    if not place.is_dir():
        subprocess.run(["git", "init", "--quiet", str(place)], check=True)
        subprocess.run([*git, "remote", "add", "origin", ADDRESS.format(repository=repository)], check=True)
        subprocess.run([*git, "fetch", "--quiet", "--depth", "1", "--filter=blob:none", "origin", commit], check=True)
    if not list(place.glob(paths[0])):
        subprocess.run([*git, "checkout", commit, "--quiet", "--", *(f":(glob){path}" for path in paths)], check=True)
    return sorted(place.glob(paths[0]))


def clean(text: str) -> str:
    """Put plain characters in place of typographic ones, and one space for white space."""
    return re.sub(r"\s+", " ", text.translate(PLAIN)).strip()


def read(file: Path) -> str:
    """Return a file's text; of an archive, that of its largest file."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            largest = max(archive.infolist(), key=lambda member: member.file_size)
            return archive.read(largest).decode("utf-8")
    return file.read_text(encoding="utf-8", errors="ignore")


def lines(file: Path) -> Iterator[Document]:
    """Yield a sentence from each line."""
    yield from ([clean(line)] for line in read(file).splitlines())


def pairs(file: Path) -> Iterator[Document]:
    """Yield the English sentence of each line of a table of translations."""
    yield from ([clean(line.split("\t")[0])] for line in read(file).splitlines() if "\t" in line)


def captions(file: Path) -> Iterator[Document]:
    """Yield captions, which lack their full stop."""
    yield from ([clean(line).rstrip(" .") + "."] for line in read(file).splitlines())


def questions(file: Path) -> Iterator[Document]:
    """Yield the question of each record."""
    yield from ([clean(json.loads(line)["question"])] for line in read(file).splitlines())


def article(file: Path) -> Iterator[Document]:
    """Yield an article."""
    yield [clean(line) for line in read(file).splitlines() if len(line.split()) > 1]


def story(file: Path) -> Iterator[Document]:
    """Yield a story of which no use is excluded, without title and licence."""
    text, _, licence = read(file).partition("\n* License:")
    if re.search(r"\[CC-BY\]|Public Domain|\[CC-?0\]", licence):
        pages = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        yield [clean(re.sub(r"[*_]", "", paragraph)) for paragraph in re.split(r"\n\s*\n", pages)]


def book(contents: Path) -> Iterator[Document]:
    """Yield the chapters of a book, in reading order, by its table of contents."""
    package = ElementTree.parse(contents).getroot()
    files = {entry.get("id"): entry.get("href") for entry in package.iter(f"{PACKAGE}item")}
    for reference in package.iter(f"{PACKAGE}itemref"):
        file = str(files[reference.get("idref")])
        if not Path(file).stem.startswith(MATTER):
            page = ElementTree.parse(contents.parent / file).getroot()
            yield [clean("".join(paragraph.itertext())) for paragraph in page.iter(f"{XHTML}p")]


READERS: dict[str, Callable[[Path], Iterator[Document]]] = {
    "lines": lines,
    "pairs": pairs,
    "captions": captions,
    "questions": questions,
    "article": article,
    "story": story,
    "book": book,
    "held-out book": book,
}


def documents(folder: Path) -> dict[str, list[Document]]:
    """Return what each kind of source holds; a single sentence that was there before is left out."""
    found: dict[str, list[Document]] = {kind: [] for kind in READERS}
    seen = set()
    with SOURCES.open(encoding="utf-8", newline="") as table:
        for source in csv.DictReader(table):
            for file in checkout(source["repository"], source["commit"], source["path"].split(), folder):
                for document in READERS[source["kind"]](file):
                    paragraphs = [paragraph for paragraph in document if LATIN.fullmatch(paragraph)]
                    if paragraphs and (whole := "\n".join(paragraphs)) not in seen:
                        seen.add(whole)
                        found[source["kind"]].append(paragraphs)
    return found


def glosses(wordnet: Path) -> list[str]:
    """Return WordNet's definitions, each after its word as in a dictionary, with their examples."""
    found = []
    for part in ("noun", "verb", "adj", "adv"):
        for record in (wordnet / f"data.{part}").read_text(encoding="utf-8").splitlines():
            data, bar, gloss = record.partition(" | ")
            if bar:
                word = data.split()[4].split("(")[0].replace("_", " ")
                definition, *examples = re.split(r'; (?=")', clean(gloss))
                sentences = [f"{word}: {definition.strip('; ')}.", *(say(example) for example in examples)]
                found.append(" ".join(sentences))
    return found


def say(example: str) -> str:
    """Return a gloss's example as a sentence."""
    example = example.strip('"; ')
    return example if example.endswith((".", "!", "?")) else example + "."


def write(file: Path, found: list[Document]) -> None:
    """Write documents, in random order."""
    random.Random(1).shuffle(found)
    text = "\n\n".join("\n".join(document) for document in found)
    file.write_text(text + "\n", encoding="utf-8")
    print(f"{file}: {len(found):,} documents, {len(text.split()):,} words")


def main() -> None:
    """Write `train.txt` and `validation.txt`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet 3.0's data.noun and the rest")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    folder = arguments.output / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    found = documents(folder)
    for kind, read_there in found.items():
        words = sum(len(paragraph.split()) for document in read_there for paragraph in document)
        print(f"{kind}: {len(read_there):,} documents, {words:,} words")
    definitions = glosses(arguments.wordnet)
    random.Random(1).shuffle(definitions)
    everyday = [document for kind in found if not kind.endswith("book") for document in found[kind]]
    pages = [definitions[first : first + PAGE] for first in range(0, len(definitions), PAGE)]
    write(arguments.output / "train.txt", found["book"] + 2 * everyday + pages)
    write(arguments.output / "validation.txt", found["held-out book"])


if __name__ == "__main__":
    main()
