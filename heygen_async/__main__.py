"""``python -m heygen_async``: the same as ``heygen-async``."""

from heygen_async.cli import main

main()
