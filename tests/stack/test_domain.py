"""With a domain of its own, callers reach the API under a name that outlives the stack."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.stack.releases import remove_kept
from tools.environment import ARCHITECTURE, RUNTIME
from tools.local_stack.aws import session
from tools.local_stack.stack import Stack
from tools.release import build

NAME = "appointments-domain"
DOMAIN = "appointments.example.com"
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/7f0c0f4e-6a57-4b38-9d3c-2f4a1f5d9c10"


@pytest.fixture
def outputs(stack: Stack, built: Path) -> Iterator[dict[str, str]]:
    """Deploy one more stack, with a domain, and return its outputs."""
    parameters = {"Stage": "domain", "Runtime": RUNTIME, "Architecture": ARCHITECTURE}
    parameters |= {"DomainName": DOMAIN, "CertificateArn": CERTIFICATE}
    build.sam(
        *("deploy", "--template-file", built, "--stack-name", NAME, "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())),
        AWS_ENDPOINT_URL=stack.endpoint_url,
    )
    cloudformation: Any = session.client("cloudformation", endpoint_url=stack.endpoint_url)
    (found,) = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    yield {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
    cloudformation.delete_stack(StackName=NAME)
    remove_kept(stack, NAME)


def test_callers_reach_the_function_under_the_domain(stack: Stack, outputs: dict[str, str]) -> None:
    """The domain leads to the function; AWS's own URL, which ends with the stack, is disabled."""

    def call(host: str) -> urllib3.BaseHTTPResponse:
        return urllib3.request(
            "POST",
            f"{stack.endpoint_url}/api/v1/appointments/create",
            headers={"Host": host, "Content-Type": "application/json"},
            body=b"{}",
            timeout=30,
            retries=False,
        )

    assert outputs["ApiUrl"] == f"https://{DOMAIN}"
    assert outputs["DomainTarget"]
    assert outputs["DomainTargetZone"]
    assert call(DOMAIN).json()["status"] == "service-not-found", "the function of this stack"
    # The emulator keeps the setting, and answers under its own URL nevertheless.
    apis = session.client("apigatewayv2", endpoint_url=stack.endpoint_url)
    assert apis.get_api(ApiId=outputs["ApiId"])["DisableExecuteApiEndpoint"] is True
