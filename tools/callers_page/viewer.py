"""Swagger UI, the viewer of the OpenAPI document, as its package has it."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

_PACKAGE: Final = "drf-spectacular-sidecar"
_FOLDER: Final = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist"


def script() -> str:
    """Return the viewer's script."""
    return _read("swagger-ui-bundle.js")


def style() -> str:
    """Return the viewer's style sheet."""
    return _read("swagger-ui.css")


def version() -> str:
    """Return the viewer's version, for example `5.33.1`."""
    [found] = set(re.findall(r'PACKAGE_VERSION:"([\d.]+)"', script()))
    return str(found)


def _read(name: str) -> str:
    # The package's own module imports Django, which its files do not need.
    path = Path(str(distribution(_PACKAGE).locate_file(f"{_FOLDER}/{name}")))
    text = path.read_text(encoding="utf-8")
    return re.sub(r"(?m)^(//|/\*)# sourceMappingURL=.*$", "", text)
