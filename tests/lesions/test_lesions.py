"""Lesions: names, what they do to a network against the same done by hand, and that nothing of them stays."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from psylm.common.errors import InputError, PsylmError
from psylm.lesions import Lesion, lesioned
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.lesion_kinds import LESION_KINDS
from psylm.models.names import ModelSource
from psylm.models.trained import ScratchNetwork
from tests.conftest import TEXT

ENGLISH = TEXT[:5]


def scored(model, texts=ENGLISH, name="surprisal", **options):
    """Values of every word, with nothing remembered."""
    model.remembered.clear()
    asked = MEASURES[name]
    chosen = asked.options(**({"words": "all"} if name == "surprisal" else {}) | options)
    return asked.function(model, sentence_trials(list(texts)), chosen)["value"].to_numpy()


@given(
    st.lists(
        st.sampled_from(
            ["heads=0.1+3.2", "mean-heads=1.1", "layers=2+5", "random-heads=0.25@3", "random-heads=7@3",
             "important-heads=0.5", "unimportant-heads=3", "temperature=0.5", "span=8", "noise=0.1@1",
             "dropout=0.1@4294967295", "thinned=0.2@0", "positions=none", "shuffle=4@2", "random=7"]
        ),
        min_size=1, unique_by=lambda change: change.split("=")[0],
    )
)  # fmt: skip
def test_a_lesion_is_written_as_it_is_read(changes):
    lesion = Lesion.parse(",".join(changes), "")
    assert str(lesion) == ",".join(changes)
    assert Lesion.parse(str(lesion), "") == lesion


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a change ''"), ("heads", "a change 'heads'"), ("head=1.2", "a change 'head=1.2'"), ("heads=", "heads ''"),
        ("heads=3", "heads '3'"), ("heads=1.2+1.2", "heads '1.2+1.2'"), ("layers=1.2", "layers '1.2'"),
        ("random-heads=0.25", "random-heads '0.25'"), ("random-heads=1.5@1", "random-heads '1.5@1'"),
        ("random-heads=0.2@-1", "random-heads '0.2@-1'"), ("temperature=0", "temperature '0'"),
        ("temperature=nan", "temperature 'nan'"), ("span=0", "span '0'"), ("span=2.5", "span '2.5'"),
        ("noise=0.1@", "noise '0.1@'"), ("dropout=1@1", "dropout '1@1'"), ("positions=all", "positions 'all'"),
        ("random=", "random ''"), ("random=0.5", "random '0.5'"), ("random=4294967296", "random '4294967296'"),
        ("texts=nowhere.txt", "texts 'nowhere.txt'"), ("span=2,span=3", "span a second time"),
        ("heads=1.2,", "a change ''"), ("heads=1.٢", "heads '1.٢'"),
    ],
)  # fmt: skip
def test_what_is_no_lesion_is_told_with_what_would_be_one(text, found):
    with pytest.raises(InputError) as error:
        Lesion.parse(text, "model 'm'")
    (problem,) = error.value.problems
    assert problem.found == found
    assert problem.expected
    kind = text.partition("=")[0]
    assert kind not in LESION_KINDS or "=" not in text or "," in text or problem.expected.startswith(f"{kind}=")


def test_the_name_of_a_lesioned_model_is_read_and_written(causal_folder):
    source = ModelSource.parse(f"file:{causal_folder}#heads=0.1,temperature=2")
    assert source.name == f"file:{causal_folder}#heads=0.1,temperature=2.0"
    assert source.intact == ModelSource.parse(f"file:{causal_folder}")
    assert source.family == "causal"
    assert source.identity != source.intact.identity
    assert source.identity != ModelSource.parse(f"file:{causal_folder}#heads=0.1").identity
    with pytest.raises(InputError, match="a lesion of wordfreq"):
        ModelSource.parse("wordfreq:en#heads=0.1")


def by_hand(model, sites):
    """Zero the slices of W^O that belong to heads, given as (layer, head); returns what undoes it."""
    network = model.network
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for layer, head in sites:
            if isinstance(network, ScratchNetwork):
                weight = network.model.stack.layers[layer].attention.W_O.weight  # [width, heads * d]
                heads = network.model.stack.layers[layer].attention.heads
            elif network.config.model_type == "gpt2":
                weight = network.transformer.h[layer].attn.c_proj.weight.T  # stored transposed
                heads = network.config.n_head
            elif network.config.model_type == "llama":
                weight = network.model.layers[layer].self_attn.o_proj.weight
                heads = network.config.num_attention_heads
            else:
                weight = network.bert.encoder.layer[layer].attention.output.dense.weight
                heads = network.config.num_attention_heads
            size = weight.shape[1] // heads
            weight[:, head * size : (head + 1) * size] = 0
    return lambda: network.load_state_dict(kept)


@pytest.mark.parametrize("name", ["causal", "llama", "masked", "own_gpt"])
@pytest.mark.parametrize("heads", [[(0, 1)], [(1, 0)], [(0, 0), (1, 1)]])
def test_a_head_without_output_is_a_head_without_its_slice_of_the_output_matrix(name, heads, request):
    model = request.getfixturevalue(name)
    measure = "pseudo_log_likelihood" if name == "masked" else "surprisal"
    intact = scored(model, name=measure)
    with lesioned(model, "heads=" + "+".join(f"{layer}.{head}" for layer, head in heads)):
        lesion = scored(model, name=measure)
    undo = by_hand(model, heads)
    try:
        # the last layer of an encoder has a way of its own, which sees the weights as well
        hand = scored(model, name=measure)
    finally:
        undo()
    assert lesion == pytest.approx(hand, abs=1e-4, nan_ok=True)
    assert abs(lesion - intact).max() > 0.01
    assert (scored(model, name=measure) == intact).all()


def hooks_of(model):
    """Return what is called before and after each part of a network."""
    return [[*module._forward_hooks, *module._forward_pre_hooks] for module in model.network.modules()]


@pytest.mark.parametrize("name", ["causal", "llama", "masked", "own_gpt"])
def test_nothing_of_a_lesion_stays_even_after_an_error(name, request):
    model = request.getfixturevalue(name)
    measure = "pseudo_log_likelihood" if name == "masked" else "surprisal"
    before = scored(model, name=measure)
    state = {key: value.clone() for key, value in model.network.state_dict().items()}
    attributes = set(model.__dict__) | {"_branches", "_last_layer"}
    info, remembered, hooks = model.info, model.remembered, hooks_of(model)
    everything = "heads=0.1,layers=1,temperature=3,random-heads=0.5@1" + ("" if name == "masked" else ",span=2")
    with pytest.raises(ZeroDivisionError), lesioned(model, everything):
        assert abs(scored(model, name=measure) - before).max() > 0.01
        raise ZeroDivisionError
    assert (scored(model, name=measure) == before).all()
    assert all((value == state[key]).all() for key, value in model.network.state_dict().items())
    assert model.info is info and model.remembered is remembered
    assert set(model.__dict__) <= attributes
    assert hooks_of(model) == hooks  # transformers may have some of its own
    for module in model.network.modules():
        assert not any(key.startswith("_psylm") or key == "_attend" for key in module.__dict__)
    if name != "own_gpt":
        assert model.network.config._attn_implementation == "sdpa"


def scores_of(network, ids, temperature=1.0, span=None):
    """Logits of the tiny GPT-2 by the equations alone, its attention divided by a temperature or kept short."""
    body, config = network.transformer, network.config
    n, heads, width = ids.shape[1], config.n_head, config.n_embd
    x = body.wte(ids) + body.wpe(torch.arange(n))
    seen = torch.ones(n, n).tril().bool()
    if span is not None:  # the first token, which begins every text, is seen from everywhere
        seen &= torch.ones(n, n).triu(-(span - 1)).bool() | (torch.arange(n) == 0)
    for block in body.h:
        Q, K, V = (
            part.view(1, n, heads, -1).transpose(1, 2) for part in block.attn.c_attn(block.ln_1(x)).split(width, 2)
        )
        scores = Q @ K.mT / (width / heads) ** 0.5 / temperature
        A = scores.masked_fill(~seen, -torch.inf).softmax(-1)
        x = x + block.attn.c_proj((A @ V).transpose(1, 2).flatten(2))
        x = x + block.mlp(block.ln_2(x))
    return network.lm_head(body.ln_f(x))


@pytest.mark.parametrize("change", ["temperature=1.0", "temperature=2.5", "temperature=0.3", "span=1", "span=3"])
def test_temperature_and_span_against_the_equations(change, causal):
    kind, _, value = change.partition("=")
    text = "The cook tasted the soup and added salt."
    ids = torch.tensor([causal.sequence(causal.tokenizer.encode(text).ids)])
    with torch.no_grad():
        hand = scores_of(causal.network, ids, **{kind: int(value) if kind == "span" else float(value)})
        expected = -hand.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None]).sum() / torch.log(torch.tensor(2.0))
    with lesioned(causal, change):
        (found,) = scored(causal, [text], "sentence_surprisal")
    assert found == pytest.approx(float(expected), abs=1e-3)


def test_a_layer_that_is_passed_by_is_a_layer_that_is_not_there(llama, masked):
    for model, layers, measure in (
        (llama, llama.network.model.layers, "surprisal"),
        (masked, masked.network.bert.encoder.layer, "pseudo_log_likelihood"),
    ):
        with lesioned(model, "layers=0"):
            lesion = scored(model, name=measure)
        first = layers._modules.pop("0")
        second = layers._modules.pop("1")
        layers._modules["0"] = second
        count, model.network.config.num_hidden_layers = model.network.config.num_hidden_layers, 1
        shortcut = model.__dict__.pop("_last_layer", None)
        try:
            hand = scored(model, name=measure)
        finally:
            layers._modules["0"], layers._modules["1"] = first, second
            model.network.config.num_hidden_layers = count
            if "_last_layer" in model.__dict__:
                model.__dict__["_last_layer"] = shortcut
        assert lesion == pytest.approx(hand, abs=1e-4)


def test_random_weights_are_those_that_the_configuration_draws(causal_folder, causal):
    from transformers import AutoConfig, GPT2LMHeadModel

    model, again, other = (load_model(f"file:{causal_folder}#random={seed}", device="cpu") for seed in (5, 5, 6))
    torch.manual_seed(5)
    expected = GPT2LMHeadModel(AutoConfig.from_pretrained(causal_folder)).state_dict()
    mine = model.network.state_dict()
    assert all((mine[key] == value).all() for key, value in expected.items())
    assert (scored(model) == scored(again)).all()
    assert abs(scored(model) - scored(other)).max() > 0.01
    assert abs(scored(model) - scored(causal)).max() > 0.01
    assert model.info.lesion == {
        "changes": "random=5",
        "facts": [{"kind": "random", "strength": None, "seed": 5}],
    }


def test_a_model_is_lesioned_by_its_name(causal_folder, causal):
    name = f"file:{causal_folder}#heads=0.1,temperature=2"
    model = load_model(name, device="cpu")
    with lesioned(causal, "heads=0.1,temperature=2"):
        assert (scored(model) == scored(causal)).all()
        assert causal.info.lesion == model.info.lesion
    assert model.info.name == name
    with pytest.raises(InputError, match="a model with a lesion"), lesioned(model, "span=3"):
        pass


def test_random_heads_are_so_many_and_of_one_seed_among_more(llama):
    def heads(change):
        with lesioned(llama, change):
            return set(llama.info.lesion["facts"][0]["heads"])

    few, many, others = heads("random-heads=0.25@1"), heads("random-heads=5@1"), heads("random-heads=5@2")
    assert len(few) == 2 and len(many) == len(others) == 5
    assert few < many != others
    with pytest.raises(InputError, match="at most 8 heads"), lesioned(llama, "random-heads=9@1"):
        pass


@pytest.mark.parametrize(
    ("change", "expected"),
    [("heads=2.0", "heads 0.0 to 1.3"), ("heads=0.4", "heads 0.0 to 1.3"), ("layers=2", "layers 0 to 1"),
     ("heads=e0.1", "heads 0.0 to 1.3")],
)  # fmt: skip
def test_what_a_model_lacks_is_told(change, expected, llama):
    with pytest.raises(InputError, match=expected), lesioned(llama, change):
        pass


@pytest.mark.parametrize(
    ("change", "found"),
    [("heads=2.0+0.0", "heads 2.0"), ("mean-heads=0.2", "mean-heads 0.2"), ("layers=0+9", "layers 9"),
     ("heads=e0.0", "heads e0.0"), ("heads=1.1,layers=1", None)],
)  # fmt: skip
def test_what_a_model_lacks_is_told_before_it_is_loaded(change, found, causal_folder, monkeypatch):
    from psylm.experiment.plan import check_models

    monkeypatch.setattr("psylm.models.load._network", None)
    name = f"file:{causal_folder}#{change}"
    if found is None:
        check_models([name], [])
        return
    with pytest.raises(InputError) as error:
        check_models([name], [])
    (problem,) = error.value.problems
    assert problem.found == found
    assert problem.expected.endswith("up to 1" if "layers=" in change else "up to 1.1")


def test_encoders_and_decoders_are_counted_apart(tmp_path):
    from psylm.lesions.check import lesion_problems

    for kind, config in (
        ("T5", {"model_type": "t5", "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4}),
        ("Bart", {"model_type": "bart", "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4,
                  "decoder_attention_heads": 4}),
    ):  # fmt: skip
        architecture = {"architectures": [f"{kind}ForConditionalGeneration"], "is_encoder_decoder": True}
        (tmp_path / "config.json").write_text(json.dumps(config | architecture), encoding="utf-8")
        source = ModelSource.parse(f"file:{tmp_path}#heads=e1.3+d2.3+c2.3,layers=d2")
        assert lesion_problems(source) == []
        source = ModelSource.parse(f"file:{tmp_path}#heads=e2.0+d0.4+0.0,layers=e2")
        assert [problem.found for problem in lesion_problems(source)] == [
            "heads e2.0", "heads d0.4", "heads 0.0", "layers e2"
        ]  # fmt: skip


def test_an_architecture_whose_attention_cannot_be_changed_is_refused(tmp_path, causal_folder):
    import shutil

    from transformers import BloomConfig, BloomForCausalLM

    folder = tmp_path / "bloom"
    shutil.copytree(causal_folder, folder)
    size = load_model(f"file:{causal_folder}", device="cpu").info.vocabulary
    BloomForCausalLM(BloomConfig(vocab_size=size, hidden_size=16, n_layer=1, n_head=2)).save_pretrained(folder)
    with pytest.raises(PsylmError, match="found no attention that can be changed in BloomForCausalLM"):
        load_model(f"file:{folder}#heads=0.1", device="cpu")


def test_a_config_names_lesions_in_bulk(causal_folder, tmp_path, monkeypatch):
    import psylm
    from psylm.common.study import Study

    (tmp_path / "experiments").mkdir()
    folder = tmp_path / "stimuli" / "pairs"
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text(
        "name: pairs\ntitle: t\nversion: 1.0.0\nlanguage: en\nparadigm: p\nlicence: CC0-1.0\n"
        "citation: c\ndescription: d\n"
        "columns: {item: i, fit: f, sentence: s, target: t}\nfactors: {fit: [good, bad]}\n"
    )
    (folder / "items.csv").write_text(
        "item,fit,sentence,target\n1,good,The cook tasted soup.,soup\n1,bad,The cook tasted salt.,salt\n"
    )
    path = tmp_path / "experiments" / "bulk.yaml"
    text = (
        f"name: bulk\nstimuli: [pairs]\nmodels: ['file:{causal_folder}']\nmeasures: [surprisal]\nlesions:\n"
        "  - {kind: random-heads, strengths: [0, 0.5], seeds: 2}\n  - {kind: heads, strengths: ['0.1+1.0']}\n"
    )
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    run = psylm.run("bulk", study=Study(tmp_path), output="out", analyse=False)
    intact = f"file:{causal_folder}"
    changes = ["random-heads=0.5@1", "random-heads=0.5@2", "heads=0.1+1.0"]
    assert run.model_names == [intact, *(f"{intact}#{change}" for change in changes)]
    known = [run.manifest["models"][name]["lesion"] for name in run.model_names]
    assert known[0] is None
    assert [lesion["changes"] for lesion in known[1:]] == changes
    assert known[3]["facts"] == [
        {"kind": "heads", "strength": None, "seed": None, "heads": ["0.1", "1.0"], "of": 4}
    ]  # fmt: skip
    with lesioned(load_model(intact, device="cpu"), "heads=0.1+1.0") as model:
        asked = MEASURES["surprisal"]
        (expected,) = asked.function(
            model, sentence_trials(["The cook tasted soup."], targets=["soup"]), asked.options()
        )["value"]
    rows = run.results
    mine = rows[(rows["model"] == f"{intact}#heads=0.1+1.0") & (rows["condition"] == "good")]
    assert mine["value"].iloc[0] == pytest.approx(expected, abs=1e-4)
    again = psylm.run("out/manifest.json", study=Study(tmp_path), output="again", analyse=False)
    assert again.model_names == run.model_names
    for wrong, expected in (
        ("strengths: [0, 0.5]", "strengths: [0, 1.5]"), ("kind: heads", "kind: head"), ("['0.1+1.0']", "['0.1+']"),
    ):  # fmt: skip
        path.write_text(text.replace(wrong, expected))
        with pytest.raises(InputError, match=r"bulk.yaml, line [67], key lesions"):
            psylm.run("bulk", study=Study(tmp_path), output="wrong", analyse=False)
