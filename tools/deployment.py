"""Build the function and deploy the one template to the emulator, with SAM as for AWS."""

import fcntl
import hashlib
import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from tools import package
from tools.bootstrap import LOCAL, ROOT
from tools.console import err
from tools.project import (
    ARCHITECTURE,
    CREDENTIALS,
    IS_MAC,
    PACKAGER,
    REGION,
    RUNTIME,
    SAM,
    SAMCONFIG,
    SOURCE,
    STACK_NAME,
    TEMPLATE,
    ToolError,
    tool_environment,
)

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_apigatewayv2.type_defs import CorsTypeDef
    from mypy_boto3_cloudformation import CloudFormationClient

BUILD = LOCAL / "build"
BUILT_TEMPLATE = BUILD / "template.yaml"
BUNDLE = BUILD / "CreateFunction"
# What a container of `sam local invoke` runs: a Mac's own wheels do not load in one.
CONTAINER_BUILD = LOCAL / "build-container" if IS_MAC else BUILD
MAC_PLATFORMS = {"arm64": "aarch64-apple-darwin", "x86_64": "x86_64-apple-darwin"}
SAM_SECONDS = 300
INPUTS_TAG = "inputs"


def inputs() -> str:
    """Return a hash of all that decides what is built: another hash, another package."""
    digest = hashlib.sha256(f"{RUNTIME} {ARCHITECTURE}".encode())
    code = [
        path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    for path in [TEMPLATE, SAMCONFIG, PACKAGER, *sorted(code)]:
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build() -> None:
    """Build the package for this machine's Python, once for all stacks that need the same."""
    with _build_lock():
        stamp = BUILD / ".inputs"
        wanted = inputs()
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        target = {"LAMBDA_RUNTIME": RUNTIME, "LAMBDA_ARCHITECTURE": ARCHITECTURE}
        if CONTAINER_BUILD != BUILD:
            sam("build", "--template-file", TEMPLATE, "--build-dir", CONTAINER_BUILD, **target)
            target["PACKAGE_PLATFORM"] = MAC_PLATFORMS[ARCHITECTURE]
        sam("build", "--template-file", TEMPLATE, "--build-dir", BUILD, **target)
        stamp.write_text(wanted)


def build_for_aws() -> None:
    """Build as `sam build` by hand does, into `.aws-sam`, for the template's default target."""
    sam("build")


def deploy(endpoint_url: str, mandrill_url: str) -> None:
    """Deploy what was built; the stack's tag says from what, so that the state can never lie."""
    parameters = _parameters(mandrill_url)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    with _build_lock():  # until the package is uploaded with its digest
        package.write_parameters_digest(BUNDLE, parameters)
        sam(
            *("deploy", "--config-file", SAMCONFIG, "--config-env", "local"),
            *("--template-file", BUILT_TEMPLATE, "--tags", f"{INPUTS_TAG}={_tag(mandrill_url)}"),
            *("--parameter-overrides", *overrides),
            AWS_ENDPOINT_URL=endpoint_url,
            SAM_CLI_POLL_DELAY="0.5",
        )


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
    template = built_template()
    cors: CorsTypeDef = template["Resources"]["Api"]["Properties"]["CorsConfiguration"]
    origins = template["Parameters"]["AllowedOrigins"]["Default"].split(",")
    apis.update_api(ApiId=api_id, CorsConfiguration={**cors, "AllowOrigins": origins})


def built_template() -> dict[str, Any]:
    """Read what `sam build` made of the template."""
    return cast(dict[str, Any], yaml.safe_load(BUILT_TEMPLATE.read_text()))


def sam(*arguments: str | Path, **more: str) -> None:
    """Run SAM; its long output is shown only when it fails."""
    settings = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(LOCAL / "sam-home")}
    region = {"AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(  # noqa: S603
        [SAM, *arguments],
        cwd=ROOT,
        env=tool_environment(**settings, **region, **CREDENTIALS, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SAM_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"sam {arguments[0]} failed:\n{done.stdout}{done.stderr}")
    for line in (done.stdout + done.stderr).splitlines():
        if "WARNING" in line:
            err.print(line, markup=False, soft_wrap=True)


def _parameters(mandrill_url: str) -> dict[str, str]:
    return {
        "Stage": "local",
        "Runtime": RUNTIME,
        "Architecture": ARCHITECTURE,
        "MandrillUrl": mandrill_url,
    }


def _tag(mandrill_url: str) -> str:
    parameters = json.dumps(_parameters(mandrill_url), sort_keys=True)
    return hashlib.sha256(f"{inputs()} {parameters}".encode()).hexdigest()


@contextmanager
def _build_lock() -> Iterator[None]:
    """Keep others from the build directory: `make test` may run beside `make up`."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def zipped_size(bundle: Path) -> int:
    """Return the size of the zip that `sam deploy` uploads."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in bundle.rglob("*"):
                archive.write(path, path.relative_to(bundle))
        return file.tell()
