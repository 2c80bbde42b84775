"""MiniStack as the local stack runs it: any AWS credentials and any local web page may call it.

MiniStack's own Python runs this file, so it imports nothing of this project. By itself MiniStack
refuses an access key that it did not issue. It forgets a temporary key that has expired. So each
that it issues is noted here: that of a function's role must not become the root's.

By itself it also allows no origins with any port, as a browser sends them from a page that a
developer serves on this machine.
"""

import re

from ministack.core import iam_evaluator

_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1)(:[0-9]+)?")

_is_root = iam_evaluator.is_root_access_key


_temporary_keys: set[str] = set()


def _is_issued(key: str) -> bool:
    from ministack.services import iam, sts  # noqa: PLC0415 - they import what is replaced below

    is_temporary = key in _temporary_keys or key in sts._sessions
    return is_temporary or any(issued == key for _, issued in iam._access_keys.to_dict())


def _note_temporary_keys() -> None:
    """Note each temporary key that MiniStack issues."""
    from ministack.services import sts  # noqa: PLC0415 - it imports what is replaced below

    register = sts.register_session

    def register_and_note(access_key, session):  # type: ignore[no-untyped-def]  # MiniStack's
        _temporary_keys.add(access_key)
        register(access_key, session)

    sts.register_session = register_and_note


def _allow_local_origins() -> None:
    """Add the origin of a request to those that an API allows, if it is on this machine."""
    from ministack.services import apigateway  # noqa: PLC0415 - it imports what is replaced below

    cors_headers = apigateway._cors_response_headers

    def cors_headers_for_local_pages(cors, origin):  # type: ignore[no-untyped-def]  # MiniStack's
        if cors and _LOCAL_ORIGIN.fullmatch(origin):
            cors = {**cors, "allowOrigins": [*cors.get("allowOrigins", ()), origin]}
        return cors_headers(cors, origin)

    apigateway._cors_response_headers = cors_headers_for_local_pages


iam_evaluator.is_root_access_key = lambda key: _is_root(key) or not _is_issued(key)

if __name__ == "__main__":
    from ministack.app import main

    _note_temporary_keys()
    _allow_local_origins()
    main()
