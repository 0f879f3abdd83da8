"""The types of the attributes of all exceptions."""

from __future__ import annotations

from typing import Any, assert_type

from heygen_async import (
    APIError,
    AuthenticationError,
    BadRequest,
    BatchStopped,
    BudgetExceeded,
    CallError,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    CorrectionFailed,
    DeliveryError,
    DuplicateKey,
    HeyGenError,
    IdempotencyMismatch,
    InsufficientBalance,
    InvalidRequest,
    InvalidResponse,
    InvalidVariants,
    ItemRejected,
    JobError,
    JobFailed,
    JobNeedsInput,
    JobTimeout,
    JournalError,
    MalformedDelivery,
    NotFound,
    PayloadTooLarge,
    PaymentRequired,
    PermissionDenied,
    ProofreadExpired,
    QuotaExceeded,
    RateLimited,
    RecordedFailure,
    RequestTimeout,
    ServerError,
    SignatureMismatch,
    SignatureMissing,
    SlotsUnavailable,
    SlotUnavailable,
    StaleDelivery,
    TransferError,
    TransportError,
    UncertainSubmission,
    UploadCacheError,
    URLExpired,
    VariantProblem,
    WebhookError,
    accepted_job_ids,
)


def of_calls(call: CallError, api: APIError, lost: ConnectionFailed, odd: InvalidResponse) -> None:
    assert_type(call.message, str)
    assert_type(call.method, str)
    assert_type(call.path, str)
    assert_type(call.attempts, int)
    assert_type(api.status, int)
    assert_type(api.code, str)
    assert_type(api.param, str | None)
    assert_type(api.doc_url, str | None)
    assert_type(api.request_id, str | None)
    assert_type(api.retry_after, float | None)
    assert_type(lost.sent, bool)
    assert_type(odd.status, int)
    assert_type(odd.garbled, bool)


def of_requests(invalid: InvalidRequest, variants: InvalidVariants) -> None:
    assert_type(invalid.param, str | None)
    assert_type(variants.problems, list[VariantProblem])
    problem = variants.problems[0]
    assert_type(problem.index, int)
    assert_type(problem.variable, str | None)
    assert_type(problem.reason, str)


def of_jobs(error: JobError, failed: JobFailed) -> None:
    assert_type(error.job_id, str)
    assert_type(error.last, Any)
    assert_type(failed.code, str | None)
    assert_type(failed.message, str)


def of_batches(
    stopped: BatchStopped,
    budget: BudgetExceeded,
    journal: JournalError,
    twice: DuplicateKey,
    other: IdempotencyMismatch,
    uncertain: UncertainSubmission,
    recorded: RecordedFailure,
    rejected: ItemRejected,
    correction: CorrectionFailed,
    expired: ProofreadExpired,
    empty: InsufficientBalance,
) -> None:
    assert_type(stopped.key, str)
    assert_type(stopped.error, HeyGenError)
    assert_type(budget.max_cost, float | None)
    assert_type(budget.max_jobs, int | None)
    assert_type(budget.spent, float)
    assert_type(budget.reserved, float)
    assert_type(budget.not_submitted, tuple[str, ...])
    assert_type(journal.path, str)
    assert_type(journal.reason, str)
    assert_type(twice.key, str)
    assert_type(other.key, str)
    assert_type(uncertain.key, str)
    assert_type(expired.srt, str | None)
    assert_type(recorded.error_type, str)
    assert_type(recorded.code, str | None)
    assert_type(rejected.by, str)
    assert_type(correction.language, str)
    assert_type(empty.needed, float)
    assert_type(empty.available, float)


def of_media_and_webhooks(
    transfer: TransferError,
    cache: UploadCacheError,
    stale: StaleDelivery,
    delivery: DeliveryError,
) -> None:
    assert_type(transfer.status, int | None)
    assert_type(cache.path, str)
    assert_type(stale.age, float | None)
    assert_type(str(delivery), str)


def a_call(error: CallError) -> None:
    assert_type(error.maybe_carried_out, bool)
    assert_type(accepted_job_ids(error), list[str])


def the_tree() -> None:
    answers: list[type[APIError]] = [
        AuthenticationError,
        BadRequest,
        Conflict,
        NotFound,
        PaymentRequired,
        PermissionDenied,
        RateLimited,
        ServerError,
    ]
    calls: list[type[CallError]] = [
        *answers,
        InvalidResponse,
        SlotUnavailable,
        SlotsUnavailable,
        TransportError,
    ]
    lost: list[type[TransportError]] = [ConnectionFailed, RequestTimeout]
    jobs: list[type[JobError]] = [JobFailed, JobNeedsInput, JobTimeout]
    deliveries: list[type[WebhookError]] = [
        MalformedDelivery,
        SignatureMismatch,
        SignatureMissing,
        StaleDelivery,
    ]
    quotas: type[RateLimited] = QuotaExceeded
    sizes: type[BadRequest] = PayloadTooLarge
    lapsed: type[TransferError] = URLExpired
    late: list[type[TimeoutError]] = [JobTimeout, RequestTimeout]
    wrong: list[type[ValueError]] = [InvalidRequest, InvalidVariants]
    every: list[type[HeyGenError]] = [*calls, *lost, *jobs, *deliveries, ConfigurationError]
    print(quotas, sizes, lapsed, late, wrong, every)
