"""`psylm score`: sentences at hand or of a file, and the table on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psylm.cli.console import err, out
from psylm.common.errors import InputError, Problem


def score(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL] [SENTENCE]...", help="as --model; texts")
    ] = None,
    model: Annotated[str | None, typer.Option(help="the model")] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", help="text, one sentence a line, or CSV or TSV with a column `sentence`")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="the CSV, TSV or Parquet file to write; else printed")] = None,
    measure: Annotated[str, typer.Option(help="the measure: `psylm models` lists them")] = "surprisal",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "--set", metavar="KEY=VALUE", help="an option of the measure; may be given again"),
    ] = None,
    language: Annotated[str | None, typer.Option(help="of the sentences; by default that of their script")] = None,
    device: Annotated[str, typer.Option()] = "auto",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, float16 or int8")] = "float32",
    memory: Annotated[str | None, typer.Option(help="most memory to use, weights included: 4GB for example")] = None,
    start: Annotated[str, typer.Option(help="what stands before a text: auto, document, bos, none or a text")] = "auto",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="compute everything, and keep no scores for later runs")
    ] = False,
) -> None:
    """Score sentences: those of a file, or those that follow the model's name.

    For example: psylm score embedded:smollm2-135m "The keys to the cabinet are rusty."
    """
    import psylm
    from psylm.cli.scores_table import show_scores
    from psylm.common.yaml_document import assignments
    from psylm.experiment.adhoc import contract

    texts = list(words or [])
    name = model or (texts.pop(0) if texts else None)
    if name is None or (input_ is None) == (not texts):
        found = "sentences beside a file" if texts else "no model" if name is None else "no sentences"
        raise InputError(Problem("psylm score", found, "MODEL SENTENCE…, or --model MODEL --input FILE"))
    if output is not None and input_ is None:
        raise InputError(Problem("psylm score", "--output with sentences on the command line", "--input FILE"))
    with err.status("scoring"):
        table = psylm.score(
            name, input_ or texts, measure, output=output, language=language, device=device, dtype=dtype,
            memory=memory, start=start, cache=not no_cache, **assignments(option or []),
        )  # fmt: skip
    if output is not None:
        out.print(f"{len(table)} scores in {output}")
    elif out.is_terminal:
        show_scores(out, table)
    else:
        typer.echo(contract(table).to_csv(index=False, sep="\t"), nl=False)
