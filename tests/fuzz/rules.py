"""What section 2 of the specification says of every response, and sections 9 and 10 beside it.

Written from the specification: nothing of the code under test is imported.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_TABLE: Final = Path(__file__).parents[2] / "docs" / "contract" / "statuses.csv"
# By status: the code, retryable and notified (section 2.2).
STATUSES: Final = {
    row["name"]: (
        int(row["code"] or row["settled_code"]),
        row["settled_retryable"] == "yes",
        row["settled_notified"] == "yes",
    )
    for row in csv.DictReader(_TABLE.read_text(encoding="utf-8").splitlines())
}
WITH_DATA: Final = ("action-successful", "mandrill-email-failed")
ALWAYS: Final = ("status", "code", "message", "request_id", "saved", "retryable", "warnings")
KEYS: Final = {*ALWAYS, "uuid", "replayed", "data", "session", "errors"}
EMAIL: Final = ("sent", "partly-sent", "failed", "unknown", "pending", "skipped")
# A traceback or a name of the inside.
INTERNAL: Final = re.compile(
    r"Traceback|\bappointments\.[a-z_]|botocore|pynamodb|pydantic|DynamoDB|\.py\b|Exception"
)
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST_LINE: Final = 64 * 1024
LONGEST_SUBJECT: Final = 100


def of_payload(payload: Any, request_id: str) -> Iterator[str]:
    """Yield what is wrong with the form of a response, whatever it responds to."""
    if not isinstance(payload, dict) or set(payload) != {
        "statusCode", "headers", "body", "isBase64Encoded",
    }:  # fmt: skip
        yield "the payload has another form"
        return
    body, headers = json.loads(payload["body"].encode()), payload["headers"]
    yield from _of_headers(headers, body)
    if not set(ALWAYS) <= set(body) <= KEYS:
        yield f"keys: {sorted(body)}"
        return
    known = STATUSES.get(body["status"])
    if known is None or (body["code"], body["retryable"]) != known[:2]:
        yield "status, code and retryable do not go together"
    if payload["statusCode"] != body["code"]:
        yield "the HTTP status is not the code"
    if body["request_id"] != request_id:
        yield "another request_id"
    if not body["message"].strip() or INTERNAL.search(body["message"]):
        yield f"message: {body['message']!r}"
    is_success, has_data = body["status"] == "action-successful", body["status"] in WITH_DATA
    if is_success == ("errors" in body):
        yield "`errors` is there for a failure, and for no success"
    if has_data != ("data" in body) or (has_data and "replayed" not in body):
        yield "`data` and `replayed` are there for a success and a failed email alone"
    if has_data and body["saved"] is not True:
        yield "data without saved"
    if "uuid" in body and not UUID.fullmatch(body["uuid"]):
        yield f"uuid: {body['uuid']}"
    if body["retryable"] and "uuid" in body and body["uuid"] not in body["message"]:
        yield "the message of a retryable failure does not name the uuid"
    yield from _of_errors(body)
    if has_data:
        yield from _of_data(body)


def _of_headers(headers: Any, body: Any) -> Iterator[str]:
    wanted = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Request-Id": body.get("request_id"),
    }
    if {**headers, **wanted} != headers:
        yield f"headers: {headers}"
    if (headers.get("Idempotency-Replayed") == "true") is not (body.get("replayed") is True):
        yield "Idempotency-Replayed does not go with replayed"


def _of_errors(body: Any) -> Iterator[str]:
    errors = body.get("errors", [])
    for error in errors:
        if set(error) - {"received"} != {"param", "status", "message"}:
            yield f"error: {error}"
        elif error["status"] not in ("missing-param", "invalid-param"):
            yield f"error: {error['status']}"
        elif len(error.get("received", "")) > 100 or (
            error["param"] == "token" and "received" in error
        ):
            yield f"received of {error['param']}"
        elif not error["message"].strip() or INTERNAL.search(error["message"]):
            yield f"message of {error['param']}: {error['message']!r}"
    listed = {error["status"] for error in errors}
    is_about_params = body["status"] in ("missing-param", "invalid-param")
    worst = "missing-param" if "missing-param" in listed else "invalid-param"
    if is_about_params != bool(errors) or (errors and body["status"] != worst):
        yield f"status {body['status']} with errors {sorted(listed)}"
    names = [error["param"] for error in errors]
    if len(names) != len(set(names)):
        yield f"a parameter stands twice among the errors: {names}"
    for warning in body["warnings"]:
        if set(warning) != {"param", "message"} or not warning["message"].strip():
            yield f"warning: {warning}"


def _of_data(body: Any) -> Iterator[str]:
    data, email = body["data"], body["data"]["email"]
    if set(data) != {"appointment", "email"} or data["appointment"]["uuid"] != body["uuid"]:
        yield f"data: {sorted(data)}"
    if email["status"] not in EMAIL:
        yield f"email status: {email['status']}"
    is_failure = email["status"] not in ("sent", "skipped", "pending")
    if is_failure != (body["status"] == "mandrill-email-failed"):
        yield f"an email that is {email['status']} with {body['status']}"
    if is_failure and not email.get("reason"):
        yield "a failed email without its reason"
    for recipient in email["recipients"]:
        if not {"email", "status", "id"} <= set(recipient):
            yield f"recipient: {sorted(recipient)}"


def of_log(lines: list[str], responses: list[Any], *, is_replay: bool) -> Iterator[str]:
    """Yield what is wrong with the log of one invocation."""
    if any(len(line.encode()) > LONGEST_LINE for line in lines):
        yield "a log line is longer than 64 KiB"
    entries = [json.loads(line) for line in lines]
    requests = [entry for entry in entries if entry.get("message") == "request"]
    if len(requests) > (0 if is_replay else 1):
        yield "too many request log entries"
    logged = [entry for entry in entries if entry.get("message") == "response"]
    if len(logged) != len(responses):
        yield f"{len(logged)} response log entries for {len(responses)} responses"
        return
    for entry, body in zip(logged, responses, strict=True):
        for key in ("request_id", "uuid", "status", "code", "saved"):
            if entry.get(key, "none") != body.get(key):
                yield f"the response log entry has another {key}"
        if entry.get("replay", False) is not is_replay:
            yield "`replay` of the response log entry"


def of_notifications(published: list[Any], responses: list[Any]) -> Iterator[str]:
    """Yield what is wrong with what was published for these responses."""
    wanted = sum(STATUSES[body["status"]][2] for body in responses)
    if len(published) != wanted:
        yield f"{len(published)} notifications for {wanted} failures"
    for _, _, subject, attributes, *_ in published:
        if not subject.isascii() or len(subject) > LONGEST_SUBJECT:
            yield f"subject: {subject}"
        if not {"status", "stage", "service"} <= set(attributes):
            yield f"attributes: {sorted(attributes)}"
