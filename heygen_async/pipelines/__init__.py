"""Chains of the APIs, as functions to use, or to read and copy.

Each takes a ``Batch``, whose client, budget, journal and settings apply to all its stages, and
yields an outcome for each item when it ends. With a journal every stage has a file of its own
beside it: a chain that was killed continues where it stopped when it is started again with the same
arguments, and pays for nothing twice. Leaving or cancelling the iteration ends all stages; jobs
that HeyGen has accepted continue there, and the next start waits for them.
"""

from heygen_async.pipelines.corrections import Correct, Renew
from heygen_async.pipelines.estimates import ChainEstimate
from heygen_async.pipelines.localization import estimate_localize, localize
from heygen_async.pipelines.narration import Narration, estimate_narrate, narrate
from heygen_async.pipelines.personalization import estimate_personalize, personalize
from heygen_async.pipelines.sampling import ChainSample
from heygen_async.pipelines.stages import StageProgress

__all__ = [
    "ChainEstimate",
    "ChainSample",
    "Correct",
    "Narration",
    "Renew",
    "StageProgress",
    "estimate_localize",
    "estimate_narrate",
    "estimate_personalize",
    "localize",
    "narrate",
    "personalize",
]
