"""What an environment renews with SnapStart, where many start from one snapshot of INIT.

Whatever else environments must not share is made when it is first needed, which is after the
restore: all clients except DynamoDB's, connections, the API key, the cached route, attempt ids,
deadlines. A credential
that INIT had is renewed by botocore, by the time of day.
"""

import random
import ssl


def renew() -> None:
    """Give this environment random numbers of its own.

    botocore draws its pauses from Python's generator: environments that draw the same come back to
    a throttled service together. OpenSSL's generator makes the keys of TLS connections.
    """
    random.seed()
    ssl.RAND_add(random.SystemRandom().randbytes(32), 32)


def register() -> None:
    """Have Lambda call `renew` after each restore. The library is in its runtimes from 3.12 on."""
    try:
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - it may be missing
    except ImportError:
        return
    register_after_restore(renew)
