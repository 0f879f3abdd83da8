"""Every exception that heygen_async raises; this module imports nothing of the package.

    HeyGenError
    ├── ConfigurationError          no API key, a base URL that is not https
    ├── InvalidRequest              refused before anything was sent (also a ValueError)
    ├── CallError                   one call failed; carries method, path and attempts
    │   ├── APIError                the API answered with an error
    │   │   ├── BadRequest          400, 422 and other 4xx
    │   │   │   └── PayloadTooLarge 413
    │   │   ├── AuthenticationError 401
    │   │   ├── PaymentRequired     402
    │   │   ├── PermissionDenied    403
    │   │   ├── NotFound            404
    │   │   ├── Conflict            409
    │   │   ├── RateLimited         429, and the wait is longer than the caller allows
    │   │   │   └── QuotaExceeded   429 that does not clear by waiting
    │   │   └── ServerError         5xx
    │   ├── TransportError          no complete answer arrived
    │   │   ├── ConnectionFailed    refused, reset, closed, cut short
    │   │   └── RequestTimeout      no answer in time (also a TimeoutError)
    │   ├── InvalidResponse         an answer that is not what the API describes
    │   └── SlotUnavailable         no slot to submit under: its lease was lost, its pool closed
    │       └── SlotsUnavailable    the server that hands out slots is away
    ├── JobError                    about one job; carries its id
    │   ├── JobFailed               HeyGen reports that the job failed
    │   ├── JobTimeout              the job did not end in time (also a TimeoutError)
    │   └── JobNeedsInput           a job waits for its user
    ├── TransferError               a download or upload of media failed
    │   └── URLExpired              a signed URL has lapsed and could not be renewed
    ├── WebhookError                a delivery that is not to be believed
    │   ├── SignatureMissing        it is not signed at all
    │   ├── SignatureMismatch       no secret made its signature
    │   ├── StaleDelivery           its timestamp is too far from now
    │   └── MalformedDelivery       its body is no event
    ├── BatchStopped                a batch stopped after a failed item
    ├── BudgetExceeded              a batch has no room left under max_cost or max_jobs
    │   └── InsufficientBalance     the account cannot pay for a batch
    ├── CorrectionFailed            a function that corrects subtitles raised
    ├── ProofreadExpired            a proofread has expired before it was rendered
    ├── IdempotencyMismatch         an item of a resumed run has another payload than before
    ├── UncertainSubmission         whether an item was submitted cannot be told any more
    ├── RecordedFailure             an item failed in an earlier run, says its journal
    ├── JournalError                a bulk run's journal cannot be used, or no longer
    │   └── DuplicateKey            two items of one run have the same key
    └── UploadCacheError            the file that remembers uploads cannot be used

All of them pickle. None of them ever holds the API key or a signed URL's query.
"""

from __future__ import annotations

from typing import Any


class HeyGenError(Exception):
    """Base of all exceptions of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with ``args``, which keyword-only arguments break.
        return _rebuilt, (type(self), self.args), self.__dict__


def _rebuilt(cls: type[HeyGenError], args: tuple[Any, ...]) -> HeyGenError:
    error = cls.__new__(cls, *args)
    error.args = args  # a TimeoutError's own __new__ drops them
    return error


class ConfigurationError(HeyGenError):
    """The client cannot work with these settings; the message says what to change."""


class InvalidRequest(HeyGenError, ValueError):
    """A request that the API would refuse, found before anything was sent.

    Attributes:
        param: The field at fault, dotted where nested (``voice_settings.speed``).
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class CallError(HeyGenError):
    """What every failed call knows about itself.

    Attributes:
        message: What went wrong, without the call.
        method: HTTP method.
        path: Path without host and query.
        attempts: How many times the request was sent.
        maybe_carried_out: True where the API may have done what the call asked for, and the call
            takes no idempotency key: it is not known whether a job was created and paid for.
        in_doubt: Whether the API may have carried out one of the attempts, also where the call
            has an idempotency key, under which it can be sent again.
    """

    maybe_carried_out: bool = False
    in_doubt: bool = False

    def __init__(self, message: str, *, method: str = "", path: str = "", attempts: int = 1):
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.attempts = attempts

    def _where(self) -> str:
        tries = "" if self.attempts == 1 else f", {self.attempts} attempts"
        return f" [{self.method} {self.path}{tries}]" if self.method else ""

    def __str__(self) -> str:
        return f"{self.message}{self._where()}"


class APIError(CallError):
    """The API answered with an error.

    Attributes:
        status: HTTP status.
        code: The API's error code, such as ``invalid_parameter``; the gateway in front
            of the API gives none, then it is derived from the status.
        message: The API's own sentence, with anything that looks like a key or a signed
            URL's query removed.
        param: The request field at fault, where the API names one.
        doc_url: The API's page about the code.
        errors: Details item by item, where the API gives them, at most 50: the texts ``code``,
            ``message``, ``node_id``, ``path`` and ``port``, as far as each has them.
        request_id: From the answer's headers, for HeyGen's support.
        retry_after: Seconds that the API asked to wait, or None.
        attempts, method, path: The call.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        param: str | None = None,
        doc_url: str | None = None,
        errors: tuple[dict[str, str], ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        method: str = "",
        path: str = "",
        attempts: int = 1,
    ) -> None:
        super().__init__(message, method=method, path=path, attempts=attempts)
        self.status = status
        self.code = code
        self.param = param
        self.doc_url = doc_url
        self.errors = errors
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        field = f" (param: {self.param})" if self.param else ""
        request = f" request id {self.request_id}" if self.request_id else ""
        return f"{self.status} {self.code}: {self.message}{field}{self._where()}{request}"


class BadRequest(APIError):
    """400, 422 or another 4xx without a class of its own."""


class PayloadTooLarge(BadRequest):
    """413: the body or file is over the API's limit."""


class AuthenticationError(APIError):
    """401: the key is missing, wrong or revoked."""


class PaymentRequired(APIError):
    """402: no credit left, or the plan does not include this."""


class PermissionDenied(APIError):
    """403: the key may not do this."""


class NotFound(APIError):
    """404: no such thing in this account."""


class Conflict(APIError):
    """409: the state of the thing forbids the call."""


class RateLimited(APIError):
    """429 and the API asked for a longer wait than the caller allows."""


class QuotaExceeded(RateLimited):
    """429 for a quota that does not clear by waiting; never retried."""


class ServerError(APIError):
    """5xx, also from a gateway in front of the API."""


class TransportError(CallError):
    """No complete answer arrived."""


class ConnectionFailed(TransportError):
    """The connection was refused, reset, closed or ended in the middle of an answer.

    Attributes:
        sent: False where no connection came about, so that nothing can have been sent.
        final: True if another attempt would fail as well: a certificate that is not trusted, or a
            host that has never answered.
    """

    def __init__(
        self,
        message: str,
        *,
        sent: bool = True,
        final: bool = False,
        method: str = "",
        path: str = "",
        attempts: int = 1,
    ) -> None:
        super().__init__(message, method=method, path=path, attempts=attempts)
        self.sent = sent
        self.final = final


class RequestTimeout(TransportError, TimeoutError):
    """An attempt got no answer in its time."""


class InvalidResponse(CallError):
    """A success whose body is not what the API describes.

    Attributes:
        status: HTTP status of the answer.
        garbled: True where the body is no JSON at all, False where it has another shape.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        garbled: bool = False,
        method: str = "",
        path: str = "",
        attempts: int = 1,
    ) -> None:
        super().__init__(message, method=method, path=path, attempts=attempts)
        self.status = status
        self.garbled = garbled


class SlotUnavailable(CallError):
    """There is no slot to submit a job under; this attempt was not sent.

    The lease that the call was to use is lost, or the slot pool was closed. Get a new lease and
    call again, with the same idempotency key.
    """


class SlotsUnavailable(SlotUnavailable):
    """The server that hands out slots has been away for longer than the pool's ``patience``.

    Nothing that needs a slot is submitted meanwhile. A bulk run ends with this exception once its
    jobs in flight have ended; run it again with its journal when the server is back.
    """


class JobError(HeyGenError):
    """About one job.

    Attributes:
        job_id: The job's id; ``heygen.jobs.attach(type, job_id)`` makes a job of it again.
        last: The last state seen, the API's own object, or None.
    """

    def __init__(self, message: str, *, job_id: str, last: Any = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.last = last


class JobFailed(JobError):
    """HeyGen reports that the job failed. Failed jobs are not charged.

    Attributes:
        code: ``failure_code`` where the API gives one, else None.
        message: ``failure_message`` where the API gives one, else a sentence of ours.
    """

    def __init__(
        self, message: str, *, job_id: str, code: str | None = None, last: Any = None
    ) -> None:
        super().__init__(message, job_id=job_id, last=last)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        code = f"{self.code}: " if self.code else ""
        return f"job {self.job_id} failed: {code}{self.message}"


class JobTimeout(JobError, TimeoutError):
    """The job did not end in the time the caller gave; it goes on at HeyGen."""


class JobNeedsInput(JobError):
    """A job waits for its user.

    A chat session waits for an answer: use ``async for turn in job.turns()``. An avatar waits for
    the consent of the person it shows: see ``heygen.avatars.consent``.
    """


class TransferError(HeyGenError):
    """A download or an upload of media failed.

    Attributes:
        status: HTTP status of the last answer, or None where none came.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class URLExpired(TransferError):
    """A signed URL has lapsed (403 or 404 on a media URL) and could not be renewed."""


class WebhookError(HeyGenError):
    """A delivery that is not to be believed. No message holds a secret or a signature."""


class SignatureMissing(WebhookError):
    """There is neither a ``Heygen-Signature`` nor a ``Signature`` header.

    HeyGen signs what it delivers to registered endpoints, but not what it posts to the
    ``callback_url`` of a request.
    """


class SignatureMismatch(WebhookError):
    """The signature was made with another secret, or of another body."""


class StaleDelivery(WebhookError):
    """The delivery's timestamp is too far from now, or is none.

    Attributes:
        age: Seconds between its timestamp and now, negative for the future; None where the
            header holds no number.
    """

    def __init__(self, message: str, *, age: float | None = None) -> None:
        super().__init__(message)
        self.age = age


class MalformedDelivery(WebhookError):
    """The body is no JSON object with an ``event_type``."""


class BatchStopped(HeyGenError):
    """A batch stopped after a failed item, or gave up since HeyGen accepted nothing any more.

    With ``on_error="stop"`` any failure stops it, with ``stop-if-all-fail`` the last one of a
    series that began with the first item; otherwise a refused key or an exhausted quota. It gives
    up after ``Batch(give_up_after=…)`` seconds; no item has failed by that.

    Attributes:
        key: The failed item's key, or that of one that was not submitted.
        error: Why it failed, or was not submitted; also the ``__cause__``.
        not_submitted: Keys of the items that were not submitted, if it gave up.
    """

    def __init__(
        self,
        message: str,
        *,
        key: str,
        error: HeyGenError,
        not_submitted: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.key = key
        self.error = error
        self.not_submitted = not_submitted


class JournalError(HeyGenError):
    """The journal of a bulk run cannot be used, or no longer; what is in it stays there.

    Attributes:
        path: The journal's file.
        reason: In one word: ``newer``, ``other_run``, ``not_a_journal``, ``damaged``, ``locked``,
            ``missing``, ``read_only``, ``disk_full``, ``io_error``, ``gone``, ``busy``,
            ``closed``, ``duplicate_key``, ``unknown_key`` or ``wrong_state``.
    """

    def __init__(self, message: str, *, path: str, reason: str) -> None:
        super().__init__(message)
        self.path = path
        self.reason = reason


class DuplicateKey(JournalError):
    """Two items of one run have the same key; the second was not submitted.

    Attributes:
        key: The key.
    """

    def __init__(self, message: str, *, path: str, key: str) -> None:
        super().__init__(message, path=path, reason="duplicate_key")
        self.key = key


class UploadCacheError(HeyGenError):
    """The file of an ``UploadCache`` cannot be read or written.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class BudgetExceeded(HeyGenError):
    """A batch has no room left under its ``max_cost`` or ``max_jobs``. Sums are estimates.

    Attributes:
        max_cost: The cap in USD, or None.
        max_jobs: The cap on jobs, or None.
        spent: USD that ended jobs have cost.
        reserved: USD that the jobs in flight will probably cost.
        not_submitted: Keys of the items that were not submitted.
    """

    def __init__(
        self,
        message: str,
        *,
        max_cost: float | None,
        max_jobs: int | None,
        spent: float,
        reserved: float,
        not_submitted: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.max_cost = max_cost
        self.max_jobs = max_jobs
        self.spent = spent
        self.reserved = reserved
        self.not_submitted = not_submitted


class InsufficientBalance(BudgetExceeded):
    """The account cannot pay for a run. Nothing was submitted.

    Attributes:
        needed: USD that the run needs, by estimate.
        available: USD that the account can spend.
    """

    def __init__(
        self,
        message: str,
        *,
        needed: float,
        available: float,
        max_cost: float | None,
        max_jobs: int | None,
        spent: float,
        reserved: float,
        not_submitted: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            message,
            max_cost=max_cost,
            max_jobs=max_jobs,
            spent=spent,
            reserved=reserved,
            not_submitted=not_submitted,
        )
        self.needed = needed
        self.available = available


class CorrectionFailed(HeyGenError):
    """A function that was to correct the subtitles of a language did not; nothing was rendered.

    What it raised is the ``__cause__``.

    Attributes:
        language: The language.
    """

    def __init__(self, message: str, *, language: str) -> None:
        super().__init__(message)
        self.language = language


class ProofreadExpired(HeyGenError):
    """A proofread has expired before it was rendered; HeyGen keeps one for about 24 h.

    It is made anew if ``localize(renew=…)`` agrees; nothing was paid for.

    Attributes:
        language: The language.
        srt: The corrected subtitles, or None if there are none.
    """

    def __init__(self, message: str, *, language: str, srt: str | None = None) -> None:
        super().__init__(message)
        self.language = language
        self.srt = srt


class IdempotencyMismatch(HeyGenError):
    """An item of a resumed run is not what its journal says; nothing was sent.

    The API replays the first answer to a key even where the body differs, so the new payload
    would silently get the old video.

    Attributes:
        key: The item's key.
    """

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


class UncertainSubmission(HeyGenError):
    """Whether an item was submitted cannot be told, and so it is not sent again.

    Its answer was lost. Its idempotency key is older than the 24 h in which the API would replay
    that, or its operation takes none, and the account shows no job that is certainly its own.

    Attributes:
        key: The item's key.
    """

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


class RecordedFailure(HeyGenError):
    """An item failed in an earlier run, as its journal says.

    Attributes:
        error_type: The class of the error then.
        code: The API's code then, or None.
    """

    def __init__(self, message: str, *, error_type: str, code: str | None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.code = code
