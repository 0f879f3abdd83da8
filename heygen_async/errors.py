"""All exceptions of heygen_async, which derive from ``HeyGenError``.

    HeyGenError
    ├── ConfigurationError          no API key, a base URL that is not https
    ├── InvalidRequest              the request is invalid; nothing was sent (also a ValueError)
    ├── CallError                   one call failed; has method, path and attempts
    │   ├── APIError                the API answered with an error
    │   │   ├── BadRequest          400, 422 and other 4xx
    │   │   │   └── PayloadTooLarge 413
    │   │   ├── AuthenticationError 401
    │   │   ├── PaymentRequired     402
    │   │   ├── PermissionDenied    403
    │   │   ├── NotFound            404
    │   │   ├── Conflict            409
    │   │   ├── RateLimited         429, with a longer wait than the caller allows
    │   │   │   └── QuotaExceeded   429 that waiting does not clear
    │   │   └── ServerError         5xx
    │   ├── TransportError          no complete answer arrived
    │   │   ├── ConnectionFailed    refused, reset, closed, cut short
    │   │   └── RequestTimeout      no answer in time (also a TimeoutError)
    │   ├── InvalidResponse         an answer of another form than the API describes
    │   └── SlotUnavailable         no slot for a submission: the lease was lost or the pool closed
    │       └── SlotsUnavailable    the server of the slot pool does not answer
    ├── JobError                    an error about one job; has its id
    │   ├── JobFailed               HeyGen reports that the job failed
    │   ├── JobTimeout              the job did not end in time (also a TimeoutError)
    │   └── JobNeedsInput           a job waits for its user
    ├── TransferError               a download or upload of a media file failed
    │   └── URLExpired              a signed URL has expired and could not be renewed
    ├── WebhookError                a webhook that failed verification
    │   ├── SignatureMissing        it has no signature
    │   ├── SignatureMismatch       its signature matches none of the secrets
    │   ├── StaleDelivery           its timestamp is too far from the present
    │   └── MalformedDelivery       its body is not an event
    ├── BatchStopped                a batch stopped after a failed item
    ├── BudgetExceeded              a batch has no room left under max_cost or max_jobs
    │   └── InsufficientBalance     the account cannot pay for a batch
    ├── CorrectionFailed            a function that corrects subtitles raised an exception
    ├── ProofreadExpired            a proofread has expired before it was rendered
    ├── DuplicateKey                two items of one run have the same key
    ├── IdempotencyMismatch         an item of a resumed run has another payload than before
    ├── UncertainSubmission         an item may or may not have been submitted
    ├── RecordedFailure             an item failed in an earlier run of the same journal
    ├── ItemRejected                a person has rejected the result of an item
    ├── JournalError                the journal of a bulk run cannot be used
    └── UploadCacheError            the file that remembers uploads cannot be used

All of them can be pickled. None of them holds the API key or the query of a signed URL.
"""

from __future__ import annotations

from typing import Any


class HeyGenError(Exception):
    """Base of all exceptions of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with ``args`` alone, without its keyword-only arguments.
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
    """A call failed; base of the exceptions about one call.

    Attributes:
        message: Description of the failure, without method and path.
        method: HTTP method.
        path: Path without host and query.
        attempts: Number of times that the request was sent.
        maybe_carried_out: True if the API may have carried out the call and the call takes no
            idempotency key: it is not known whether a job was created and paid for.
        in_doubt: Whether the API may have carried out one of the attempts, even if the call has an
            idempotency key, with which it can be sent again.
    """

    maybe_carried_out: bool = False
    in_doubt: bool = False

    def __init__(self, message: str, *, method: str = "", path: str = "", attempts: int = 1):
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.attempts = attempts

    def _call_site(self) -> str:
        tries = "" if self.attempts == 1 else f", {self.attempts} attempts"
        return f" [{self.method} {self.path}{tries}]" if self.method else ""

    def __str__(self) -> str:
        return f"{self.message}{self._call_site()}"


class APIError(CallError):
    """The API answered with an error.

    Attributes:
        status: HTTP status.
        code: The API's error code, such as ``invalid_parameter``. If the gateway in front of the
            API answers without one, it is derived from the status.
        message: The API's message, without anything that looks like a key or the query of a signed
            URL.
        param: The request field at fault, or None if the API does not name one.
        doc_url: URL of the API's page about the code, or None.
        errors: At most 50 details, if the API gives them: the texts ``code``, ``message``,
            ``node_id``, ``path`` and ``port`` of each, as far as present.
        request_id: The id in the answer's headers, for HeyGen's support, or None.
        retry_after: Seconds that the API asked to wait, or None. attempts, method, path: As in
            ``CallError``.
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
        return f"{self.status} {self.code}: {self.message}{field}{self._call_site()}{request}"


class BadRequest(APIError):
    """400, 422 or another 4xx without a class of its own."""


class PayloadTooLarge(BadRequest):
    """413: the body or file is larger than the API's limit."""


class AuthenticationError(APIError):
    """401: the key is missing, wrong or revoked."""


class PaymentRequired(APIError):
    """402: no credit is left, or the plan does not include the operation."""


class PermissionDenied(APIError):
    """403: the key has no permission for the operation."""


class NotFound(APIError):
    """404: the resource does not exist in this account."""


class Conflict(APIError):
    """409: the state of the resource does not allow the call."""


class RateLimited(APIError):
    """429, and the API asked for a longer wait than the caller allows."""


class QuotaExceeded(RateLimited):
    """429 for a quota that waiting does not clear; never retried."""


class ServerError(APIError):
    """5xx, also from a gateway in front of the API."""


class TransportError(CallError):
    """No complete answer arrived."""


class ConnectionFailed(TransportError):
    """The connection was refused, reset or closed, or ended in the middle of an answer.

    Attributes:
        sent: False if there was no connection, and nothing can have been sent.
        final: True if another attempt would fail too: a certificate is not trusted, or the host has
            never answered.
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
    """An attempt got no answer within its timeout."""


class InvalidResponse(CallError):
    """A success whose body has another form than the API describes.

    Attributes:
        status: HTTP status of the answer.
        garbled: True if the body is not JSON, False if it is JSON of another form.
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
    """There is no slot for a submission; this attempt was not sent.

    The lease of the call was lost, or the slot pool was closed. Get a new lease and call again with
    the same idempotency key.
    """


class SlotsUnavailable(SlotUnavailable):
    """The server of the slot pool has not answered for longer than the pool's ``patience``.

    Nothing that needs a slot is submitted meanwhile. A bulk run ends with this exception when its
    jobs in flight have ended; run it again with its journal when the server answers again.
    """


class JobError(HeyGenError):
    """An error about one job.

    Attributes:
        job_id: The job's id; ``heygen.jobs.attach(type, job_id)`` returns a new handle.
        last: The last state received from the API, or None.
    """

    def __init__(self, message: str, *, job_id: str, last: Any = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.last = last


class JobFailed(JobError):
    """HeyGen reports that the job failed. Failed jobs are not charged.

    Attributes:
        code: ``failure_code`` if the API gives one, else None.
        message: ``failure_message`` if the API gives one, else a sentence of the SDK.
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
    """The job did not end within the caller's timeout; it continues at HeyGen."""


class JobNeedsInput(JobError):
    """A job waits for its user.

    A chat session waits for an answer: use ``async for turn in job.turns()``. An avatar waits for
    the consent of the person it shows: see ``heygen.avatars.consent``.
    """


class TransferError(HeyGenError):
    """A download or an upload of a media file failed.

    Attributes:
        status: HTTP status of the last answer, or None if there was none.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class URLExpired(TransferError):
    """A signed URL has expired (403 or 404 on a media URL) and could not be renewed."""


class DeliveryError(HeyGenError):
    """An outcome could not be delivered to a receiver: a webhook, a command or a function."""


class WebhookError(HeyGenError):
    """A webhook failed verification. No message contains a secret or a signature."""


class SignatureMissing(WebhookError):
    """The delivery has neither a ``Heygen-Signature`` nor a ``Signature`` header.

    HeyGen signs deliveries to registered endpoints, but not those to the ``callback_url`` of a
    request.
    """


class SignatureMismatch(WebhookError):
    """The signature was made with another secret, or for another body."""


class StaleDelivery(WebhookError):
    """The delivery's timestamp is too far from the present, or is not a number.

    Attributes:
        age: Seconds since its timestamp, negative for the future; None if the header is not a
            number.
    """

    def __init__(self, message: str, *, age: float | None = None) -> None:
        super().__init__(message)
        self.age = age


class MalformedDelivery(WebhookError):
    """The body is not a JSON object with an ``event_type``."""


class BatchStopped(HeyGenError):
    """A batch stopped after a failed item, or gave up because HeyGen accepted nothing any more.

    With ``on_error="stop"`` any failure stops it, with ``stop-if-all-fail`` a series of failures
    from the first item on; otherwise only a refused key or an exhausted quota. It gives up after
    ``Batch(give_up_after=…)`` seconds, and then no item counts as failed.

    Attributes:
        key: Key of the failed item, or of one that was not submitted.
        error: The exception of that item; also the ``__cause__``.
        not_submitted: Keys of the items that were not submitted, if the batch gave up.
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
    """The journal of a bulk run cannot be used, or no longer; its records are kept.

    Attributes:
        path: The journal's file.
        reason: One of ``newer``, ``other_run``, ``not_a_journal``, ``damaged``, ``locked``,
            ``missing``, ``read_only``, ``disk_full``, ``io_error``, ``gone``, ``busy``, ``closed``,
            ``unknown_key``, ``wrong_state``, ``held``, ``access``, ``pooled`` or ``cancelled``.
    """

    def __init__(self, message: str, *, path: str, reason: str) -> None:
        super().__init__(message)
        self.path = path
        self.reason = reason


class UploadCacheError(HeyGenError):
    """The file of an ``UploadCache`` cannot be read or written.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class BudgetExceeded(HeyGenError):
    """A batch has no room left under its ``max_cost`` or ``max_jobs``. Amounts are estimates.

    Attributes:
        max_cost: The cap in USD, or None.
        max_jobs: The cap on jobs, or None.
        spent: USD that ended jobs have cost.
        reserved: USD reserved for the jobs in flight.
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
        needed: Estimated cost of the run in USD.
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
    """A function that corrects subtitles failed for a language; nothing was rendered.

    Its exception is the ``__cause__``.

    Attributes:
        language: The language.
    """

    def __init__(self, message: str, *, language: str) -> None:
        super().__init__(message)
        self.language = language


class ProofreadExpired(HeyGenError):
    """A proofread has expired before it was rendered; HeyGen keeps one for about 24 h.

    Nothing was paid for it. A new one is created if ``localize(renew=…)`` allows it.

    Attributes:
        language: The language.
        srt: The corrected subtitles, or None if there are none.
    """

    def __init__(self, message: str, *, language: str, srt: str | None = None) -> None:
        super().__init__(message)
        self.language = language
        self.srt = srt


class DuplicateKey(HeyGenError):
    """Two items of one run have the same key; the second was not submitted.

    Attributes:
        path: Name of the run's journal.
        key: The key.
    """

    def __init__(self, message: str, *, path: str, key: str) -> None:
        super().__init__(message)
        self.path = path
        self.key = key


class IdempotencyMismatch(HeyGenError):
    """An item of a resumed run differs from its record in the journal; nothing was sent.

    The API replays the first answer to a key even if the body differs, so the new payload would
    silently get the old video.

    Attributes:
        key: The item's key.
    """

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


class UncertainSubmission(HeyGenError):
    """It is not known whether an item was submitted, so it is not sent again.

    Its answer was lost. Its idempotency key is older than the 24 h in which the API replays
    answers, or its operation takes no key, and the account shows no job that certainly belongs to
    the item.

    Attributes:
        key: The item's key.
    """

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


class RecordedFailure(HeyGenError):
    """An item failed in an earlier run, according to its journal.

    Attributes:
        error_type: Name of the exception's class.
        code: The API's code, or None.
    """

    def __init__(self, message: str, *, error_type: str, code: str | None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.code = code


class ItemRejected(HeyGenError):
    """A person has rejected the result of an item, which is not made again.

    Attributes:
        key: The item's key.
        by: Who rejected it.
    """

    def __init__(self, message: str, *, key: str, by: str) -> None:
        super().__init__(message)
        self.key = key
        self.by = by
