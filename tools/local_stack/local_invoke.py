"""What `sam local invoke` needs to reach the local stack from its container: `make up` writes it.

samconfig.toml names the files, so that no option is needed. A container calls the local stack as
host.docker.internal, because its own 127.0.0.1 is the container itself.
"""

import json
import socket
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from appointments.names import ALIAS
from tools.environment import CREDENTIALS
from tools.local_stack.aws import session
from tools.paths import SAMCONFIG
from tools.release import build

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

    from tools.local_stack.stack import Stack

_SETTINGS: Final[dict[str, Any]] = tomllib.loads(SAMCONFIG.read_text())["default"]["local_invoke"][
    "parameters"
]
_HOST: Final[str] = _SETTINGS["add_host"][0].partition(":")[0]
BRIDGE: Final = "docker0"


def template_file(home: Path) -> Path:
    """Return where the template for `sam local invoke` is, for the stack of this home."""
    return home / Path(_SETTINGS["template_file"]).name


def variables_file(home: Path) -> Path:
    """Return where the container's environment variables are, for the stack of this home."""
    return home / Path(_SETTINGS["env_vars"]).name


def write(stack: "Stack", home: Path) -> None:
    """Write a template with the function as deployed, and the variables that it gets.

    SAM passes only variables that the template names, and prefers the shell's value to the
    template's. So the template names them, and the other file, which SAM prefers to both, has the
    values.
    """
    config = configuration(stack)
    values = {
        name: value.replace("//127.0.0.1:", f"//{_HOST}:")
        for name, value in variables(stack, config).items()
    }
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": str(build.CONTAINER_BUILD / build.BUNDLE.name),
            **{name: config[name] for name in ("FunctionName", "Handler", "Runtime")},
            **{name: config[name] for name in ("Architectures", "MemorySize", "Timeout")},
            "Environment": {"Variables": dict.fromkeys(values, "")},
        },
    }
    transform = "AWS::Serverless-2016-10-31"
    template = {"Transform": transform, "Resources": {"CreateFunction": function}}
    template_file(home).write_text(json.dumps(template, indent=2) + "\n")
    variables_file(home).write_text(json.dumps({"Parameters": values}, indent=2) + "\n")


def remove(home: Path) -> None:
    """Remove both files, so that `sam local invoke` says at once that there is no stack."""
    template_file(home).unlink(missing_ok=True)
    variables_file(home).unlink(missing_ok=True)


def configuration(stack: "Stack") -> "FunctionConfigurationResponseTypeDef":
    """Return the configuration of the deployed function's running version."""
    lambdas = session.client("lambda", endpoint_url=stack.endpoint_url)
    return lambdas.get_function_configuration(FunctionName=stack.function_name, Qualifier=ALIAS)


def variables(stack: "Stack", config: "FunctionConfigurationResponseTypeDef") -> dict[str, str]:
    """Return the deployed function's own variables, and those with which it calls this stack."""
    return {
        **config["Environment"]["Variables"],
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_REGION": stack.region,
        "AWS_LAMBDA_LOG_GROUP_NAME": stack.log_group,
    }


def bridge_address() -> str | None:
    """Return the host's address on Docker's bridge; None if Docker has none on this machine.

    Docker Desktop has none: its containers reach 127.0.0.1 of the host as host.docker.internal.
    """
    for address in psutil.net_if_addrs().get(BRIDGE, []):
        if address.family == socket.AF_INET:
            return address.address
    return None
