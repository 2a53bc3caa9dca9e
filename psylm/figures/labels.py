"""Labels of figures in other languages: one table, applied to a figure that has been drawn."""

from __future__ import annotations

import re

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.figures.style import JAPANESE_FONTS, installed

JAPANESE = {
    # surprisal and its regions
    "Surprisal": "サプライザル",
    "Surprisal (bits)": "サプライザル（ビット）",
    "Surprisal of the target (bits)": "標的語のサプライザル（ビット）",
    "Surprisal, this run (bits)": "サプライザル、本実験（ビット）",
    "Published surprisal, {} (bits)": "公表されたサプライザル、{}（ビット）",
    "surprisal of the model": "モデル",
    "published surprisal of {}": "公表値（{}）",
    "human cloze surprisal": "人間のクローズ確率",
    "Region": "領域",
    "Word": "単語",
    # cloze and calibration
    "Human cloze (log-odds)": "人間のクローズ確率（対数オッズ）",
    "Model cloze (log-odds)": "モデルのクローズ確率（対数オッズ）",
    "Human cloze": "人間のクローズ確率",
    "Model cloze": "モデルのクローズ確率",
    "Model cloze (mean of the bin)": "モデルのクローズ確率（区間の平均）",
    "Human cloze (mean of the bin)": "人間のクローズ確率（区間の平均）",
    # effects
    "Difference in surprisal (Cohen's d)": "サプライザルの差（Cohen の d）",
    "Effect of surprisal (SD of the response per SD of surprisal)": "サプライザルの効果（標準化係数）",
    "first fixation": "初回固視時間",
    "first pass": "初回通過時間",
    "right bounded": "右境界読み時間",
    "go past": "通過時間",
    "self paced reading": "自己ペース読み時間",
    "Reading time (ms)": "読み時間（ミリ秒）",
    "Surprisal of word": "サプライザルの語",
    "Perplexity per word": "パープレキシティ（単語あたり）",
    "Δ log-likelihood (10⁻³ nats per word)": "Δ 対数尤度（10⁻³ ナット／単語）",
    "Word of the sentence (from 0)": "文中の語順（0 から）",
    "Effect (ms)": "効果（ミリ秒）",
    "Effect of one bit (ms)": "1 ビットの効果（ミリ秒）",
    "Amplitude (µV)": "振幅（µV）",
    "Effect of surprisal (SD of the amplitude per SD of surprisal)": "サプライザルの効果（標準化係数）",
    "Δ log-likelihood (nats)": "Δ 対数尤度（ナット）",
    "smooth, 95% interval": "平滑曲線、95% 区間",
    "linear": "線形",
    "words": "単語",
    "Effect (d)": "効果量（d）",
    "Specifications, by size of the estimate": "分析の組合せ（推定値の順）",
    # proportions
    "Share of items": "項目の割合",
    "Share of items of which the prediction is true": "予測が成り立つ項目の割合",
    "Pairs in which the good sentence is preferred (share)": "適格文が選ばれた対の割合",
    "Accuracy (share of pairs)": "正答率（対の割合）",
    "{} above {}": "{} > {}",
    "whole sentence": "文全体",
    "pseudo-log-likelihood": "擬似対数尤度",
    "one prefix": "共通の前文脈",
    "critical word": "臨界語",
    "asked": "質問への回答",
    "chance": "偶然水準",
    "people": "人間",
    # learning
    "Training tokens": "学習トークン数",
    "Cross-entropy (nats per prediction)": "交差エントロピー（ナット／予測）",
    "line: validation, pale: training": "濃線：検証、淡線：訓練",
    "Validation loss (nats per word)": "検証損失（ナット／単語）",
    "Trained with": "学習時の位置符号",
    "positions when tested": "検査時の位置",
    "intact": "そのまま",
    "shuffled": "無作為化",
    "removed": "除去",
    "{} (mean)": "{}（平均）",
    # positions
    "Position": "位置",
    "Dimension (even: sine, odd: cosine)": "次元（偶数：正弦、奇数：余弦）",
    "PE(position, dimension)": "PE（位置，次元）",
    "Function": "関数",
    "Inner product (norms 1)": "内積（ノルム 1）",
    "Shift k (positions)": "ずれ k（位置）",
    "measured from {}": "{} から",
    "from position to position": "どの位置からどの位置へ",
    # attention
    "Head": "ヘッド",
    "Layer": "層",
    "Attended word": "注意される語",
    "Attending word": "注意する語",
    "Attention (share)": "注意（割合）",
    "Selectivity": "選択性",
    "Selectivity (share of attention)": "選択性（注意の割合）",
    "Selectivity, all heads": "選択性（全ヘッド）",
    "Selectivity, best head": "選択性（最良ヘッド）",
    "Margin (bits)": "マージン（ビット）",
    "Correlation with the margin (r)": "マージンとの相関（r）",
    "Spearman's ρ": "順位相関 ρ",
    "trained": "学習済み",
    "random weights": "無作為な重み",
    # similarity
    "Cosine": "コサイン類似度",
    "Cosine of the two texts": "二文のコサイン類似度",
    "Correlation with human ratings": "人間の評定との相関",
    "static": "静的",
    "correction": "補正",
    "Correlation with human ratings (ρ)": "人間の評定との順位相関（ρ）",
    "Anisotropy (mean cosine of all pairs)": "異方性（全対のコサインの平均）",
    "RSA (Spearman's ρ)": "表象類似度（順位相関 ρ）",
    "distances compared with": "比較した距離",
    "word overlap": "単語の重なり",
    "the last layer": "最終層",
    "Priming in the cosine (d_z)": "コサインでのプライミング（d_z）",
    "Priming in the cosine (related − unrelated)": "コサインでのプライミング（関連 − 無関連）",
    "Priming in surprisal (bits)": "サプライザルでのプライミング（ビット）",
    "Association (effect size d)": "連合（効果量 d）",
    # probes
    "Accuracy (share of words)": "正答率（単語の割合）",
    "probe": "プローブ",
    "control task": "統制課題",
    "shuffled labels": "無作為な標識",
    # lesions
    "Right choices (share)": "正答（割合）",
    "share of heads": "ヘッドの割合",
    "random heads": "無作為なヘッド",
    "important heads": "重要なヘッド",
    "unimportant heads": "重要でないヘッド",
    "flatter attention": "平らな注意",
    "sharper attention": "鋭い注意",
    "short span": "短いスパン",
    "noise": "雑音",
    "log2 temperature": "温度の log2",
    "1 / tokens in view": "1 / 見えるトークン数",
    "SD of noise / SD of output": "雑音の SD／出力の SD",
    "participant": "参加者",
    # power
    "Subjects": "参加者数",
    "Power": "検定力",
}
"""English labels and their Japanese; `{}` stands for any text, which is translated in turn where it can be."""

LANGUAGES: dict[str, dict[str, str]] = {"en": {}, "ja": JAPANESE}


def check_language(language: str) -> None:
    """Check that figures can be labelled in a language.

    Raises
    ------
    PsylmError
        There are no labels in the language, or no font that has its characters is installed.
    """
    if language not in LANGUAGES:
        raise InputError(Problem("language of figures", repr(language), f"one of {', '.join(LANGUAGES)}"))
    if language == "ja" and not installed(JAPANESE_FONTS):
        raise PsylmError(
            f"language of figures 'ja': found no font with Japanese characters; expected one of "
            f"{', '.join(JAPANESE_FONTS)} to be installed (matplotlib sees it after its font cache is rebuilt)"
        )


def label(text: str, language: str) -> str:
    """Translate a label; one that the table lacks stays as it is.

    Parameters
    ----------
    text
        The English label.
    language
        One of `LANGUAGES`.

    Examples
    --------
    >>> label("Surprisal (bits)", "ja"), label("measured from 40", "ja"), label("no attractor", "ja")
    ('サプライザル（ビット）', '40 から', 'no attractor')
    """
    table = LANGUAGES[language]
    if text in table:
        return table[text]
    for template, translation in table.items():
        if "{}" in template:
            parts = re.fullmatch("(.+)".join(map(re.escape, template.split("{}"))), text)
            if parts is not None:
                return translation.format(*(label(part, language) for part in parts.groups()))
    return text


def translate(figure: Figure, language: str) -> None:
    """Translate the labels, legends, titles and named ticks of a figure.

    Parameters
    ----------
    figure
        A figure that has been drawn with English labels; names of conditions, words and models are left as they are.
    language
        One of `LANGUAGES`.
    """
    check_language(language)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            _translate_ticks(axis, language)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(label(text.get_text(), language))


def _translate_ticks(axis: Axis, language: str) -> None:
    if isinstance(axis.get_major_locator(), FixedLocator):
        names = [tick.get_text() for tick in axis.get_ticklabels()]
        translated = [label(name, language) for name in names]
        if translated != names:
            axis.set_ticklabels(translated)
