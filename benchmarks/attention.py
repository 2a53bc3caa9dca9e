"""Attention of many sentences by words, in psylm and in the obvious loop over `output_attentions`: time and memory.

    python benchmarks/attention.py                        # all ways on 200 sentences
    python benchmarks/attention.py --sentences 10000 --only "psylm maps" --width 144    # is memory bounded?

Each way runs in a process of its own, on a GPT-2 of the base size with random weights (12 layers of 12 heads; another
width changes its weights, not what attention takes), and tells its time and its own peak of memory. All reduce
attention to the measures of one query a sentence; the last line says that all gave the same. `psylm` keeps measures by
layer and head, `psylm maps` also maps between all words. Ratios are of processor time, which other work disturbs less.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

WAYS = ("psylm", "psylm maps", "loop", "batched loop")


def make_model(folder: Path, width: int) -> None:
    """Write a GPT-2 of the base size with random weights, and a byte-level tokenizer trained on the sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=["<|end|>"], show_progress=False)
    tokenizer.train_from_iterator(sentences(500), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|end|>", eos_token="<|end|>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(fast), n_embd=width, bos_token_id=0, eos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(folder)


def sentences(count: int) -> list[str]:
    """Make sentences of 7 to 30 words, each with keys before its verb, written here."""
    random = np.random.default_rng(0)
    words = ["old", "very", "small", "green", "heavy", "rusty", "curious", "forgotten", "quiet", "strange", "useful"]
    made = []
    for _ in range(count):
        adjectives = " ".join(random.choice(words, int(random.integers(1, 13))))
        rest = " ".join(random.choice(words, int(random.integers(1, 13))))
        made.append(f"The keys to the {adjectives} cabinet are {rest}.")
    return made


def trials(count: int) -> Any:
    """Return the sentences with their regions."""
    from psylm.measures.trials import sentence_trials

    made = sentences(count)
    places = {"subject": "keys", "local": "cabinet", "verb": "are"}
    regions = [
        json.dumps(
            [
                [name, text.index(f" {word} ") + 1, text.index(f" {word} ") + 1 + len(word)]
                for name, word in places.items()
            ]
        )
        for text in made
    ]
    return sentence_trials(made, regions=regions)


def by_psylm(folder: Path, count: int, maps: bool) -> tuple[list[float], list[float]]:
    """Measure in parts, as a run does, so that arrays can be written and forgotten."""
    from psylm import load_model
    from psylm.experiment.plan import chunks
    from psylm.measures import MEASURES

    model, asked = load_model(f"file:{folder}", device="cpu"), MEASURES["attention"]
    options = asked.options(query="verb", target="subject", distractor="local", at="word", maps=maps)
    table, values = trials(count), {}
    begun = time.perf_counter(), time.process_time()
    for part in chunks(table, 48, asked.together):
        _, arrays = asked.function(model, part, options)
        values |= {trial: float(array.mean()) for trial, array in arrays["attention_target"].items()}
    return [time.perf_counter() - begun[0], time.process_time() - begun[1]], [values[trial] for trial in sorted(values)]


def by_loop(folder: Path, count: int, batch: int) -> tuple[list[float], list[float]]:
    """Do the obvious: eager attention, all layers' maps of each batch of texts, then the rows that are wanted."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from psylm.stimuli.regions import parse_regions

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    table, values = trials(count), []
    begun = time.perf_counter(), time.process_time()
    for start in range(0, count, batch):
        part = table.iloc[start : start + batch]
        texts = [tokenizer.bos_token + text for text in part["sentence"]]
        encoded = tokenizer(texts, return_tensors="pt", padding=True, return_offsets_mapping=True)
        offsets = encoded.pop("offset_mapping")
        with torch.inference_mode():
            maps = torch.stack(model(**encoded, output_attentions=True).attentions, 1)  # [batch, layers, heads, n, n]
        for number, regions in enumerate(part["regions"]):
            shift = len(tokenizer.bos_token)
            place = {name: (start + shift, end + shift) for name, start, end in parse_regions(regions)}
            tokens = {
                name: [t for t, (_, end) in enumerate(offsets[number].tolist()) if first < end <= last]
                for name, (first, last) in place.items()
            }
            rows = maps[number][:, :, tokens["verb"]].mean(2)
            values.append(rows[..., tokens["subject"]].sum(-1).mean().item())
    return [time.perf_counter() - begun[0], time.process_time() - begun[1]], values


def child(way: str, folder: Path, count: int) -> None:
    """Run one way and print what it took."""
    if way.startswith("psylm"):
        seconds, values = by_psylm(folder, count, maps=way.endswith("maps"))
    else:
        seconds, values = by_loop(folder, count, 64 if way.startswith("batched") else 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds[0], "cpu": seconds[1], "peak": peak / 2**20, "values": values}))


def measured(way: str, folder: Path, count: int) -> dict[str, Any]:
    """Run one way in a process of its own."""
    command = [sys.executable, __file__, "--child", way, "--folder", str(folder), "--sentences", str(count)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def main() -> None:
    """Compare the ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--only", choices=WAYS, help="run one way only")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, asked.folder, asked.sentences)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_model(folder, asked.width)
        ways = [asked.only] if asked.only else list(WAYS)
        found = {way: measured(way, folder, asked.sentences) for way in ways}
    print(f"{asked.sentences} sentences, 12 layers of 12 heads, {torch.get_num_threads()} threads, float32")
    print(f"{'':14}{'seconds':>9}{'CPU s':>8}{'sentences/CPU s':>17}{'peak GiB':>10}{'time, x':>9}{'memory, x':>11}")
    first = found[ways[0]]
    for way, mine in found.items():
        ratios = f"{mine['cpu'] / first['cpu']:9.2f}{mine['peak'] / first['peak']:11.2f}"
        speed = asked.sentences / mine["cpu"]
        print(f"{way:14}{mine['seconds']:9.1f}{mine['cpu']:8.1f}{speed:17.1f}{mine['peak']:10.2f}{ratios}")
    worst = max(np.abs(np.subtract(mine["values"], first["values"])).max() for mine in found.values())
    print(f"largest difference in attention to the subject: {worst:.1e}")


if __name__ == "__main__":
    main()
