"""The operators' commands work from the built wheel in an environment that has nothing else."""

import ast
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest

from tools.bootstrap import LOCAL, REQUIREMENTS, ROOT, UV
from tools.environment import bare_environment

SECONDS: Final = 120
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES: Final = ("pyproject.toml", "README.md", "src", "appointments_operator", "tools")


@dataclass(frozen=True)
class Environment:
    """A virtual environment that has only what was installed into it."""

    home: Path

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that is installed in it."""
        return run(self.home / "bin" / command, *arguments)

    def install(self, *what: str | Path) -> None:
        """Install packages that were downloaded before; nothing else decides their versions."""
        options = ("--quiet", "--offline", "--no-deps", "--python", self.home)
        check(run(UV, "pip", "install", *options, *what))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command far from the project and without this shell's variables."""
    return subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd="/",
        env=bare_environment(UV_CACHE_DIR=str(LOCAL / "cache" / "uv")),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def check(done: subprocess.CompletedProcess[str]) -> None:
    """Fail with what the command said, if it failed."""
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the distribution from a copy of its sources, for a build leaves files beside them."""
    home = tmp_path_factory.mktemp("project")
    for source in map(ROOT.joinpath, SOURCES):
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, home / source.name, ignore=ignored)
        else:
            shutil.copy(source, home)
    options = ["--wheel", "--offline", "--no-build-isolation", "--python", sys.executable]
    check(run(UV, "build", *options, "--out-dir", home / "dist", home))
    (built,) = (home / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel and the lock of its extra into an environment of their own."""
    made = create(tmp_path_factory)
    made.install("--require-hashes", "--requirement", REQUIREMENTS / "operator.txt")
    made.install(wheel)
    return made


def create(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Create an empty environment."""
    made = Environment(tmp_path_factory.mktemp("environment") / "venv")
    check(run(UV, "venv", "--quiet", "--python", sys.executable, made.home))
    return made


@pytest.mark.parametrize("command", ["admin", "replay"])
def test_a_command_runs_where_nothing_else_is_installed(
    command: str, environment: Environment
) -> None:
    """The extra's lock has every library that a command imports."""
    done = environment.run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {command} ")


@pytest.mark.parametrize("command", ["admin", "replay"])
def test_a_command_prints_its_version(command: str, environment: Environment) -> None:
    """An operator can say which version has the fault."""
    assert (
        environment.run(command, "--version").stdout == f"{command}, version {PROJECT['version']}\n"
    )


def test_the_distribution_takes_no_common_name(environment: Environment) -> None:
    """It adds two packages, and none with a name that others use, such as `tools`."""
    listing = (
        "from importlib.metadata import packages_distributions as names; "
        "print(*sorted(n for n, d in names().items() if 'appointments-create-api' in d))"
    )
    done = environment.run("python", "-c", listing)
    assert done.stdout.split() == ["appointments", "appointments_operator"]
    assert environment.run("python", "-c", "import tools").returncode != 0


def test_without_the_extra_a_command_says_how_to_install_it(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The distribution alone has the function's libraries, and not those of the commands."""
    bare = create(tmp_path_factory)
    bare.install(wheel)
    done = bare.run("admin", "--help")
    assert done.returncode == 1
    assert "uv tool install '.[operator]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_console_is_an_extra_of_its_own(environment: Environment) -> None:
    """The other commands work without the console's libraries, and it says how to get them."""
    done = environment.run("admin", "--stack", "none", "console")
    assert done.returncode == 1
    assert "jinja2, starlette, uvicorn" in done.stderr
    assert "uv tool install '.[console]'" in done.stderr


def test_the_console_runs_from_the_wheel(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its lock has every library, and the wheel its templates, its style and htmx."""
    made = create(tmp_path_factory)
    made.install("--require-hashes", "--requirement", REQUIREMENTS / "console.txt")
    made.install(wheel)
    listing = (
        "from appointments_operator.web import server; "
        "from appointments_operator.web.site import FOLDER; "
        "print(*sorted(path.name for path in FOLDER.glob('*/*.*') if path.suffix != '.pyc'))"
    )
    done = made.run("python", "-c", listing)
    assert done.returncode == 0, done.stderr
    web = ROOT / "appointments_operator" / "web"
    files = {path.name for folder in ("static", "templates") for path in (web / folder).iterdir()}
    assert set(done.stdout.split()) == files


@pytest.mark.parametrize(("extra", "folder"), [("operator", "."), ("console", "web")])
def test_the_extra_declares_what_the_commands_import(extra: str, folder: str) -> None:
    """An installation without the lock gets every library too."""
    extras = PROJECT["optional-dependencies"]
    declared = {*PROJECT["dependencies"], *extras["operator"], *extras[extra]}
    distributions = packages_distributions()
    for path in (ROOT / "appointments_operator" / folder).glob("*.py"):
        imports = [
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        tops = {str(name).partition(".")[0] for name in imports}
        libraries = tops - sys.stdlib_module_names - {"appointments", "appointments_operator"}
        assert all(
            declared & {each.lower() for each in distributions[name]} for name in libraries
        ), path.name
