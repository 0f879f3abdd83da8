"""`python -m heygen_async.sandbox`: the sandbox as a process."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence

from .faults import Faults
from .thread import serve


def _faults(text: str) -> Faults:
    try:
        return Faults.from_json(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m heygen_async.sandbox",
        description="A local HeyGen. Prints its addresses as one line of JSON.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--speed", type=float, default=60.0, help="sandbox seconds per second")
    parser.add_argument("--concurrency", type=int, default=10, help="jobs that run at once")
    parser.add_argument("--seed", type=int, default=0, help="seed of ids and durations")
    parser.add_argument(
        "--faults",
        type=_faults,
        default=None,
        metavar="JSON",
        help='faults to inject, such as {"drop": 0.1, "fail_jobs": 0.05}',
    )
    parser.add_argument("--balance", type=float, default=100_000.0, help="USD in the wallet")
    parser.add_argument(
        "--api-key",
        action="append",
        dest="api_keys",
        metavar="KEY",
        help="an API key to accept; by default a random one, which is printed",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        dest="allowed_hosts",
        default=[],
        metavar="NAME",
        help="a further host name of the sandbox, such as a container's",
    )
    parser.add_argument(
        "--requests-per-second", type=float, default=None, help="further requests get 429"
    )
    parser.add_argument(
        "--media",
        choices=("plain", "drawn"),
        default="plain",
        help="drawn shows the words and pictures of requests; it needs the extra sandbox-media",
    )
    settings = vars(parser.parse_args(arguments))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(**settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop if it is installed (the extra `fast`), otherwise asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
