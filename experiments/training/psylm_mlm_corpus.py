"""Write a corpus for a masked language model: books of Standard Ebooks, and WordNet's glosses.

    python experiments/training/psylm_mlm_corpus.py --wordnet /usr/share/wordnet --output corpora/psylm-mlm

The books are in the public domain in the United States and Standard Ebooks dedicates its editions to it (CC0 1.0);
they are cloned at the commits that stand below. WordNet 3.0 (Princeton University) may be used for any purpose under
its own licence; its database files (`data.noun` and the rest) come from wordnet.princeton.edu or from Debian's
package `wordnet-base`. With `--answers N`, SmolLM2 (Apache-2.0) also answers N questions about everyday nouns. A
paragraph, gloss or answer is a line; an empty line stands between documents.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from wordfreq import zipf_frequency

import psylm
from psylm.files import replacing
from psylm.scratch.generate import generate_texts

ADDRESS = "https://github.com/standardebooks/{name}"

BOOKS = {
    "a-a-milne_the-red-house-mystery": "4d77b44d8db18647c02636274d989958703139f4",
    "agatha-christie_poirot-investigates": "cd0026e90c21a584740bcb50cfafb2d5f8ec73f1",
    "agatha-christie_the-man-in-the-brown-suit": "6936d1e2d51bb9c3bde5505bddedfaf42d9204b4",
    "agatha-christie_the-murder-of-roger-ackroyd": "92b5bbd38b0ab7703a988ff7103b15d9b8a65bf2",
    "agatha-christie_the-mysterious-affair-at-styles": "5daaa8ab33f8bad4e1da19e38b728f3d82262956",
    "agatha-christie_the-secret-adversary": "d107276ef02bf29af36af5a987ad8cd37c8ffcd2",
    "algis-budrys_short-fiction": "992c676bbcce36199a377772589e503508579ae2",
    "arnold-bennett_the-old-wives-tale": "bda8c3a2cfe1b8d554106315b64d12673120f362",
    "arthur-conan-doyle_the-adventures-of-sherlock-holmes": "23b2b6e0aa1350aaccaac91e1d0fe3bb6ed4c81f",
    "booth-tarkington_alice-adams": "f49421674722cf2134b3a66d1c88e8963a634c76",
    "dorothy-canfield-fisher_understood-betsy": "be10da0b8f164338b89edfce4a89caed3ee1a34e",
    "dorothy-l-sayers_whose-body": "cbac833aef94741df77058efd748ec9ebf31956a",
    "e-m-forster_howards-end": "ce1c0279044b638b16dc8037b4addd795f663a73",
    "e-nesbit_five-children-and-it": "0941ce48054b956e1ddc6fed6edbef5d0bcc4811",
    "e-nesbit_the-railway-children": "8903a0b2df2396caeb97adc849adb4050fe0c531",
    "edith-wharton_the-age-of-innocence": "9fbd80b68215649c8c673190f349c22a6934abc1",
    "edna-ferber_so-big": "5352f769f9e1078a562de0319f6b1fca1a80fcbb",
    "eleanor-h-porter_pollyanna": "07a1743dea46cb3f2f5efde0fc911aadda5a44dd",
    "ernest-hemingway_the-sun-also-rises": "250a5cec3785e00a50d0e3597a22f2d5c1ce5c68",
    "f-scott-fitzgerald_short-fiction": "f10a42e6ddc7a188215749a96eee76fe3cafdfdf",
    "f-scott-fitzgerald_the-great-gatsby": "194dc118c0f998da3bc5443d97370e16781b899a",
    "f-scott-fitzgerald_this-side-of-paradise": "9a3b096ef0cc664b435abb94e98c2e0701427db8",
    "frances-hodgson-burnett_the-secret-garden": "6a4695560924886e2b396d04ef0023246d211de4",
    "frederik-pohl_short-fiction": "6bdf8c5522cc545637266656b03aee552bd2ac73",
    "fritz-leiber_short-fiction": "f48a868a6a41eb2a3cdd9e106be74902331d5c0d",
    "h-beam-piper_short-fiction": "9cc9fa4e901236f70e677856a86718830fdca117",
    "h-g-wells_short-fiction": "7f7a769669769accb725143813b05ec77c1f9761",
    "jack-london_martin-eden": "f150c69fdd9d2eef64f5ee2e611a602e4e8616cb",
    "jack-london_short-fiction": "cc55866fc0f6981c077246f30e785561e3e36fa8",
    "jerome-k-jerome_three-men-in-a-boat": "4f8189319b455965aa70a927ff4d2b9ce6b9513f",
    "john-buchan_the-thirty-nine-steps": "e9c1a6c474cd933b340bc47842ad2a7db19b0b23",
    "kenneth-grahame_the-wind-in-the-willows": "b44b52fea051d02764bb375fffc79066f50a9404",
    "l-frank-baum_the-wonderful-wizard-of-oz": "8d8c2b208d56c282f4630a27ac89621c11d5dae0",
    "l-m-montgomery_anne-of-avonlea": "9494d46ed21c90118fd364e975efd722d9c7fe1b",
    "l-m-montgomery_anne-of-green-gables": "87a8976ae6bd342a5e20eb9b7b8399a245108246",
    "l-m-montgomery_emily-of-new-moon": "b0d93052d88e6312928c59ba24458610203385b7",
    "louisa-may-alcott_little-women": "dbd54731731838dd6e9892780c44cf3d83ea6db7",
    "mark-twain_the-adventures-of-tom-sawyer": "f6caa2e0484963b64d7da6aa49aad0ec2781fc96",
    "o-henry_short-fiction": "fe33e908e162844aacb390e427dd4a4ba2417d14",
    "p-g-wodehouse_leave-it-to-psmith": "9c63072b4c198012035399b2bd7f1b184b1738a7",
    "p-g-wodehouse_right-ho-jeeves": "30a8d6c863bffc118cd8b5e91797cceedd7fecbe",
    "p-g-wodehouse_short-fiction": "8ca35a4a36ab037eb142b85416d08ae7d27cb2d1",
    "philip-k-dick_short-fiction": "e423075ad1322ec9cbeee71c8e9034fbe1003b36",
    "poul-anderson_short-fiction": "fc9246a8b4a5f12a2c462f17c8b9b3978e9db8dd",
    "ray-bradbury_short-fiction": "cab539cb5817f59b76ba1a9333c185d51fd227fa",
    "ring-lardner_short-fiction": "516d0274a531c798be291e4787fb1de2efe7c533",
    "robert-sheckley_short-fiction": "08142fa9d3695dc3663388ab18e051c00ef5af45",
    "sherwood-anderson_winesburg-ohio": "047be295b73f24ba3fe39efc723c757aa70060ae",
    "sinclair-lewis_arrowsmith": "2e17ff5a2932420b281906f11b16ecb771f5b817",
    "sinclair-lewis_babbitt": "6ea7c30d6e2c9d1cd4a49d86f30d6d06ee74ba2c",
    "sinclair-lewis_main-street": "1fdbcaffea37909a86b3ce2d3e0bd3b75bdca923",
    "theodore-dreiser_sister-carrie": "8caeb879efeeae46eb6ebb84c1444e1dc35658d5",
    "upton-sinclair_the-jungle": "d02b419b7cf59a03e5c110219fe1558126145505",
    "willa-cather_my-antonia": "515020190f4cfb4e3239edf70146ee4d36fc4d7c",
    "willa-cather_one-of-ours": "6f4f36d03ca04969617a4515bf9766db6ce9c939",
    "zane-grey_riders-of-the-purple-sage": "0d4a4053f5b7814f6f15aed0d43aa8b2247d591e",
}
"""Repositories of Standard Ebooks, and the commit that was read."""

VALIDATION = ("dorothy-canfield-fisher_understood-betsy", "john-buchan_the-thirty-nine-steps")
"""Books kept for validation, whole, so that no scene or name of theirs is trained on."""

MATTER = ("titlepage", "imprint", "colophon", "uncopyright", "halftitle", "dedication", "endnotes", "loi", "epigraph")
"""Files of a book that are not its text."""

THINGS = ("05", "06", "08", "13", "17", "18", "20", "27")
"""WordNet's files of animals, artifacts, bodies, food, objects, persons, plants and substances."""

QUESTIONS = (
    "Describe in simple words what {noun} is and what people do with it.",
    "Write a short paragraph about someone who needs {noun} at home or at work, and what happens.",
    "Explain to a child what you know about {noun}: what goes with it, and where you find it.",
    "Name things that have to do with {noun}, and say why, in full sentences.",
    "Tell what happened yesterday with {noun}, in a few plain sentences.",
)
"""What SmolLM2 is asked about each noun."""

BATCH, LONGEST = 192, 112
"""Answers that are written at a time, and tokens of an answer at most."""

XHTML = "{http://www.w3.org/1999/xhtml}"
PACKAGE = "{http://www.idpf.org/2007/opf}"


def clone(name: str, commit: str, folder: Path) -> Path:
    """Fetch a book's repository at its commit, once; of its files only the text, not the pictures."""
    place = folder / name
    if not (place / "src").is_dir():
        git = ["git", "-C", str(place)]
        subprocess.run(["git", "init", "--quiet", str(place)], check=True)
        subprocess.run([*git, "remote", "add", "origin", ADDRESS.format(name=name)], check=True)
        subprocess.run(
            [*git, "sparse-checkout", "set", "--no-cone", "src/epub/text", "src/epub/content.opf"], check=True
        )
        subprocess.run([*git, "fetch", "--quiet", "--depth", "1", "--filter=blob:none", "origin", commit], check=True)
        subprocess.run([*git, "checkout", "--quiet", "FETCH_HEAD"], check=True)
    return place / "src" / "epub"


def chapters(epub: Path) -> Iterator[list[str]]:
    """Yield the paragraphs of each file of a book's text, in reading order."""
    package = ElementTree.parse(epub / "content.opf").getroot()
    files = {entry.get("id"): entry.get("href") for entry in package.iter(f"{PACKAGE}item")}
    for reference in package.iter(f"{PACKAGE}itemref"):
        file = str(files[reference.get("idref")])
        if not Path(file).stem.startswith(MATTER):
            page = ElementTree.parse(epub / file).getroot()
            paragraphs = [clean("".join(paragraph.itertext())) for paragraph in page.iter(f"{XHTML}p")]
            yield [paragraph for paragraph in paragraphs if paragraph]


def clean(text: str) -> str:
    """Put plain characters in place of typographic ones, and one space for white space."""
    for typographic, plain in (
        ("‘", "'"),
        ("’", "'"),
        ("“", '"'),
        ("”", '"'),
        ("\u2060", ""),
        ("\ufeff", ""),
        ("—", " - "),
    ):
        text = text.replace(typographic, plain)
    return re.sub(r"\s+", " ", text).strip()


def glosses(wordnet: Path) -> list[str]:
    """Return WordNet's definitions, each after its word as in a dictionary, with their examples."""
    lines = []
    for part in ("noun", "verb", "adj", "adv"):
        for record in (wordnet / f"data.{part}").read_text(encoding="utf-8").splitlines():
            data, bar, gloss = record.partition(" | ")
            if bar:
                word = data.split()[4].split("(")[0].replace("_", " ")
                definition, *examples = re.split(r'; (?=")', clean(gloss))
                sentences = [f"{word}: {definition.strip('; ')}.", *(say(example) for example in examples)]
                lines.append(" ".join(sentences))
    return lines


def nouns(wordnet: Path) -> list[str]:
    """Return nouns of neither rare nor very frequent things, animals, plants, food and substances."""
    kinds = {}
    for line in (wordnet / "data.noun").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            offset, kind, *_ = line.split()
            kinds[offset] = kind
    found = []
    for line in (wordnet / "index.noun").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            word, _, senses, *rest = line.split()
            first = kinds[rest[-int(senses)]]  # senses stand in the order of their frequency
            if word.isalpha() and len(word) > 2 and first in THINGS and 3.2 <= zipf_frequency(word, "en") <= 5.4:
                found.append(word)
    return sorted(found)


def generated(words: list[str], folder: Path, batches: int) -> Iterator[list[str]]:
    """Yield answers of SmolLM2 to questions about words, each a document; what is there is not written again."""
    questions = [
        question.format(noun=f"an {word}" if word[0] in "aeiou" else f"a {word}")
        for word in words
        for question in QUESTIONS
    ]
    random.Random(1).shuffle(questions)
    folder.mkdir(parents=True, exist_ok=True)
    model = None
    for number in range(batches):
        file = folder / f"{number:05d}.txt"
        if not file.is_file():
            model = model or psylm.load_model("embedded:smollm2-135m", dtype="bfloat16")
            asked = questions[number * BATCH : (number + 1) * BATCH]
            answers = generate_texts(model, asked, longest=LONGEST, seed=number * BATCH)
            with replacing(file) as temporary:
                temporary.write_text("\n\n".join(answer.replace("\n\n", "\n") for answer in answers) + "\n")
            print(f"{file}: {len(answers)} answers", flush=True)
        yield from (document.splitlines() for document in file.read_text(encoding="utf-8").split("\n\n"))


def say(example: str) -> str:
    """Return a gloss's example as a sentence."""
    example = example.strip('"; ')
    return example if example.endswith((".", "!", "?")) else example + "."


def main() -> None:
    """Write `train.txt` and `validation.txt`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet 3.0's data.noun and the rest")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--answers", type=int, default=0, help="answers that SmolLM2 is to write")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    kept: dict[bool, list[list[str]]] = {True: [], False: []}
    for name, commit in BOOKS.items():
        kept[name in VALIDATION] += chapters(clone(name, commit, arguments.output / "books"))
    definitions = glosses(arguments.wordnet)
    shuffled = random.Random(1)
    shuffled.shuffle(definitions)
    page = 40
    kept[False] += generated(nouns(arguments.wordnet), arguments.output / "generated", arguments.answers // BATCH)
    kept[False] += [definitions[first : first + page] for first in range(0, len(definitions), page)]
    for held_out, documents in kept.items():
        shuffled.shuffle(documents)
        text = "\n\n".join("\n".join(document) for document in documents if document)
        file = arguments.output / ("validation.txt" if held_out else "train.txt")
        file.write_text(text + "\n", encoding="utf-8")
        print(f"{file}: {len(documents):,} documents, {len(text.split()):,} words")


if __name__ == "__main__":
    main()
