"""What stands before a text: the rule by tokenizer, the values, and where it is kept."""

from __future__ import annotations

import json
import math
import shutil

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from psylm.common.errors import InputError, PsylmError
from psylm.common.study import Study
from psylm.experiment.definition import read_experiment
from psylm.experiment.runner import run
from psylm.experiment.scorer import Scorer
from psylm.experiment.starts import PAIRS, compare_starts
from psylm.measures import MEASURES
from psylm.measures.prompts import prompt_tokens
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.names import ModelSource
from psylm.models.start import KNOWN, find_start
from psylm.models.tokens import Tokenizer
from psylm.reporting.page import write_report
from psylm.runs.run import Run
from psylm.runs.score_cache import ScoreCache
from tests.conftest import TEXT, pieces

SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<s>",
    "</s>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<bos>",
]
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
LLAMA = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}"
TULU = "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{{ eos_token }}\n{% endfor %}"


def byte_level(special, *, added=(), template=None, **named):
    """A byte-level tokenizer with the special tokens of a model; `added` ones it puts before a text itself."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, processors, trainers

    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(TEXT, trainer)
    if added:
        backend.post_processor = processors.TemplateProcessing(
            single=" ".join([*added, "$A"]), special_tokens=[(token, backend.token_to_id(token)) for token in added]
        )
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template, **named)


def saved(folder, fast, seed=0):
    """A GPT-2 of two layers with a tokenizer."""
    torch.manual_seed(seed)
    fast.save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(fast), n_positions=64, n_embd=32, n_layer=2, n_head=2, initializer_range=0.5, bos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return f"file:{folder}"


def smollm():
    return byte_level(
        SPECIAL[:3], template=CHATML, bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>"
    )


@pytest.fixture(scope="module")
def chat_name(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("chat"), smollm())


END, IM_START = "<|endoftext|>", "<|im_start|>"
TOKENIZERS = {
    "GPT-2": (lambda: byte_level([END], bos_token=END, eos_token=END), "document", END),
    "Pythia": (lambda: byte_level([END], bos_token=END, eos_token=END, unk_token=END), "document", END),
    "Qwen": (lambda: byte_level(SPECIAL[:3], eos_token=END, template=CHATML), "document", END),
    "Qwen-Instruct": (
        lambda: byte_level(SPECIAL[:3], eos_token="<|im_end|>", pad_token=END, template=CHATML),
        "document",
        END,
    ),
    "SmolLM2-Instruct": (smollm, "document", END),
    "OLMo-Instruct": (lambda: byte_level([END], bos_token=END, eos_token=END, template=TULU), "document", END),
    "Llama 2": (
        lambda: byte_level(["<s>", "</s>"], added=["<s>"], bos_token="<s>", eos_token="</s>", template=LLAMA),
        "bos",
        "<s>",
    ),
    "Llama 3": (
        lambda: byte_level(
            ["<|begin_of_text|>", "<|end_of_text|>"], added=["<|begin_of_text|>"], bos_token="<|begin_of_text|>",
            eos_token="<|end_of_text|>",
        ),
        "bos",
        "<|begin_of_text|>",
    ),
    "BLOOM": (lambda: byte_level(["<s>", "</s>"], bos_token="<s>", eos_token="</s>"), "document", "</s>"),
    "OPT": (lambda: byte_level(["</s>"], added=["</s>"], bos_token="</s>", eos_token="</s>"), "bos", "</s>"),
    "XLNet": (
        lambda: byte_level(["<s>", "</s>", "<eod>"], bos_token="<s>", eos_token="</s>"),
        "document",
        "<eod>",
    ),
    "chat marker by post-processor": (
        lambda: byte_level(SPECIAL[:3], added=[IM_START], bos_token=IM_START, eos_token="<|im_end|>", template=CHATML),
        "document",
        END,
    ),
    "BOS only": (lambda: byte_level(["<s>"], bos_token="<s>"), "bos", "<s>"),
    "nothing": (lambda: byte_level(["<pad>"], pad_token="<pad>"), "none", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_tokenizer_says_what_stands_before_a_text(name, causal_folder):
    make, kind, text = TOKENIZERS[name]
    tokenizer = Tokenizer(make(), name)
    start = find_start(ModelSource.parse(f"file:{causal_folder}"), tokenizer)
    assert (start.kind, start.text) == (kind, text)
    assert start.ids == (() if kind == "none" else (tokenizer.identity(text),))


def test_known_models_that_their_tokenizers_say_nothing_of(monkeypatch, causal_folder):
    fast = byte_level(["<s>", "</s>", "<bos>", "<eos>"], bos_token="<s>", eos_token="</s>")
    rinna = ModelSource("hub", "rinna/japanese-gpt2-medium")
    monkeypatch.setattr(ModelSource, "_has_modules", False)
    monkeypatch.setattr(ModelSource, "configuration", {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"})
    assert find_start(rinna, Tokenizer(fast, "rinna")).text == "<s>"
    assert find_start(ModelSource("hub", "someone/gpt2"), Tokenizer(fast, "other")).text == "</s>"
    assert find_start(rinna, Tokenizer(fast, "rinna"), "document").text == "</s>"
    gemma = {"architectures": ["Gemma4ForCausalLM"], "model_type": "gemma4_text"}
    monkeypatch.setattr(ModelSource, "configuration", gemma)
    fast = byte_level(["<bos>", "<eos>"], bos_token="<bos>", eos_token="<eos>")
    assert find_start(ModelSource("hub", "google/gemma"), Tokenizer(fast, "gemma")).text == "<bos>"
    assert all(known.source for known in KNOWN)


@pytest.mark.parametrize(
    ("option", "before"),
    [
        ("auto", [END]),
        ("document", [END]),
        ("bos", [IM_START]),
        ("\n", ["Ċ"]),
        (f"{END}{IM_START}\n", [END, IM_START, "Ċ"]),
    ],
)
def test_values_are_those_of_transformers_after_the_very_start(chat_name, option, before):
    model = load_model(chat_name, device="cpu", start=option)
    start = model.tokenizer.fast.convert_tokens_to_ids(before)
    for text in TEXT[:4]:
        ids = torch.tensor([start + list(model.tokenizer.encode(text).ids)])
        with torch.no_grad():
            labels = ids.masked_fill(torch.arange(ids.shape[1]) < len(start), -100)
            loss = model.network(ids, labels=labels).loss.item() * (ids.shape[1] - len(start)) / math.log(2)
            logs = model.network(ids).logits[0].log_softmax(-1)
        asked = MEASURES["sentence_surprisal"]
        table = asked.function(model, sentence_trials([text]), asked.options())
        assert table["value"].item() == pytest.approx(loss, abs=1e-3)
        options = MEASURES["surprisal"].options(words="all", units=["token"])
        tokens = MEASURES["surprisal"].function(model, sentence_trials([text]), options)
        first = -logs[len(start) - 1, ids[0, len(start)]].item() / math.log(2)
        assert tokens["value"].iloc[0] == pytest.approx(first, abs=1e-4)


def test_without_a_start_the_first_word_has_no_value(chat_name):
    model = load_model(chat_name, device="cpu", start="none")
    options = MEASURES["surprisal"].options(words="all")
    table = MEASURES["surprisal"].function(model, sentence_trials([TEXT[0]]), options)
    assert table["value"].isna().tolist() == [True] + [False] * 7
    assert "stands before it" in table["note"].iloc[0]
    ids = torch.tensor([model.tokenizer.encode(TEXT[0]).ids])
    with torch.no_grad():
        logs = model.network(ids).logits[0, :-1].log_softmax(-1)
    options = MEASURES["surprisal"].options(words="all", units=["token"])
    tokens = MEASURES["surprisal"].function(model, sentence_trials([TEXT[0]]), options)["value"]
    theirs = -logs.gather(1, ids[0, 1:, None])[:, 0] / math.log(2)
    known = tokens.dropna().to_numpy()
    assert known == pytest.approx(theirs[-len(known) :].numpy(), abs=1e-4)


def test_every_window_of_a_long_text_begins_with_the_start(chat_name):
    text = " ".join([TEXT[0]] * 8)
    model = load_model(chat_name, device="cpu", start=f"{END}\n")
    start, ids = model.tokenizer.start, model.tokenizer.encode(text).ids
    queries, _ = model.word_queries(ids, [(at, at + 1) for at in range(len(ids))], after=False)
    assert len(queries) > 1
    assert all(query.ids[:2] == start and len(query.ids) <= 64 for query in queries)
    blank = model.blank_query(ids, len(ids) - 1, len(ids))
    assert blank.ids == (*start, *ids[len(ids) - 1 - 62 : -1])


def test_the_start_of_xlnet_is_read_in_natural_order(permuted, tmp_path):
    folder = ModelSource.parse(permuted.info.name).folder
    assert permuted.info.start["text"] == "<s>"
    other = load_model(f"file:{folder}", device="cpu", start="none")
    queries, counts = other.word_queries((5, 6, 7), [(0, 1), (1, 3)])
    assert queries[0].ids == (5, 6, 7)
    assert counts == [0, 2]


def test_other_families_keep_their_special_tokens(masked, t5):
    for model in (masked, t5):
        assert model.info.start is None
        with pytest.raises(InputError, match="its own special tokens"):
            load_model(model.info.name, device="cpu", start="document")


def test_chat_templates_keep_theirs(chat_name):
    prompts = {
        option: prompt_tokens(load_model(chat_name, device="cpu", start=option), "Is it so?", chat=True)
        for option in ("auto", "bos", "none")
    }
    assert len(set(prompts.values())) == 1
    tokenizer = load_model(chat_name, device="cpu").tokenizer
    assert prompts["auto"][0] == tokenizer.identity(IM_START)
    plain = prompt_tokens(load_model(chat_name, device="cpu"), "Is it so?", chat=False)
    assert plain[0] == tokenizer.identity(END)


@pytest.mark.parametrize("option", ["documents", "Bos", ""])
def test_a_misspelt_start_is_no_text(chat_name, option):
    with pytest.raises(InputError, match="expected auto, document, bos, none, or a text"):
        load_model(chat_name, device="cpu", start=option)


def test_a_model_without_what_is_asked_is_refused_before_it_is_loaded(headless_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("psylm.models.load._network", lambda *_: pytest.fail("a model was loaded"))
    for option, found in (("bos", "no BOS"), ("document", "no separator of documents")):
        with pytest.raises(InputError, match=found):
            load_model(f"file:{plain_folder(tmp_path, headless_folder)}", device="cpu", start=option)


def plain_folder(tmp_path, folder):
    """The model with a vocabulary that has no special token."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import models

    copy = tmp_path / "plain"
    if not copy.exists():
        shutil.copytree(folder, copy)
        fast = PreTrainedTokenizerFast(tokenizer_object=Backend(models.WordLevel({"a": 0, "b": 1}, unk_token="a")))
        fast.save_pretrained(copy)
    return copy


def test_kept_scores_of_one_start_are_not_those_of_another(chat_name):
    asked, trials = MEASURES["sentence_surprisal"], sentence_trials(TEXT[:3])
    values = {}
    for option in ("auto", "bos", "auto", "bos"):
        scorer = Scorer(chat_name, device="cpu", dtype="float32", start=option, cache=ScoreCache())
        found = scorer.score(asked, asked.options(), trials)["value"].tolist()
        assert values.setdefault(option, found) == found
        assert scorer.info.start["text"] == {"auto": END, "bos": IM_START}[option]
    assert all(abs(a - b) > 0.01 for a, b in zip(*values.values(), strict=True))


@pytest.fixture
def study(tmp_path):
    (tmp_path / "experiments").mkdir()
    folder = tmp_path / "stimuli" / "few"
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(
        "name: few\ntitle: Few\nversion: 1.0.0\nlanguage: en\nparadigm: cloze\nlicence: CC0-1.0\n"
        "citation: Written for this test\ndescription: Two sentences.\n"
        "columns: {item: its number, condition: none, sentence: the sentence, target: a word}\n"
    )
    lines = [f'{number},a,"{text}",soup' for number, text in enumerate(["The cook tasted the soup.", "A soup is hot."])]
    (folder / "items.csv").write_text("item,condition,sentence,target\n" + "\n".join(lines) + "\n")
    return Study(tmp_path)


def experiment(study, model, rest=""):
    path = study.root / "experiments" / "e.yaml"
    path.write_text(f'name: e\nstimuli: [few]\nmodels: ["{model}"]\nmeasures: [surprisal]\ndevice: cpu\n{rest}')
    return path


def test_the_start_stands_in_manifest_and_report_and_a_run_with_another_is_refused(chat_name, study, tmp_path):
    path = experiment(study, chat_name)
    output = tmp_path / "run"
    finished = run(path, output=output, study=study)
    said = Run(output).manifest
    assert said["experiment"]["start"] == "auto"
    assert said["models"][chat_name]["start"]["text"] == END
    assert "marks the turns of a chat" in said["models"][chat_name]["start"]["reason"]
    page = write_report(finished, study.analysis_module).read_text(encoding="utf-8")
    assert f"<code>{END.replace('<', '&lt;').replace('>', '&gt;')}</code>: separator of documents" in page
    with pytest.raises(PsylmError, match="differs in start"):
        run(path, output=output, study=study, overrides=["start=bos"])
    again = run(output / "manifest.json", output=tmp_path / "again", study=study, overrides=["start=none"])
    assert again.manifest["models"][chat_name]["start"]["kind"] == "none"


def test_each_model_may_have_its_own_start(chat_name, masked_folder, study, tmp_path):
    start = f'start: {{"{chat_name}": "\\n"}}\nlesions: [{{kind: temperature, strengths: [2]}}]\n'
    finished = run(experiment(study, chat_name, start), output=tmp_path / "run", study=study)
    assert {name: model["start"]["text"] for name, model in finished.manifest["models"].items()} == {
        chat_name: "\n",
        f"{chat_name}#temperature=2.0": "\n",
    }
    repeated = run(finished.path / "manifest.json", output=tmp_path / "again", study=study, analyse=False)
    assert repeated.results.equals(finished.results)
    both = read_experiment(experiment(study, chat_name, "start: bos\n"), [f"models=[file:{masked_folder},{chat_name}]"])
    assert [both.start_of(model) for model in both.models] == ["auto", "bos"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("start: documents\n", "line 6, key start.*expected.*auto, document, bos, none, or a text"),
        ('start: {"hub:other": bos}\n', "one of the experiment's models, not hub:other"),
    ],
)
def test_a_mistake_in_a_config_names_its_place(chat_name, study, setting, message):
    with pytest.raises(InputError, match=message):
        read_experiment(experiment(study, chat_name, setting))


def test_the_check_shows_how_far_starts_differ(chat_name, masked):
    table = compare_starts(chat_name, device="cpu").set_index("options")
    assert list(table.index) == ["auto, document", "bos", "\n", "none"]
    assert list(table["start"]) == [END, IM_START, "\n", ""]
    assert table["first"].isna().tolist() == [False, False, False, True]
    assert table["bits"].nunique() == 4
    assert all(table[kind].between(0, len(pairs)).all() for kind, pairs in PAIRS.items())
    assert compare_starts(masked.info.name, device="cpu").empty


def test_score_takes_a_start(chat_name, tmp_path):
    from typer.testing import CliRunner

    from psylm.cli.main import app

    (tmp_path / "in.txt").write_text("The cook tasted the soup.\n")
    values = {}
    for option in ("document", "bos"):
        words = [
            "score",
            "--model",
            chat_name,
            "--input",
            str(tmp_path / "in.txt"),
            "--output",
            str(tmp_path / "o.csv"),
        ]
        outcome = CliRunner().invoke(
            app, [*words, "--device", "cpu", "--start", option, "--measure", "sentence_surprisal"]
        )
        assert outcome.exit_code == 0, outcome.output
        values[option] = float((tmp_path / "o.csv").read_text().strip().split(",")[-1])
    assert abs(values["document"] - values["bos"]) > 0.01


def test_the_embedded_model_reads_plain_text_after_its_document_separator():
    folder = ModelSource.parse("embedded:smollm2-135m").folder
    from transformers import AutoTokenizer

    tokenizer = Tokenizer(AutoTokenizer.from_pretrained(folder), "smollm2")
    start = find_start(ModelSource.parse("embedded:smollm2-135m"), tokenizer)
    assert (start.text, start.kind) == (END, "document")
    assert json.dumps(start.described())


def test_a_sentencepiece_start(causal_folder):
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    tokenizer = Tokenizer(pieces(special, ["</s>"]), "rinna-like")
    source = ModelSource.parse(f"file:{causal_folder}")
    assert find_start(source, tokenizer).text == "</s>"
    assert find_start(source, tokenizer, "bos").ids == (tokenizer.identity("<s>"),)
    assert find_start(source, tokenizer, "<s>").ids == (tokenizer.identity("<s>"),)
