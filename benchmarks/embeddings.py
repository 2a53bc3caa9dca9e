"""Embeddings per second next to sentence-transformers' `encode`, in one process, turn by turn.

    python benchmarks/embeddings.py [--sentences 1000] [--turns 5] [--threads 2]

Prints each one's best and median turn, by the clock and by the processor's time (which other processes on the machine
change less), the ratios, and the largest difference between vectors.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

import psylm
from psylm.models.embedded import EMBEDDED
from psylm.models.embedding import embed

NAME = "minilm-l6"
WORDS = (
    "the a old new small red quiet cook woman teacher river market letter window child garden storm opened carried "
    "saw found near under behind before after and but because slowly never often bread music light winter"
)


def sentences(count: int, seed: int = 1) -> list[str]:
    """Strings of words of 4 to 30 words, most of them short, as sentences are."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.lognormal(2.4, 0.5, count).round(), 4, 30).astype(int)
    words = WORDS.split()
    return [" ".join(rng.choice(words, length)) + "." for length in lengths]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    texts = sentences(chosen.sentences)
    ours = psylm.load_model(f"embedded:{NAME}", device="cpu")
    theirs = SentenceTransformer(str(EMBEDDED[NAME].folder()), device="cpu")
    runs = {"psylm": lambda: embed(ours, texts)[-1], "sentence-transformers": lambda: theirs.encode(texts)}
    clocks = {"elapsed": time.perf_counter, "processor": time.process_time}
    times: dict[str, dict[str, list[float]]] = {clock: {name: [] for name in runs} for clock in clocks}
    vectors = {name: run() for name, run in runs.items()}  # warm
    for _ in range(chosen.turns):
        for name, run in runs.items():
            begun = {clock: now() for clock, now in clocks.items()}
            run()
            for clock, now in clocks.items():
                times[clock][name].append(now() - begun[clock])
    print(f"{len(texts)} sentences, {sum(len(text.split()) for text in texts)} words, {chosen.threads} threads")
    for clock, mine in times.items():
        best = {name: len(texts) / min(seconds) for name, seconds in mine.items()}
        middle = {name: len(texts) / float(np.median(seconds)) for name, seconds in mine.items()}
        for name in runs:
            print(f"{name:22} {best[name]:7.1f} a second of {clock} time (median {middle[name]:.1f})")
        ratios = [rates["psylm"] / rates["sentence-transformers"] for rates in (best, middle)]
        print(f"ratio                  {ratios[0]:7.2f} (median {ratios[1]:.2f})")
    print(f"largest difference     {np.abs(vectors['psylm'] - vectors['sentence-transformers']).max():.1e}")


if __name__ == "__main__":
    main()
