"""Options of commands that can make a sample of their rows first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

SampleSize = Annotated[
    int | None,
    typer.Option(
        "--sample",
        min=1,
        metavar="N",
        help="Make only N rows: the longest and the shortest text, one of each language and voice. "
        "A page shows them. Needs --journal.",
        show_default=False,
    ),
]
RequireApproval = Annotated[
    bool,
    typer.Option(
        "--require-approval",
        help='Hold the rest until each item of the sample is approved ("heygen-async approve").',
    ),
]
ReviewPage = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The page for looking at the sample.",
        show_default="beside the journal, with .review.html",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleOptions:
    """Options of runs that make a sample first."""

    sample: SampleSize = None
    require_approval: RequireApproval = False
    review: ReviewPage = None
