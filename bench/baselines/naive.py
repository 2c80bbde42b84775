"""The naive baseline: boto3's resource, validation by hand, prints.

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
from datetime import date, datetime
from datetime import time as time_of_day

import boto3
import contract
from botocore.exceptions import ClientError

dynamodb = boto3.resource("dynamodb")
sessions = dynamodb.Table(os.environ["SESSIONS_TABLE"])
appointments = dynamodb.Table(os.environ["APPOINTMENTS_TABLE"])
RECORDS = os.environ["RECORDS_TABLE"]


def lambda_handler(event, context):
    """Create an appointment."""
    request_id = event["requestContext"]["requestId"]
    try:
        body = create(json.loads(event["body"]), request_id)
    except contract.ApiError as error:
        body = contract.failure(request_id, error)
    print(json.dumps({"message": "response", "request_id": request_id, "status": body["status"]}))
    emit("AppointmentsCreated" if body["code"] == 200 else "AppointmentsRefused")
    return {
        "statusCode": body["code"],
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(body),
    }


def create(params, request_id):
    """Validate, read, write; return the response's body."""
    values = validate(params)
    logged = {name: value for name, value in values.items() if name != "token"}
    print(json.dumps({"message": "request", "request_id": request_id, "params": logged}))
    token_hash = hashlib.sha256(values["token"].encode()).hexdigest()
    found = sessions.get_item(Key={"token_hash": token_hash}, ConsistentRead=True)
    session = contract.check_session(found.get("Item"))
    application, role = contract.choose_role(session.get("roles") or {}, values.get("application"))
    check_references(values)
    item = {name: value for name, value in values.items() if name not in contract.NOT_STORED}
    item["application"] = application
    item.setdefault("uuid", str(uuid.uuid5(uuid.NAMESPACE_URL, request_id)))
    try:
        appointments.put_item(
            Item={**item, "request_id": request_id, "role": role},
            ConditionExpression="attribute_not_exists(#key)",
            ExpressionAttributeNames={"#key": "uuid"},
        )
    except ClientError as failed:
        if failed.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        error = contract.invalid_param("uuid", "This uuid is another appointment's.")
        raise contract.invalid_params([error]) from None
    view = contract.session_view(session, values["token"]) if "session_view" in values else None
    return contract.success(request_id, item, view)


def validate(params):
    """Return the values in their normal forms."""
    values, errors = {}, []
    for name in contract.REQUIRED:
        if not params.get(name):
            errors.append({"param": name, "status": "missing-param", "message": "Send it."})
    for name, value in params.items():
        try:
            if name in contract.BOOLEANS:
                if not isinstance(value, bool):
                    raise ValueError("not a boolean")
                values[name] = value
            elif name in contract.INTEGERS:
                if isinstance(value, bool) or int(value) < 0:
                    raise ValueError("not a whole number")
                values[name] = int(value)
            elif name in contract.DATES:
                values[name] = date.fromisoformat(value).isoformat()
            elif name in contract.TIMES:
                values[name] = time_of_day.fromisoformat(value).isoformat()
            elif name in contract.DATETIMES:
                values[name] = datetime.fromisoformat(value).isoformat()
            elif name in contract.STRINGS:
                if not isinstance(value, str):
                    raise ValueError("not a string")
                values[name] = value
        except (TypeError, ValueError) as wrong:
            errors.append(contract.invalid_param(name, str(wrong)))
    if errors:
        raise contract.invalid_params(errors)
    return values


def check_references(values):
    """Check that the records exist."""
    keys = contract.references(values)
    if not keys:
        return
    wanted = {"Keys": [{"record": key} for key in keys.values()], "ConsistentRead": True}
    found = dynamodb.batch_get_item(RequestItems={RECORDS: wanted})["Responses"][RECORDS]
    contract.check_references(keys, {record["record"] for record in found})


def emit(metric):
    """Print one metric in CloudWatch's embedded metric format."""
    declared = {
        "Namespace": "Bench",
        "Dimensions": [["service"]],
        "Metrics": [{"Name": metric, "Unit": "Count"}],
    }
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [declared]}
    print(json.dumps({"_aws": aws, "service": "appointments-create", metric: 1}))
