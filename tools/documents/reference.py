"""Write the API reference and the OpenAPI description, from what the code declares.

`make docs` writes `docs/reference.md` and `docs/openapi.json`; a test fails if
they are stale.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from appointments import parameters
from appointments.api_gateway import METHOD
from appointments.decoding import MAX_BODY_BYTES
from appointments.names import PATH
from appointments.request import PLAIN_MEDIA_TYPE, SENSITIVE_MEDIA_TYPE
from appointments.statuses import Status
from tools.bootstrap import ROOT
from tools.documents import openapi
from tools.documents.request_schemas import is_required, meaning, position
from tools.terminal import err

_PAGE: Final = """\
# API reference

`make docs` writes this page from what the code declares: correct it there. How to call the API:
[calling.md](calling.md). The same for machines: [openapi.json](openapi.json).

`{method} {path}`, with `Content-Type: {plain}` and a JSON object of at most {largest} bytes. If
operators have set the route to it, with `Content-Type: {sensitive}` and the base64 of that object.

## Parameters

`null`, `""` and white space mean *not passed*. An unknown parameter is ignored with a warning.

{parameters}

## Types

{types}

## Statuses

`code` is the HTTP status. If `retryable` is yes, the same request may be sent again as it is.

{statuses}

## Headers

{headers}

## Responses

One response of the function for each status, recorded. [examples.json](examples.json) has them with
their requests and headers.

{responses}
"""


def main() -> None:
    """Write the files."""
    for path, text in FILES.items():
        path.write_text(text(), encoding="utf-8")
        err.print(f"{path.relative_to(ROOT)} is written.")


def page() -> str:
    """Return the reference page."""
    return _PAGE.format(
        method=METHOD,
        path=PATH,
        plain=PLAIN_MEDIA_TYPE,
        sensitive=SENSITIVE_MEDIA_TYPE,
        largest=MAX_BODY_BYTES,
        parameters=_table(
            ("position", "name", "type", "required", "possible values", "meaning"),
            map(_parameter, parameters.NAMES),
        ),
        types=_table(
            ("type", "what is accepted"),
            openapi.TYPES.items(),
        ),
        statuses=_table(
            ("status", "code", "retryable", "what the caller does"), map(_status, Status)
        ),
        headers=_table(
            ("header", "in the", "meaning"),
            [
                *(
                    (f"`{name}`", "request", meaning)
                    for name, meaning in openapi.REQUEST_HEADERS.items()
                ),
                *(
                    (f"`{name}`", "response", it["description"])
                    for name, it in openapi.HEADERS.items()
                ),
            ],
        ),
        responses="\n\n".join(map(_example, Status)),
    )


def _parameter(name: str) -> tuple[str, ...]:
    declared = parameters.type_of(name)
    return (
        str(position(name)),
        f"`{name}`",
        declared.name,
        "yes" if is_required(name) else "",
        ", ".join(f"`{value}`" for value in declared.values),
        meaning(name),
    )


def _status(status: Status) -> tuple[str, ...]:
    return (
        f"`{status.value}`",
        str(status.code),
        "yes" if status.retryable else "no",
        openapi.ADVICE[status],
    )


def _example(status: Status) -> str:
    recorded = openapi.examples()[status.value]
    body = json.dumps(recorded["response"]["body"], indent=2, ensure_ascii=False)
    return f"### {status.value}\n\n{recorded['summary']}\n\n```json\n{body}\n```"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _openapi() -> str:
    return json.dumps(openapi.describe(), indent=2, ensure_ascii=False) + "\n"


FILES: Final[dict[Path, Callable[[], str]]] = {
    ROOT / "docs" / "reference.md": page,
    ROOT / "docs" / "openapi.json": _openapi,
}

if __name__ == "__main__":
    main()
