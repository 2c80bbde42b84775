"""The other end: bare Python, with the signature made by hand and nothing but the interpreter.

It makes the recorded calls (see `calls`) over `http.client`, and so shows what any library costs.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import http.client
import json
import os
import time
from typing import Any
from urllib.parse import urlsplit

_TARGETS = {"batch_get_item": "BatchGetItem", "put_item": "PutItem"}
_REGION = os.environ["AWS_REGION"]
_HOST = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
with open(os.environ["BENCH_CALLS"]) as _file:
    _CALLS = json.load(_file)
_connection = http.client.HTTPConnection(_HOST)


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Make the calls."""
    for operation, parameters in _CALLS:
        if "Item" in parameters:
            parameters["Item"]["uuid"]["S"] = event["requestContext"]["requestId"]
        body = json.dumps(parameters)
        _connection.request("POST", "/", body, _signed(_TARGETS[operation], body))
        response = _connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(answer)
        json.loads(answer)


def _signed(target: str, body: str) -> dict[str, str]:
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": _HOST,
        "x-amz-date": moment,
        "x-amz-target": f"DynamoDB_20120810.{target}",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body.encode()).hexdigest()}"
    scope = f"{moment[:8]}/{_REGION}/dynamodb/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(
        key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), "sha256"
    ).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers
