"""Build the function's package: what `sam build` zips (called by src/Makefile).

Runs on a bare Python beside uv, with nothing else installed. `ARTIFACTS_DIR` comes from SAM;
`LAMBDA_RUNTIME` and `LAMBDA_ARCHITECTURE` choose another target than the template's defaults,
`PACKAGE_PLATFORM` another platform than Linux, under uv's name for it.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
LOCAL = ROOT / ".local"
TEMPLATE = ROOT / "template.yaml"
SAMCONFIG = ROOT / "samconfig.toml"
PARAMETERS_DIGEST = "parameters.sha256"
# The template's defaults: a test compares them.
DEFAULT_RUNTIME = "python3.13"
DEFAULT_ARCHITECTURE = "arm64"
PLATFORMS = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}

# The clients that the function makes. botocore ships the data of four hundred services.
SERVICES = ["dynamodb", "lambda", "secretsmanager", "sns"]
SHARED_DATA = ["_retry.json", "endpoints.json", "partitions.json"]
SHARED_DATA += ["sdk-default-configuration.json"]
# The roots under which AWS's services stand, as Amazon lists them for custom trust stores
# (https://www.amazontrust.com/repository/).
ROOTS = [f"Amazon Root CA {number}" for number in (1, 2, 3, 4)]
ROOTS += ["Starfield Services Root Certificate Authority - G2"]
# What the function never imports; the test with a bare interpreter checks this list.
POWERTOOLS = ["auth_alpha", "circuit_breaker", "data_masking", "feature_flags", "idempotency"]
POWERTOOLS += ["kafka", "parameters", "parser", "streaming", "validation"]
UNUSED = [
    "bin",
    "aws_lambda_powertools/event_handler",
    *(f"aws_lambda_powertools/utilities/{name}" for name in POWERTOOLS),
    "pydantic/mypy.py",
    "pydantic/v1",
    "dateutil/zoneinfo",
    "**/py.typed",
    "**/*.pyi",
    # Package names and versions stay (METADATA): scanners of deployed functions read them.
    "*.dist-info/[!M]*",
]


def main() -> None:
    """Build the package into SAM's artifacts directory."""
    target = Path(os.environ["ARTIFACTS_DIR"])
    version = os.environ.get("LAMBDA_RUNTIME", DEFAULT_RUNTIME).removeprefix("python")
    architecture = os.environ.get("LAMBDA_ARCHITECTURE", DEFAULT_ARCHITECTURE)
    shutil.rmtree(target, ignore_errors=True)
    install(target, version, os.environ.get("PACKAGE_PLATFORM", PLATFORMS[architecture]))
    shutil.copytree(
        SOURCE / "appointments",
        target / "appointments",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for pattern in UNUSED:
        for path in list(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    trim_botocore_data(target / "botocore" / "data")
    trim_certificates(target / "botocore" / "cacert.pem")
    compile_bytecode(target, version)
    write_parameters_digest(target, {})


def install(target: Path, version: str, platform_tag: str) -> None:
    """Install the locked wheels for the function's Python and processor, hashes checked."""
    os.environ.setdefault("UV_CACHE_DIR", str(LOCAL / "cache" / "uv"))
    options = ["--require-hashes", "--only-binary", ":all:", "--link-mode", "copy", "--quiet"]
    target_options = [
        "--target",
        str(target),
        "--python-version",
        version,
        "--python-platform",
        platform_tag,
    ]
    lock = str(SOURCE / "requirements.txt")
    run(uv(), "pip", "install", "--python", sys.executable, *options, *target_options, "-r", lock)


def trim_botocore_data(data: Path) -> None:
    """Keep the newest model of each service used, without its documentation and other endpoints.

    botocore parses these files at every cold start, and three quarters of them is text for people.
    Saves 13 % of a cold start.
    """
    data_files = [data / name for name in SHARED_DATA]
    for service in SERVICES:
        newest = max(path.parent for path in (data / service).glob("*/service-2.json.gz"))
        data_files += [path for path in newest.iterdir() if not path.name.startswith("examples")]
    slim = {path: without_documentation(read_json(path)) for path in data_files}
    for partition in slim[data / "endpoints.json"]["partitions"]:
        partition["services"] = {s: e for s, e in partition["services"].items() if s in SERVICES}
    shutil.rmtree(data)
    for path, content in slim.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name.removesuffix(".gz")).write_text(
            json.dumps(content, separators=(",", ":"))
        )


def trim_certificates(path: Path) -> None:
    """Keep the five roots of AWS, out of botocore's 126.

    OpenSSL reads the file before the first call. Saves 14 % of a cold start over TLS. botocore
    calls AWS alone; Mandrill's certificate is verified with the system's own roots.
    """
    certificates = {
        label: block
        for block in path.read_text(encoding="utf-8").split("\n\n")
        if (label := block.partition('# Label: "')[2].partition('"')[0])
    }
    if missing := set(ROOTS) - set(certificates):
        sys.exit(f"botocore's cacert.pem has no {', '.join(sorted(missing))} any more.")
    path.write_text("\n\n".join(certificates[label] for label in ROOTS) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read one file of botocore's data."""
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def without_documentation(value: Any) -> Any:
    """Return a model without its `documentation` texts."""
    if isinstance(value, dict):
        return {
            key: without_documentation(item)
            for key, item in value.items()
            if not (key == "documentation" and isinstance(item, str))
        }
    return [without_documentation(item) for item in value] if isinstance(value, list) else value


def compile_bytecode(target: Path, version: str) -> None:
    """Compile with the runtime's own minor version: without .pyc a cold start takes twice as long.

    Unchecked, because Lambda's file times say nothing.
    """
    python = find_python(version)
    if python is None:
        warn(
            f"No Python {version} was found on this machine, so the package has no .pyc files: it "
            f"works, but starts half as fast. Install Python {version} (on the PATH, with pyenv or "
            "with uv) and build again."
        )
        return
    run(
        python,
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        str(target),
    )


def write_parameters_digest(package: Path, overrides: Mapping[str, str]) -> None:
    """Write a digest of all parameter values into the package, so that its hash depends on them.

    SAM publishes a version only if the package's hash or the template's text changes. A parameter
    changes neither. A build does not know its stage, so the overrides of every stage count.
    `overrides` are those that samconfig.toml does not have.
    """
    declared = re.search(
        r"^Parameters:\n(.*?)^[A-Z]", TEMPLATE.read_text(), re.DOTALL | re.MULTILINE
    )
    if declared is None:
        sys.exit("template.yaml has no section Parameters, followed by another one.")
    stages = {
        stage: commands["deploy"]["parameters"].get("parameter_overrides")
        for stage, commands in tomllib.loads(SAMCONFIG.read_text()).items()
        if isinstance(commands, dict) and "deploy" in commands
    }
    values = json.dumps([declared[1], stages, dict(overrides)], sort_keys=True)
    digest = hashlib.sha256(values.encode()).hexdigest()
    (package / PARAMETERS_DIGEST).write_text(f"{digest}\n")


def find_python(version: str) -> str | None:
    """Find an interpreter of this minor version: this one, pyenv's, on the PATH or uv's own."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for python in sorted(pyenv.glob(f"{version}.*/bin/python")):
        return str(python)
    command = [uv(), "python", "find", "--no-project", "--no-python-downloads", version]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip() if found.returncode == 0 else None


def uv() -> str:
    """Find uv: the project's own, else the machine's."""
    own = LOCAL / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        sys.exit("uv is missing: run `make build` once, which brings it, or put uv on the PATH.")
    return found


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)  # noqa: S603


def warn(text: str) -> None:
    """Say it on the output: SAM swallows the error stream of a build that succeeds."""
    print(f"WARNING: {text}")  # noqa: T201


if __name__ == "__main__":
    main()
