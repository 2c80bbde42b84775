"""The commands behind the Makefile: `python -m tools up --port 4566`."""

import signal

# Ctrl-C while the libraries are imported ends it without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import click

from appointments_operator.deployment import DISTRIBUTION
from tools.bootstrap import ROOT
from tools.checks import audit
from tools.command import Command, ToolGroup
from tools.load import run as load
from tools.local_stack import commands
from tools.release import adopt, build, deploy
from tools.terminal import out, step


@click.group(
    cls=ToolGroup,
    examples=["make up", "make run PORT=4600", "make mailbox JSON=1"],
    epilog="Exit codes: 0 done; 1 it could not be done; 2 wrong usage; 130 interrupted.",
)
@click.version_option(package_name=DISTRIBUTION)
def main() -> None:
    """Do what the Makefile's target of the same name says."""


for command in commands.COMMANDS:
    main.add_command(command)


@main.command("build", cls=Command, examples=["make build"])
def build_for_aws() -> None:
    """Build for AWS, and print the size of what Lambda would get."""
    with step("Build the package (sam build)"):
        build.build_for_aws()
    bundle = ROOT / ".aws-sam" / "build" / "CreateFunction"
    out.print(f"{bundle.relative_to(ROOT)}: {build.zipped_size(bundle) / 1e6:.1f} MB zipped")


@main.command("audit", cls=Command, examples=["make audit", "make audit OFFLINE=1"])
@click.option("--offline", is_flag=True, help="Without the locks.")
def scan(*, offline: bool) -> None:
    """Scan the template, the code and the locks for known weaknesses."""
    audit.audit(offline=offline)


@main.command("load", cls=Command, examples=["make load SECONDS=60"])
@click.option("--seconds", type=click.IntRange(1), default=180, show_default=True)
def run_load(seconds: int) -> None:
    """Load a stack of its own while its parts fail in turn."""
    load.load(seconds)


@main.command("deploy", cls=Command, examples=["make deploy STAGE=dev"])
@click.argument("stage", default="")
@click.option("--at-once", is_flag=True, help="Without a gradual deployment, for a repair.")
def deploy_stage(stage: str, at_once: bool) -> None:
    """Deploy the commit that is checked out to STAGE."""
    deploy.deploy(stage, at_once=at_once)


@main.command("adopt", cls=Command, examples=["make adopt STAGE=dev"])
@click.argument("stage", default="")
def adopt_stage(stage: str) -> None:
    """Make the stack of STAGE, which was deleted, anew around what it retained."""
    adopt.adopt(stage)


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    main(prog_name="python -m tools")
