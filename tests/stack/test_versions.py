"""A changed parameter publishes a version, so that the alias runs with the new values."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.template import template
from tools.local_stack import demo, processes, services
from tools.local_stack import stack as local
from tools.local_stack.aws import session
from tools.paths import SAM, SAMCONFIG, TEMPLATE
from tools.release import package

SECONDS: Final = 120
OTHER: Final = "another-value"
# SAM's own hash of a package, and its own transform: what names a version on AWS.
VERSIONS: Final = """
import json, sys
from samcli.lib.utils.hash import dir_checksum
from samtranslator.translator.transform import transform

class NoManagedPolicies:
    def load(self):
        return {}

template, packages = json.load(sys.stdin)
for name, package in packages.items():
    uri = f"s3://bucket/{dir_checksum(package)}"
    for function in ("CreateFunction", "KeeperFunction"):
        template["Resources"][function]["Properties"]["CodeUri"] = uri
    resources = transform(json.loads(json.dumps(template)), {}, NoManagedPolicies())["Resources"]
    versions = [name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Version"]
    packages[name] = versions
print(json.dumps(packages))
"""


def versions(packages: dict[str, Path]) -> dict[str, str]:
    """Return the version that SAM publishes for each package, all else being the same."""
    done = subprocess.run(  # noqa: S603 - the interpreter that runs SAM
        [SAM.with_name("python"), "-c", VERSIONS],
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
        input=json.dumps([template(), {name: str(path) for name, path in packages.items()}]),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    found = json.loads(done.stdout)
    return {name: version for name, (version,) in found.items()}


def with_default(name: str) -> str:
    """Return the template's text with another default for one parameter."""
    head, declaration, rest = TEMPLATE.read_text().partition(f"\n  {name}:\n")
    before, default, value = rest.partition("    Default: ")
    assert declaration
    assert default
    return f"{head}{declaration}{before}{default}{OTHER}\n{value.partition(chr(10))[2]}"


def with_override(name: str, stage: str) -> str:
    """Return samconfig.toml's text with another value of one parameter in one stage."""
    text = SAMCONFIG.read_text()
    head, section, rest = text.partition(f"[{stage}.deploy.parameters.parameter_overrides]")
    before, override, after = rest.partition(f"\n{name} = ")
    assert section
    assert override
    return f'{head}{section}{before}{override}"{OTHER}"\n{after.partition(chr(10))[2]}'


def test_every_parameter_changes_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new value of any parameter gives a new version, wherever the value comes from."""
    packages: dict[str, Path] = {}

    def pack(name: str, overrides: dict[str, str]) -> None:
        packages[name] = tmp_path / name
        packages[name].mkdir()
        package.write_parameters_digest(packages[name], overrides)

    pack("unchanged", {})
    pack("again", {})
    for parameter in template()["Parameters"]:
        pack(f"added {parameter}", {parameter: OTHER})
        for stage in ("dev", "prod"):
            changed = tmp_path / "samconfig.toml"
            changed.write_text(with_override(parameter, stage))
            with monkeypatch.context() as patched:
                patched.setattr(package, "SAMCONFIG", changed)
                pack(f"{stage} {parameter}", {})
        changed = tmp_path / "template.yaml"
        changed.write_text(with_default(parameter))
        with monkeypatch.context() as patched:
            patched.setattr(package, "TEMPLATE", changed)
            pack(f"default {parameter}", {})

    published = versions(packages)
    assert published.pop("again") == published["unchanged"]
    assert len(published) == 1 + 4 * len(template()["Parameters"])
    assert len(set(published.values())) == len(published)


def test_a_build_by_hand_has_the_digest(tmp_path: Path) -> None:
    """What `sam build` calls puts the digest into the package: no further command is needed."""
    built, expected = tmp_path / "built", tmp_path / "expected"
    expected.mkdir()
    package.write_parameters_digest(expected, {})
    subprocess.run(  # noqa: S603 - as src/Makefile does
        [sys.executable, package.__file__],
        env=os.environ | {"ARTIFACTS_DIR": str(built)},
        timeout=SECONDS,
        check=True,
    )
    name = package.PARAMETERS_DIGEST
    assert (built / name).read_text() == (expected / name).read_text()


def test_the_alias_follows_a_parameter(tmp_path: Path) -> None:
    """After `make up` on another port the alias calls the Mandrill sandbox of that port."""
    published: list[Any] = []
    try:
        for _ in range(2):
            stack = local.up(processes.free_ports(services.PORTS), tmp_path)
            lambdas = session.client("lambda", endpoint_url=stack.endpoint_url)
            alias = lambdas.get_function_configuration(
                FunctionName=stack.function_name, Qualifier="live"
            )
            published.append(alias["Version"])
            assert alias["Environment"]["Variables"]["MANDRILL_URL"] == stack.mandrill_url
            assert demo.create(stack)["status"] == "action-successful"
            local.down(tmp_path)
    finally:
        local.down(tmp_path)
    assert published[0] != published[1]
