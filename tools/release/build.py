"""Build the function's package with SAM, for this machine or for AWS."""

import fcntl
import hashlib
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import yaml

from tools.bootstrap import LOCAL, ROOT
from tools.environment import (
    ARCHITECTURE,
    CREDENTIALS,
    IS_MAC,
    REGION,
    RUNTIME,
    tool_environment,
)
from tools.errors import ToolError
from tools.paths import SAM, SAMCONFIG, SOURCE, TEMPLATE
from tools.release import package
from tools.terminal import err

BUILD: Final = LOCAL / "build"
BUILT_TEMPLATE: Final = BUILD / "template.yaml"
BUNDLE: Final = BUILD / "CreateFunction"
# The keeper's is the same package.
BUNDLES: Final = (BUNDLE, BUILD / "KeeperFunction")
# What a container of `sam local invoke` runs: a Mac's own wheels do not load in one.
CONTAINER_BUILD: Final = LOCAL / "build-container" if IS_MAC else BUILD
MAC_PLATFORMS: Final = {"arm64": "aarch64-apple-darwin", "x86_64": "x86_64-apple-darwin"}
SAM_SECONDS: Final = 300


def inputs() -> str:
    """Return a hash of all that decides what is built: another hash, another package."""
    digest = hashlib.sha256(f"{RUNTIME} {ARCHITECTURE}".encode())
    code = [
        path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    for path in [TEMPLATE, SAMCONFIG, Path(package.__file__), *sorted(code)]:
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def build() -> None:
    """Build the package for this machine's Python, once for all stacks that need the same."""
    with build_lock():
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


def built_template() -> dict[str, Any]:
    """Read what `sam build` made of the template."""
    return cast(dict[str, Any], yaml.safe_load(BUILT_TEMPLATE.read_text()))


def zipped_size(bundle: Path) -> int:
    """Return the size of the zip that `sam deploy` uploads."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in bundle.rglob("*"):
                archive.write(path, path.relative_to(bundle))
        return file.tell()


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


@contextmanager
def build_lock() -> Iterator[None]:
    """Keep others from the build directory: `make test` may run beside `make up`."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
