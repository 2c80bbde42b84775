"""Names on the wire of functions, commands and tools. It reads no environment variable."""

from typing import Final

# The path of the endpoint.
PATH: Final = "/api/v1/appointments/create"
# The alias of the function: after a rollback it is not the newest version.
ALIAS: Final = "live"
METRICS_NAMESPACE: Final = "PlanOmatic/Appointments"
# The log message with a notification that only the log has (section 9.3).
NOT_PUBLISHED: Final = "notification not published"
