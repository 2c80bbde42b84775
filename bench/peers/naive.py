"""The naive peer: boto3's resource, validation by hand, prints.

https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
https://docs.aws.amazon.com/boto3/latest/guide/dynamodb.html (get_item, put_item)
https://docs.aws.amazon.com/boto3/latest/reference/services/dynamodb/service-resource/batch_get_item.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import hashlib
import json
import os
import time
import uuid
from datetime import UTC, date, datetime
from datetime import time as time_of_day

import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.resource("dynamodb")
sessions = dynamodb.Table(os.environ["SESSIONS_TABLE"])
appointments = dynamodb.Table(os.environ["APPOINTMENTS_TABLE"])
RECORDS = os.environ["RECORDS_TABLE"]

BOOLEANS = {"confirmed", "cancelled", "allday", "on_site_cancel", "optional", "same_day_cancel"}
BOOLEANS |= {"month_first", "ready_to_schedule"}
INTEGERS = {"order_id", "order_request_appt_id", "photographer_user_id", "time_duration_s"}
INTEGERS |= {"window_time_start", "window_time_end", "order_request_id"}
DATES = {"date_start_local", "date_start_office", "date_stop_local", "date_stop_office"}
DATES |= {"requested_date", "date_stop_utc", "date_start_utc"}
DATES |= {"window_date_start", "window_date_end"}
TIMES = {"requested_time", "time_start_local", "time_start_office", "time_stop_local"}
TIMES |= {"time_stop_office", "time_start_utc", "time_stop_utc"}
DATETIMES = {"confirmed_at", "created_at", "updated_at"}
STRINGS = {"token", "application", "session_view", "appt_type", "confirmed_by", "delivery_type"}
STRINGS |= {"description", "location", "notes", "photographer_name", "summary", "time_duration"}
STRINGS |= {"created_by", "created_in", "updated_at_mt", "updated_by", "uuid"}
REFERENCES = {
    "order_id": "order",
    "order_request_id": "order_request",
    "order_request_appt_id": "order_request_appt",
    "photographer_user_id": "user",
}
REQUIRED = ("token", "updated_at_mt")
PERMISSIONS = ("client", "employee", "liaison")
DAY = 24 * 3600


def lambda_handler(event, context):
    """Create an appointment."""
    request_id = event["requestContext"]["requestId"]
    try:
        body = create(json.loads(event["body"]), request_id)
    except Refused as refused:
        body = refused.body(request_id)
    print(json.dumps({"message": "response", "request_id": request_id, "status": body["status"]}))
    emit("AppointmentsCreated" if body["code"] == 200 else "AppointmentsRefused")
    return {
        "statusCode": body["code"],
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }


class Refused(Exception):
    """The request ends here."""

    def __init__(self, status, code, message, errors=()):
        super().__init__(message)
        self.status, self.code, self.message, self.errors = status, code, message, list(errors)

    def body(self, request_id):
        """Return the answer's body."""
        return {
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "request_id": request_id,
            "saved": False,
            "retryable": False,
            "errors": self.errors,
            "warnings": [],
        }


def create(params, request_id):
    """Validate, read, write; return the answer's body."""
    values = validate(params)
    logged = {name: value for name, value in values.items() if name != "token"}
    print(json.dumps({"message": "request", "request_id": request_id, "params": logged}))
    token = values.pop("token")
    session = read_session(token)
    application, role = choose_role(session, values.get("application"))
    check_references(values)
    wants_session = values.pop("session_view", None)
    values.pop("month_first", None)
    values["application"] = application
    values.setdefault("uuid", str(uuid.uuid5(uuid.NAMESPACE_URL, request_id)))
    try:
        appointments.put_item(
            Item={**values, "request_id": request_id, "role": role},
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "uuid"},
        )
    except ClientError as failed:
        if failed.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise invalid("uuid", "This key is another appointment's.") from None
    return {
        "status": "action-successful",
        "code": 200,
        "message": "The appointment was created.",
        "request_id": request_id,
        "uuid": values["uuid"],
        "saved": True,
        "retryable": False,
        "replayed": False,
        "data": {"appointment": values, "email": {"status": "skipped", "recipients": []}},
        **({"session": view(session, token)} if wants_session else {}),
        "warnings": [],
    }


def validate(params):
    """Return the values in their normal forms."""
    values, errors = {}, []
    for name in REQUIRED:
        if not params.get(name):
            errors.append({"param": name, "status": "missing-param", "message": "Send it."})
    for name, value in params.items():
        try:
            if name in BOOLEANS:
                if not isinstance(value, bool):
                    raise ValueError("not a boolean")
                values[name] = value
            elif name in INTEGERS:
                if isinstance(value, bool) or int(value) < 0:
                    raise ValueError("not a whole number")
                values[name] = int(value)
            elif name in DATES:
                values[name] = date.fromisoformat(value).isoformat()
            elif name in TIMES:
                values[name] = time_of_day.fromisoformat(value).isoformat()
            elif name in DATETIMES:
                values[name] = datetime.fromisoformat(value).isoformat()
            elif name in STRINGS:
                if not isinstance(value, str):
                    raise ValueError("not a string")
                values[name] = value
        except (TypeError, ValueError) as wrong:
            errors.append({"param": name, "status": "invalid-param", "message": str(wrong)})
    if errors:
        missing = any(error["status"] == "missing-param" for error in errors)
        status = "missing-param" if missing else "invalid-param"
        raise Refused(status, 400, "Correct this and send it again.", errors)
    return values


def invalid(name, message):
    """Return the refusal of one parameter."""
    error = {"param": name, "status": "invalid-param", "message": message}
    return Refused("invalid-param", 400, message, [error])


def read_session(token):
    """Return the session of a token that is good."""
    token_hash = hashlib.sha256(token.encode()).hexdigest()
    found = sessions.get_item(Key={"token_hash": token_hash}, ConsistentRead=True)
    session = found.get("Item")
    if session is None or session.get("revoked"):
        raise Refused("invalid-token", 401, "Sign in again.")
    now = time.time()
    if session["kind"] == "session" and not session.get("remember_me"):
        if (
            now - int(session["created_at"]) > 7 * DAY
            or now - int(session["last_used_at"]) > 3 * DAY
        ):
            raise Refused("session-expired", 401, "Sign in again.")
    return session


def choose_role(session, application):
    """Return the application and the role."""
    roles = session.get("roles") or {}
    if not roles:
        raise Refused("client-required", 401, "Register as a client.")
    for name in [application] if application else sorted(roles):
        if roles.get(name) in PERMISSIONS:
            return name, roles[name]
    raise invalid("application", "No role there.")


def check_references(values):
    """Check that the records exist."""
    wanted = {name: f"{kind}#{values[name]}" for name, kind in REFERENCES.items() if name in values}
    if not wanted:
        return
    keys = [{"record": key} for key in wanted.values()]
    answer = dynamodb.batch_get_item(RequestItems={RECORDS: {"Keys": keys, "ConsistentRead": True}})
    found = {record["record"] for record in answer["Responses"][RECORDS]}
    errors = [
        {"param": name, "status": "invalid-param", "message": "There is no such record."}
        for name, key in wanted.items()
        if key not in found
    ]
    if errors:
        raise Refused("invalid-param", 400, "There is no such record.", errors)


def view(session, token):
    """Return the session as the answer shows it."""
    return {
        "token": token,
        "uuid": session["uuid"],
        "kind": session["kind"],
        "remember_me": session.get("remember_me", False),
        "created_at": iso(int(session["created_at"])),
        "last_used_at": iso(int(session["last_used_at"])),
        "expires_at": None,
    }


def iso(seconds):
    """Return epoch seconds as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def emit(metric):
    """Print one metric in CloudWatch's embedded metric format."""
    declared = {
        "Namespace": "Bench",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": metric, "Unit": "Count"}],
    }
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [declared]}
    print(json.dumps({"_aws": aws, "service": "appointments-create", metric: 1}))
