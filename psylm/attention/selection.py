"""What attention selects: mass on target and distractor, its width, its reach, and what goes to sinks."""

from __future__ import annotations

import numpy as np

from psylm.attention.scenes import Scene

MEASURES = ("target", "distractor", "selectivity", "entropy", "distance", "sink", "punctuation")


def selection(attention: np.ndarray, scene: Scene, seen: np.ndarray) -> dict[str, np.ndarray]:
    r"""Reduce the query's attention to what it selects.

    Parameters
    ----------
    attention
        The query's attention, of each layer and head or of anything else [..., words + 2], as
        `psylm.attention.reduce.to_words` has it: words, special tokens, first token.
    scene
        The text.
    seen
        Which words the model can attend to [words].

    Returns
    -------
    dict
        Of each measure, an array [...]:

        - `target`, `distractor`: the sum over the region's words; NaN where the model can see none of them
        - `selectivity`: :math:`(t - d) / (t + d)`, from -1 to 1; NaN where both are 0
        - `entropy`: :math:`H = -\sum_w p_w \log_2 p_w` in bits, of the attention to words; :math:`2^H` is the width of
          the spotlight in words
        - `distance`: the expected distance of the word attended to, in words
        - `sink`: what special tokens and the first token get
        - `punctuation`: what punctuation gets

        For entropy and distance attention to words is taken to sum to 1: special tokens, the first token and
        punctuation do not count.

    Examples
    --------
    >>> from psylm.attention.scenes import scene
    >>> from psylm.measures.trials import sentence_trials
    >>> regions = '[["subject", 4, 8], ["local", 16, 24], ["verb", 25, 28]]'
    >>> trial = sentence_trials(["The keys to the cabinets are old."], regions=[regions]).to_dict("records")[0]
    >>> where = scene(trial, "verb", "subject", "local")
    >>> found = selection(np.array([0, 0.3, 0, 0, 0.1, 0, 0, 0, 0.6, 0]), where, np.arange(8) < 5)
    >>> [round(float(found[name]), 3) for name in MEASURES]
    [0.3, 0.1, 0.5, 0.811, 3.25, 0.6, 0.0]
    """
    attention = attention.astype(float)
    words, special, first = attention[..., :-2], attention[..., -2], attention[..., -1]
    target = _mass(words, scene.target & seen)
    distractor = _mass(words, scene.distractor & seen)
    content = words.copy()
    if seen.any():
        content[..., seen.argmax()] -= first
    content = np.where(scene.punctuation, 0.0, content).clip(min=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = content / content.sum(-1, keepdims=True)
        entropy = -np.where(p > 0, p * np.log2(np.where(p > 0, p, 1.0)), p).sum(-1)
        selectivity = (target - distractor) / (target + distractor)
    return {
        "target": target,
        "distractor": distractor,
        "selectivity": selectivity,
        "entropy": entropy,
        "distance": (p * scene.distances).sum(-1),
        "sink": special + first,
        "punctuation": words[..., scene.punctuation].sum(-1),
    }


def _mass(words: np.ndarray, region: np.ndarray) -> np.ndarray:
    total: np.ndarray = words[..., region].sum(-1)
    return total if region.any() else np.full_like(total, np.nan)
