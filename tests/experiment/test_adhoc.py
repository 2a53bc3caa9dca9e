"""Scoring ad hoc: the same numbers as a measure gives, from every kind of input, and a clear message for the rest."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import psylm
from psylm.common.errors import InputError
from psylm.common.language import language_of
from psylm.experiment.adhoc import COLUMNS, choose_options, contract
from psylm.experiment.sentences import read_sentences
from psylm.measures import MEASURES
from tests.cli.test_cli import psylm as command

pytestmark = pytest.mark.slow


COOK = "The cook tasted the soup."


def loss(folder, text):
    """Sum of the surprisal of a text's tokens, as `transformers` computes its loss."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network, fast = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([[fast.bos_token_id, *fast(text)["input_ids"]]])
    with torch.inference_mode():
        return network(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1) / np.log(2)


def test_sentences_are_scored_as_transformers_does(causal_folder):
    table = psylm.score(f"file:{causal_folder}", [COOK], "sentence_surprisal")
    assert list(table.columns) == COLUMNS
    assert table["value"].item() == pytest.approx(loss(causal_folder, COOK), abs=1e-4)


def test_a_name_a_loaded_model_and_a_pair_in_memory_give_the_same(causal_folder, causal):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    pair = AutoModelForCausalLM.from_pretrained(causal_folder), AutoTokenizer.from_pretrained(causal_folder)
    pair[0].train()  # whose dropout would make scores random
    tables = [psylm.score(model, [COOK, "Time flies."]) for model in (f"file:{causal_folder}", causal, pair)]
    for table in tables[1:]:
        assert table["value"].to_numpy() == pytest.approx(tables[0]["value"].to_numpy(), abs=1e-4)
    assert tables[2]["model"].unique().tolist() == [str(causal_folder)]
    assert tables[0]["word"].tolist() == ["The", "cook", "tasted", "the", "soup.", "Time", "flies."]


def test_a_masked_pair_in_memory(masked_folder, masked):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    pair = AutoModelForMaskedLM.from_pretrained(masked_folder), AutoTokenizer.from_pretrained(masked_folder)
    values = [psylm.score(model, COOK, "pseudo_log_likelihood")["value"].item() for model in (masked, pair)]
    assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_a_pair_that_does_not_belong_together_is_refused(causal_folder):
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    fast = AutoTokenizer.from_pretrained(causal_folder)
    small = GPT2LMHeadModel(GPT2Config(vocab_size=7, n_embd=8, n_layer=1, n_head=1))
    with pytest.raises(InputError, match="for 7 embeddings; expected the tokenizer that the model was trained with"):
        psylm.score((small, fast), COOK)
    with pytest.raises(InputError, match="expected a model of transformers and its tokenizer, in this order"):
        psylm.score((fast, small), COOK)


def test_importing_psylm_imports_no_torch_and_score_is_a_function_whatever_came_before():
    code = (
        "import sys, psylm; assert 'torch' not in sys.modules; "
        "import psylm.experiment.adhoc; assert callable(psylm.score)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_contexts_are_conditioned_on(causal):
    alone, after = (
        psylm.score(causal, COOK, contexts=contexts)["value"].tolist() for contexts in (None, ["It rained."])
    )
    assert len(alone) == len(after) == 5 and alone[0] != pytest.approx(after[0], abs=1e-3)
    direct = MEASURES["continuation"]
    from psylm.measures.trials import sentence_trials

    expected = direct.function(causal, sentence_trials([COOK], contexts=["It rained."]), direct.options())
    table = psylm.score(causal, COOK, "continuation", contexts="It rained.")
    assert table["value"].tolist() == pytest.approx(expected["value"].tolist())


def test_cloze_takes_targets(causal):
    table = psylm.score(causal, [COOK], "cloze", targets=["soup"], top_k=0)
    assert table.set_index("measure")["value"]["cloze"] > 0 and set(table["word"]) == {"soup"}
    with pytest.raises(InputError, match="sentence 0: found no target; expected one in each sentence, for cloze"):
        psylm.score(causal, [COOK], "cloze")
    with pytest.raises(InputError, match="target 'the': found 2 times in its sentence"):
        psylm.score(causal, ["I see the cat and the dog."], "cloze", targets=["the"])


@pytest.mark.parametrize(
    ("measure", "options", "message"),
    [
        (
            "surprisal",
            {"unit": "word"},
            "option unit of surprisal: found a key that is not known here; expected one of",
        ),
        ("surprisal", {"units": "words"}, "option units.0 of surprisal: found 'words'; expected 'token', 'word'"),
        ("surprisal", {"window": 1}, "option window of surprisal: found 1; expected greater than or equal to 2"),
        ("acceptability", {"alpha": "much"}, "option alpha of acceptability: found 'much'; expected a valid number"),
        ("attention", {}, "measure: found 'attention', whose arrays need an experiment; expected one of acceptability"),
        ("suprisal", {}, "measure: found 'suprisal'; expected one of"),
    ],
)
def test_what_does_not_fit_is_reported_before_the_model_is_loaded(measure, options, message):
    with pytest.raises(InputError) as caught:
        psylm.score("hub:nobody/nothing", COOK, measure, **options)
    assert message in str(caught.value)


def test_options_reach_the_measure(causal):
    table = psylm.score(causal, COOK, quantities="surprisal,entropy,rank", units=["word", "sentence"])
    assert set(table["measure"]) == {"surprisal", "entropy", "rank"}
    words = table[(table["measure"] == "surprisal") & (table["word_id"] >= 0)]["value"]
    assert table[(table["measure"] == "surprisal") & (table["word_id"] < 0)]["value"].item() == pytest.approx(
        words.sum()
    )
    assert choose_options(MEASURES["pseudo_log_likelihood"], {"units": "token"}).units == ["token"]


def test_a_missing_value_has_its_reason(headless_folder):
    table = psylm.score(f"file:{headless_folder}", COOK)
    assert np.isnan(table["value"][0]) and "no beginning-of-sequence token" in table["note"][0]
    assert contract(table).columns.tolist() == ["sentence_id", "word_id", "word", "value", "note"]


SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"


@given(lines=st.lists(st.text(st.sampled_from("ab " + SEPARATORS)).map(lambda text: f"x{text}y"), min_size=1), end=...)
def test_lines_end_at_line_breaks_only(tmp_path_factory, lines, end: bool):
    for mark in ("\n", "\r\n", "\r"):
        file = tmp_path_factory.mktemp("lines") / "s.txt"
        file.write_bytes((mark.join(lines) + mark * end).encode())
        assert read_sentences(file).sentences == lines


def test_tables_are_read_with_their_separator(tmp_path):
    table = pd.DataFrame({"sentence": ['He said "no", twice.', "A\u2028b"], "context": ["", "So."], "x": [1, 2]})
    for ending, mark in ((".csv", ","), (".tsv", "\t")):
        table.to_csv(tmp_path / f"s{ending}", sep=mark, index=False)
        found = read_sentences(tmp_path / f"s{ending}")
        assert (found.sentences, found.contexts) == (table["sentence"].tolist(), table["context"].tolist())


def test_a_table_with_another_separator_or_a_stray_quote_is_reported(tmp_path):
    file = tmp_path / "s.csv"
    file.write_text("id;sentence\n1;Time flies.\n")
    with pytest.raises(InputError, match=r"row 1: found semicolons between cells .*; expected commas"):
        read_sentences(file)
    file = tmp_path / "s.tsv"
    file.write_text('sentence\n"Time" flies.\nIt does.\n')
    with pytest.raises(InputError, match="broken CSV"):
        read_sentences(file)


def test_a_file_of_several_quantities_says_which(tmp_path, causal_folder):
    (tmp_path / "s.txt").write_text(f"{COOK}\n")
    name = f"file:{causal_folder}"
    psylm.score(name, tmp_path / "s.txt", output=tmp_path / "o.tsv", quantities=["surprisal", "rank"])
    written = pd.read_csv(tmp_path / "o.tsv", sep="\t")
    assert written.columns.tolist() == ["sentence_id", "word_id", "word", "measure", "value"]
    with pytest.raises(InputError, match=r"found a name that ends in \.txt; expected one that ends in \.csv"):
        psylm.score(name, tmp_path / "s.txt", output=tmp_path / "o.txt")
    with pytest.raises(InputError, match="contexts and targets: found a file of sentences too"):
        psylm.score(name, tmp_path / "s.txt", contexts=["A"])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat sleeps.", "en"), ("Schläft die Katze?", "en"), ("猫が眠る。", "ja"),
        ("ネコ", "ja"), ("猫睡觉了。", None),
        ("แมวกำลังนอนหลับ", "th"), ("ແມວນອນ", "lo"), ("ឆ្មាកំពុងដេក", "km"), ("ကြောင်အိပ်နေသည်", "my"), ("Кошка спит.", "und"),
        ("고양이가 잔다.", "und"), ("The word 猫 means cat.", "en"), ("1 + 1 = 2", "und"),
    ],
)  # fmt: skip
def test_the_script_says_how_words_are_found(text, language):
    assert language_of(text) == language


def test_text_without_spaces_is_never_one_word(causal_folder):
    name = f"file:{causal_folder}"
    with pytest.raises(InputError, match=r"sentence 1: found '猫睡觉了。', which may be Chinese or Japanese"):
        psylm.score(name, [COOK, "猫睡觉了。"])
    with pytest.raises(InputError, match=r"language th, .* no word segmenter; expected a measure of whole sentences"):
        psylm.score(name, ["แมวกำลังนอนหลับ"])
    with pytest.raises(InputError, match="no word segmenter"):
        psylm.score(name, ["猫睡觉了。"], language="zh")
    assert psylm.score(name, ["猫睡觉了。"], "sentence_surprisal", language="zh")["value"].item() > 0
    mixed = psylm.score(name, ["猫が眠る。", COOK])
    assert mixed[mixed["sentence_id"] == 1]["word"].tolist() == COOK.split()
    assert mixed[mixed["sentence_id"] == 0]["word"].tolist() == ["猫", "が", "眠る", "。"]


def test_acceptability_needs_a_language_whose_frequencies_are_known():
    with pytest.raises(InputError, match="language: found 'und'; expected one that wordfreq knows"):
        psylm.score("hub:nobody/nothing", "Кошка спит.", "acceptability")


def test_the_command_prints_words_with_their_bits(causal_folder, tmp_path):
    name = f"file:{causal_folder}"
    printed = command("score", name, COOK)
    assert printed.returncode == 0, printed.stderr
    rows = [line.split("\t") for line in printed.stdout.splitlines()]
    assert rows[0] == ["sentence_id", "word_id", "word", "value"]
    table = psylm.score(name, COOK)
    assert [row[2] for row in rows[1:]] == table["word"].tolist()
    assert [float(row[3]) for row in rows[1:]] == pytest.approx(table["value"].tolist(), abs=1e-4)
    quantities = command("score", name, COOK, "--option", "quantities=[entropy, rank]", "--set", "words=all")
    assert quantities.stdout.splitlines()[0].split("\t")[3] == "measure"
    for words in (["score", name], ["score"], ["score", name, COOK, "--input", "x.txt"]):
        result = command(*words, cwd=tmp_path)
        assert result.returncode == 2 and "expected MODEL SENTENCE…, or --model MODEL --input FILE" in result.stderr
    assert "key=value" in command("score", name, COOK, "--option", "units").stderr


def test_a_terminal_shows_colours(causal):
    from rich.console import Console

    from psylm.cli.scores_table import show_scores

    console = Console(force_terminal=True, width=80, record=True)
    with console.capture() as captured:
        show_scores(console, psylm.score(causal, COOK))
    assert "\x1b[" in captured.get() and "surprisal (bits)" in captured.get()
    assert all(word in captured.get() for word in COOK.split())
