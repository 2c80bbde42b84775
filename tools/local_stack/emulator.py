"""MiniStack as the local stack runs it: with any AWS credentials, callers are its root.

MiniStack's own Python runs this file, so it imports nothing of this project. By itself MiniStack
refuses an access key that it did not issue. Temporary keys (ASIA…) are still refused if it did not:
one that it issued to a function's role must not become the root's when it has expired.
"""

from ministack.core import iam_evaluator

_is_root = iam_evaluator.is_root_access_key


def _is_issued(key: str) -> bool:
    from ministack.services import iam  # noqa: PLC0415 - it imports what is replaced below

    return key.startswith("ASIA") or any(issued == key for _, issued in iam._access_keys.to_dict())


iam_evaluator.is_root_access_key = lambda key: _is_root(key) or not _is_issued(key)

if __name__ == "__main__":
    from ministack.app import main

    main()
