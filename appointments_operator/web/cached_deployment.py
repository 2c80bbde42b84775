"""The deployment as the console uses it: each client is created once per thread."""

import threading
from typing import Any, Final

from appointments_operator.deployment import Deployment

_clients: Final = threading.local()


class CachedDeployment(Deployment):
    """A deployment with one client per service and thread: to create one is slower than a page."""

    def _connect(self, connect: Any, service: str) -> Any:
        key = (id(self), connect, service)
        known: dict[Any, Any] = _clients.__dict__.setdefault("known", {})
        if key not in known:
            known[key] = super()._connect(connect, service)
        return known[key]
