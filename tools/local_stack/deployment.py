"""Deploy the one template to the emulator, with SAM as for AWS."""

import hashlib
import json
from typing import TYPE_CHECKING, Final

from tools.environment import ARCHITECTURE, RUNTIME, STACK_NAME
from tools.paths import SAMCONFIG
from tools.release import build, package

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_apigatewayv2.type_defs import CorsTypeDef
    from mypy_boto3_cloudformation import CloudFormationClient

INPUTS_TAG: Final = "inputs"


def deploy(endpoint_url: str, mandrill_url: str) -> None:
    """Deploy what was built; the stack's tag says from what, so that the state is always true."""
    parameters = _parameters(mandrill_url)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    with build.build_lock():  # until the package is uploaded with its digest
        for bundle in build.BUNDLES:
            package.write_parameters_digest(bundle, parameters)
        build.sam(
            "deploy", "--config-file", SAMCONFIG, "--config-env", "local",
            "--template-file", build.BUILT_TEMPLATE,
            "--tags", f"{INPUTS_TAG}={_tag(mandrill_url)}",
            "--parameter-overrides", *overrides,
            AWS_ENDPOINT_URL=endpoint_url,
            SAM_CLI_POLL_DELAY="0.5",
        )  # fmt: skip


def outputs(cloudformation: "CloudFormationClient", mandrill_url: str) -> dict[str, str] | None:
    """Return the stack's outputs, or nothing if it is missing or was made from something else."""
    try:
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    except cloudformation.exceptions.ClientError:
        return None
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    is_whole = stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    if not is_whole or tags.get(INPUTS_TAG) != _tag(mandrill_url):
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def restore_cors(apis: "ApiGatewayV2Client", api_id: str) -> None:
    """Give the API its CORS configuration: MiniStack loses it on the way from CloudFormation."""
    if apis.get_api(ApiId=api_id).get("CorsConfiguration"):
        return
    template = build.built_template()
    cors: CorsTypeDef = template["Resources"]["Api"]["Properties"]["CorsConfiguration"]
    origins = template["Parameters"]["AllowedOrigins"]["Default"].split(",")
    apis.update_api(ApiId=api_id, CorsConfiguration={**cors, "AllowOrigins": origins})


def _parameters(mandrill_url: str) -> dict[str, str]:
    return {
        "Stage": "local",
        "Runtime": RUNTIME,
        "Architecture": ARCHITECTURE,
        "MandrillUrl": mandrill_url,
        "MailWorkers": "2",
    }


def _tag(mandrill_url: str) -> str:
    parameters = json.dumps(_parameters(mandrill_url), sort_keys=True)
    return hashlib.sha256(f"{build.inputs()} {parameters}".encode()).hexdigest()
