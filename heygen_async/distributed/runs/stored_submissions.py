"""Submissions in the journal's form, which other processes and machines can send."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, Union

import msgspec

from heygen_async.batch.operations import OPERATIONS, Submission
from heygen_async.endpoints.templates import Version
from heygen_async.models.structs import Request, encode, encode_body
from heygen_async.pricing.estimates import Estimate

_TOLD = msgspec.Raw()


class StoredSubmission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parts of a submission that are not in the columns of its item.

    Attributes:
        estimate: Its estimated cost.
        request: The request as a Struct in JSON; empty if the payload contains all of it.
        seconds: Length of its output in seconds, if known in advance.
        version: For renders, the version of the API that serves the template.
        test: For renders, whether it is a test render.
        trace: The root span of its item as a ``traceparent``, or empty.
    """

    estimate: Estimate
    request: msgspec.Raw = _TOLD
    seconds: float | None = None
    version: Version = "auto"
    test: bool = False
    trace: str = ""


class _Trace(msgspec.Struct):
    """The trace of a ``StoredSubmission``."""

    trace: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(StoredSubmission)
_traces = msgspec.json.Decoder(_Trace)


def store_submission(submission: Submission[Any], estimate: Estimate, trace: str) -> str:
    """Return a submission as JSON, without operation, arguments, payload and position.

    Args:
        submission: The submission.
        estimate: Its estimated cost.
        trace: The root span of its item as a ``traceparent``, or empty.
    """
    payload, request = submission.payload, submission.request
    told = False
    try:
        told = encode(_requests(submission.operation).decode(payload)) == payload
    except msgspec.MsgspecError:  # part of it is in the path
        told = False
    stored = StoredSubmission(
        estimate=msgspec.structs.replace(estimate, notice=None),
        request=_TOLD if told and not request.extra else msgspec.Raw(encode_body(request)),
        seconds=submission.seconds,
        version=submission.version,
        test=submission.test,
        trace=trace,
    )
    return _encoder.encode(stored).decode()


class StoredItem(NamedTuple):
    """An unfinished item of a shard.

    Attributes:
        key: Its key.
        position: Its position among the items of the run.
        state: Its state in the journal; ``queued`` if it was never begun.
        operation: The operation that submits it.
        path_arguments: Values of the parameters in its path, as JSON.
        payload: Its JSON body.
        submission: The result of ``store_submission``.
    """

    key: str
    position: int
    state: str
    operation: str
    path_arguments: str
    payload: bytes
    submission: str

    @property
    def trace(self) -> str:
        """The root span of the item as a ``traceparent``; empty if its submit was not traced."""
        return _traces.decode(self.submission).trace

    def restore(self) -> tuple[Submission[Any], Estimate]:
        """Return its submission and its estimated cost."""
        one = _decoder.decode(self.submission)
        request = _requests(self.operation).decode(bytes(one.request) or self.payload)
        submission: Submission[Any] = Submission(
            operation=self.operation,
            path_arguments=msgspec.json.decode(self.path_arguments, type=tuple[str, ...]),
            request=request,
            payload=self.payload,
            index=self.position,
            key=self.key,
            seconds=one.seconds,
            version=one.version,
            test=one.test,
        )
        return submission, one.estimate


@cache
def _requests(operation: str) -> msgspec.json.Decoder[Request]:
    kinds = OPERATIONS[operation].requests
    return msgspec.json.Decoder(Union[kinds])  # noqa: UP007
