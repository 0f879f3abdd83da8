r"""Control the sandbox from other processes: paths on the API's host that are not part of the API.

They require the key of the API, use plain JSON, and are neither counted nor subject to faults.
Requests of browsers for a page, which have `Origin` or `Sec-Fetch-` headers, are refused with 403.

| path                | method | what                                                          |
|---------------------|--------|---------------------------------------------------------------|
| `/_sandbox/faults`  | GET    | the plan of faults, the members of `Faults` that are not 0    |
|                     | PUT    | replace the plan by the one in the body                       |
|                     | DELETE | end all faults                                                |
| `/_sandbox/ledger`  | GET    | `jobs`, each as a `LedgerJob`, in order, and their `usd`      |
| `/_sandbox/requests`| GET    | `by_operation` and `by_status` as in `RequestLog`, and        |
|                     |        | `struck`: applied faults of the plan, by operation and name   |

    curl -X PUT -H "x-api-key: $KEY" -d '{"drop": 0.1, "status": {"503": 0.02}}' \
        $BASE_URL/_sandbox/faults
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from ..account.account import Account
from ..answers import Json
from ..faults import Faults
from ..refusals import Refusal
from ..request_log import RequestLog

__all__ = ["PREFIX", "control"]

PREFIX = "/_sandbox/"


def control(account: Account, requests: RequestLog, method: str, path: str, body: bytes) -> Json:
    """Answer a request to one of the paths above.

    Raises:
        Refusal: 400 for an invalid plan, 404 for another path, 405 for another method.
    """
    match path.removeprefix(PREFIX), method:
        case "faults", "GET":
            pass
        case "faults", "PUT":
            account.faults = _plan(body)
        case "faults", "DELETE":
            account.faults = Faults()
        case "ledger", "GET":
            jobs = [asdict(job) for job in account.ledger.jobs]
            return {"usd": account.ledger.usd, "jobs": jobs}
        case "requests", "GET":
            struck: dict[str, Counter[str]] = {}
            for operation, fault in account.faults.struck:
                struck.setdefault(operation, Counter())[fault] += 1
            return {
                "by_operation": requests.by_operation,
                "by_status": requests.by_status,
                "struck": struck,
            }
        case "faults" | "ledger" | "requests", _:
            raise Refusal(405, "method_not_allowed", f"Not for {method}: {path}")
        case _:
            raise Refusal(404, "not_found", f"No such control: {path}")
    return account.faults.to_json()


def _plan(body: bytes) -> Faults:
    try:
        return Faults.from_json(body)
    except ValueError as error:
        raise Refusal(400, "invalid_parameter", str(error)) from None
