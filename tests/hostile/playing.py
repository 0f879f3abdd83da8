"""All adversaries, and how each is played in a process of its own."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection

from . import answers, files, media, messages, pauses, watching
from .adversary import Adversary, Finding, measured

ADVERSARIES: list[Adversary] = [
    *watching.ADVERSARIES,
    *pauses.ADVERSARIES,
    *answers.ADVERSARIES,
    *messages.ADVERSARIES,
    *media.ADVERSARIES,
    *files.ADVERSARIES,
]
# More seconds than the bound, so that the table tells how long it took.
_MARGIN = 120.0
# Each process is forked from one that has imported everything.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def play(number: int, result: Connection) -> None:
    """Play an adversary in this process."""
    result.send(measured(ADVERSARIES[number]))


def played(adversary: Adversary) -> Finding:
    """Play an adversary in a process of its own."""
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=play, args=(ADVERSARIES.index(adversary), sender))
    process.start()
    sender.close()
    # Hours on a turned clock are a minute or two of work.
    patience = _MARGIN + (_MARGIN if adversary.turned else adversary.seconds)
    try:
        if not receiver.poll(patience):
            return Finding(f"no end within {patience:g} s", seconds=patience)
        finding: Finding = receiver.recv()
        return finding
    except EOFError:
        process.join()
        return Finding(f"the process ended with {process.exitcode}")
    finally:
        process.kill()
        process.join()
