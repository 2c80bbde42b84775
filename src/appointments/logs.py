"""The function's log and metrics: one logger, one EMF record a request."""

from typing import Final

from aws_lambda_powertools import Logger, Metrics

from appointments.settings import SETTINGS

SERVICE: Final = "appointments-create"
NAMESPACE: Final = "PlanOmatic/Appointments"

logger = Logger(service=SERVICE, level="INFO", location=None, use_rfc3339=True, utc=True)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
metrics.set_default_dimensions(stage=SETTINGS.stage)
