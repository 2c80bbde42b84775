"""The function's log and metrics: one logger, and one EMF record per response."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from appointments.names import METRICS_NAMESPACE
from appointments.settings import SETTINGS

SERVICE: Final = "appointments-create"


class _Null:
    """A null that Powertools does not leave out of a log line: `saved: null` has a meaning."""


def _plain(value: Any) -> str | None:
    return None if isinstance(value, _Null) else str(value)


logger = Logger(
    service=SERVICE,
    level="INFO",
    location=None,
    use_rfc3339=True,
    utc=True,
    json_default=_plain,
)
metrics = Metrics(namespace=METRICS_NAMESPACE, service=SERVICE)
metrics.set_default_dimensions(stage=SETTINGS.stage)


@contextmanager
def log_keys(**keys: Any) -> Iterator[None]:
    """Add these keys to each log line that is written inside, also in threads with this context."""
    logger.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        logger.thread_safe_remove_keys(keys)


def log_audit(message: str, **fields: Any) -> None:
    """Write one line of the audit trail (specification section 10), including its nulls."""
    with_nulls = {name: _Null() if value is None else value for name, value in fields.items()}
    logger.info(message, extra=with_nulls)


def add_metric(name: str, number: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
    """Add a figure to the metrics that are written with the response."""
    metrics.add_metric(name=name, unit=unit, value=number)


def flush_metrics(status: str | None = None) -> None:
    """Write the metrics, if there are any, as one EMF record.

    All are written by stage and service. `Answers` is written by status too, and `Crashes` by the
    version of the function: a metric costs anew for each value of each of its dimensions.
    """
    if not metrics.metric_set:
        return
    record: dict[str, Any] = dict(metrics.serialize_metric_set())
    metrics.clear_metrics()
    directives = record["_aws"]["CloudWatchMetrics"]
    (all_by_stage,) = directives
    (names,) = all_by_stage["Dimensions"]
    for name, dimension, value in (
        ("Answers", "status", status),
        ("Crashes", "version", SETTINGS.version),
    ):
        alone = [metric for metric in all_by_stage["Metrics"] if metric["Name"] == name]
        if alone and value:
            record[dimension] = value
            directives.append(
                {**all_by_stage, "Dimensions": [[*names, dimension]], "Metrics": alone}
            )
    print(json.dumps(record, separators=(",", ":")))  # noqa: T201 - Lambda's log takes it there
