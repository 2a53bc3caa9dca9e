"""psylm and minicons on the same models and sentences, in one run, each checked to give the same numbers.

    python benchmarks/scoring.py                    # every task; about 40 minutes on two cores
    python benchmarks/scoring.py --task pll --small # one task, a few minutes
    python benchmarks/scoring.py --agreement        # no timing: do the two give the same numbers for every variant?
    python benchmarks/scoring.py --again            # no peer: the same run again, from the kept scores

minicons gets an environment of its own, since it needs an older transformers, and its best batch size of those
tried. The last column is the share of the machine's own matrix-product peak, measured in the same run, that the
model's matrix products alone would need.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import material
import numpy as np

HERE = Path(__file__).parent
WORK = Path(os.environ.get("PSYLM_BENCHMARKS", HERE / ".work"))
BATCHES = {"pll": [1, 8, 64], "causal": [1, 8, 32], "pairs": [1, 8, 32], "cloze": [1, 10, 50]}
MODEL = {"pll": material.MASKED, "causal": material.CAUSAL, "pairs": material.CAUSAL, "cloze": material.CAUSAL}
TITLE = {
    "pll": "pseudo-log-likelihood, BERT-base size",
    "causal": "causal surprisal, GPT-2 size",
    "pairs": "minimal pairs, shared beginnings",
    "cloze": "cloze, 50 candidates a frame",
}


def make_material(task: str, small: bool) -> tuple[list[Any], list[Any]]:
    """Return what is scored, and a smaller part on which minicons' best batch size is found."""
    if task == "pll":
        made: list[Any] = material.sentences(16 if small else 64)
        return made, made  # a batch of 64 needs 64 sentences
    if task == "causal":
        made = list(material.sentences(240 if small else 2000))
        return made, made[:120]
    if task == "pairs":
        made = list(material.minimal_pairs(100 if small else 500))
        return made, made[:50]
    made = list(material.frames(4 if small else 20, 50))
    return made, made[:2]


def psylm_side() -> None:
    """Run one job with psylm: JSON in, JSON out, in a process of its own so that its peak memory is its own."""
    import torch

    from psylm import load_model
    from psylm.measures import MEASURES
    from psylm.measures.trials import sentence_trials

    job = json.load(sys.stdin)
    torch.set_num_threads(job["threads"])
    model = load_model(f"file:{job['model']}", device="cpu", dtype=job["dtype"], memory=job.get("memory"))

    def score(name: str, trials: Any, **options: Any) -> list[float]:
        measure = MEASURES[name]
        values = measure.function(model, trials, measure.options(**options))["value"]
        return [float(value) for value in values]

    def work(stuff: list[Any]) -> list[float]:
        model.remembered.clear()
        if job["task"].startswith("pll"):
            variant = "original" if job["task"] == "pll_original" else "within_word"
            return score("pseudo_log_likelihood", sentence_trials(stuff), variant=variant)
        if job["task"] == "words":
            quantities = ["log_probability"]
            return score("surprisal", sentence_trials(stuff), words="all", quantities=quantities, correction=False)
        if job["task"] == "cloze":
            asked = [(frame, word) for frame, words in stuff for word in words]
            trials = sentence_trials([f"{frame} {word}" for frame, word in asked], targets=[word for _, word in asked])
            trials["start"] = [len(frame) + 1 for frame, _ in asked]
            return score("surprisal", trials, quantities=["log_probability"], correction=False)
        flat = [one for pair in stuff for one in pair] if job["task"] == "pairs" else stuff
        return [-value * np.log(2) for value in score("sentence_surprisal", sentence_trials(flat))]

    work(job["material"][:1])
    began = time.perf_counter()
    values = work(job["material"])
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print("RESULT " + json.dumps({"values": values, "seconds": seconds, "peak": peak}))


def run(command: list[str], job: dict[str, Any]) -> dict[str, Any]:
    """Run one side in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": str(job["threads"]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, input=json.dumps(job), capture_output=True, text=True, check=False, env=environment, cwd=HERE
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    return result


def peer_python() -> str:
    """Return the Python of minicons' environment, made on first use."""
    folder = WORK / "minicons"
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        print("making an environment for minicons …", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(WORK / "torch.txt")]
        import torch

        (WORK / "torch.txt").write_text(f"torch=={torch.__version__.partition('+')[0]}\n")
        subprocess.run([*pip, "torch"], check=True)
        subprocess.run([*pip, "minicons", "transformers<5"], check=True)
        (folder / "ready").touch()
    return str(python)


def peak_flops(dtype: str, threads: int) -> float:
    """Measure the machine's matrix products: the best of ten, in operations a second."""
    import torch

    torch.set_num_threads(threads)
    one = torch.randn(2048, 2048).to(getattr(torch, dtype))
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - began)
    return 2 * 2048**3 / best


def needed_flops(task: str, stuff: list[Any], folder: Path) -> float:
    """Count the operations of the model's matrix products if nothing were computed twice and nothing padded.

    Causal texts share no beginnings in this count; the output layer is counted at the scored positions only, and so is
    a masked model's last layer but for its keys and values.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    layer, head = 12 * 768**2, 768 * len(tokenizer)
    body = 12 * layer
    if task == "pll":
        lengths = [len(tokenizer(sentence, add_special_tokens=False)["input_ids"]) for sentence in stuff]
        last, transform = 10 * 768**2, 768**2
        return float(sum(2 * n * ((n + 2) * (body - last) + last + head + transform) for n in lengths))
    flat = {
        "causal": lambda: stuff,
        "pairs": lambda: [one for pair in stuff for one in pair],
        "cloze": lambda: [f"{frame} {word}" for frame, words in stuff for word in words],
    }[task]()
    lengths = [len(tokenizer(text)["input_ids"]) for text in flat]
    return float(sum(2 * n * (body + head) for n in lengths))


def compare(task: str, small: bool, threads: int) -> None:
    """Run one task on both sides and print the ratios."""
    stuff, few = make_material(task, small)
    folder = WORK / MODEL[task]
    job = {"task": task, "model": str(folder), "threads": threads, "material": stuff}
    print(f"\n{TITLE[task]}: {len(stuff)}")
    tried = {}
    for size in BATCHES[task]:
        tried[size] = run([peer_python(), "peer_minicons.py"], job | {"batch": size, "material": few})
        rate = len(few) / tried[size]["seconds"]
        print(f"  minicons, batch {size:>2}: {rate:8.2f}/s  {tried[size]['peak'] / 2**30:5.2f} GiB", flush=True)
    best, largest = min(tried, key=lambda size: tried[size]["seconds"]), max(tried)
    peer = run([peer_python(), "peer_minicons.py"], job | {"batch": best})
    print(f"  minicons, best ({best}): {len(stuff) / peer['seconds']:5.2f}/s on all", flush=True)
    for dtype in ("float32", "bfloat16"):
        ours = run([sys.executable, "scoring.py", "--side"], job | {"dtype": dtype})
        difference = np.abs(np.array(ours["values"]) - np.array(peer["values"])).max() / np.log(2)
        share = needed_flops(task, stuff, folder) / ours["seconds"] / peak_flops(dtype, threads)
        rate, slow = len(stuff) / ours["seconds"], len(few) / tried[largest]["seconds"]
        print(
            f"  psylm {dtype:9}: {rate:8.2f}/s  {ours['peak'] / 2**30:5.2f} GiB  "
            f"{peer['seconds'] / ours['seconds']:6.2f} x its best, {rate / slow:6.2f} x its batch {largest}; "
            f"{share:.0%} of peak; largest difference {difference:.1e} bits",
            flush=True,
        )
        if dtype == "float32" and difference > 1e-3:
            raise SystemExit(f"{task}: the two differ by {difference:.4f} bits; the timings mean nothing")


def agreement(threads: int) -> None:
    """Compare what both sides give for the same sentences, without timing."""
    stuff = material.rare_words(24)
    for task, model in (("pll", material.MASKED), ("pll_original", material.MASKED), ("words", material.CAUSAL)):
        job = {"task": task, "model": str(WORK / model), "threads": threads, "material": stuff}
        theirs = np.array(run([peer_python(), "peer_minicons.py"], job | {"batch": 8})["values"])
        ours = np.array(run([sys.executable, "scoring.py", "--side"], job | {"dtype": "float32"})["values"])
        difference = np.abs(ours - theirs).max() / np.log(2)
        print(f"  {task:12}: {len(ours)} values, largest difference {difference:.1e} bits", flush=True)
        if difference > 1e-3:
            raise SystemExit(f"{task}: the two differ")


def again(small: bool) -> None:
    """Score sentences, and score them again from the kept scores, the model not even loaded."""
    import tempfile

    from psylm.experiment.scorer import Scorer
    from psylm.measures import MEASURES
    from psylm.measures.trials import sentence_trials
    from psylm.runs.score_cache import ScoreCache

    trials = sentence_trials(material.sentences(240 if small else 2000))
    measure = MEASURES["surprisal"]
    options = measure.options.model_validate({"words": "all"})
    seconds, tables = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            scorer = Scorer(
                f"file:{WORK / material.CAUSAL}", device="cpu", dtype="float32",
                cache=ScoreCache(Path(folder) / "scores.sqlite"),
            )  # fmt: skip
            began = time.perf_counter()
            tables.append(scorer.score(measure, options, trials))
            seconds.append(time.perf_counter() - began)
    if not tables[0].equals(tables[1]):
        raise SystemExit("the second time gave other scores")
    first, second = seconds
    print(f"  {len(tables[0])} words: {first:.1f} s, again {second:.2f} s: {first / second:.0f} x")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=list(TITLE), action="append")
    parser.add_argument("--small", action="store_true", help="fewer sentences")
    parser.add_argument("--agreement", action="store_true", help="compare values of every variant, without timing")
    parser.add_argument("--again", action="store_true", help="time the same run again, from the kept scores")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        psylm_side()
        return
    WORK.mkdir(parents=True, exist_ok=True)
    material.make_models(WORK)
    if chosen.agreement:
        agreement(chosen.threads)
        return
    if chosen.again:
        again(chosen.small)
        return
    for dtype in ("float32", "bfloat16"):
        print(
            f"matrix products, {dtype}, {chosen.threads} threads: {peak_flops(dtype, chosen.threads) / 1e9:.0f} GFLOP/s"
        )
    for task in chosen.task or list(TITLE):
        compare(task, chosen.small, chosen.threads)


if __name__ == "__main__":
    main()
