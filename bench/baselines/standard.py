"""The standard baseline: Powertools' resolver with validation, Logger, Metrics, Tracer; PynamoDB; boto3.

https://docs.powertools.aws.dev/lambda/python/latest/core/event_handler/api_gateway/#data-validation
https://docs.powertools.aws.dev/lambda/python/latest/core/event_handler/api_gateway/#exception-handling
https://docs.powertools.aws.dev/lambda/python/latest/core/logger/#capturing-lambda-context-info
https://docs.powertools.aws.dev/lambda/python/latest/core/metrics/#flushing-metrics
https://docs.powertools.aws.dev/lambda/python/latest/core/tracer/#capturing-handlers
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from contract import ApiError, failure, success
from request_model import AppointmentRequest
from use_case import create, invalid_body

logger = Logger()
metrics = Metrics()
tracer = Tracer()
app = APIGatewayHttpResolver(enable_validation=True)
sns = boto3.client("sns")


@app.post("/api/v1/appointments/create")
@tracer.capture_method
def create_appointment(request: AppointmentRequest) -> dict[str, Any]:
    """Create an appointment."""
    request_id = app.current_event.request_context.request_id
    logger.info("request", extra={"params": request.appointment()})
    appointment, session = create(request, request_id)
    metrics.add_metric(name="AppointmentsCreated", unit=MetricUnit.Count, value=1)
    logger.info("response", extra={"status": "action-successful", "uuid": appointment["uuid"]})
    return success(request_id, appointment, session)


@app.exception_handler(RequestValidationError)
def respond_to_invalid_body(error: RequestValidationError) -> Response:
    """Respond to an invalid body."""
    return respond_to_error(invalid_body(error.errors()))


@app.exception_handler(ApiError)
def respond_to_error(error: ApiError) -> Response:
    """Respond to a request that is refused."""
    request_id = app.current_event.request_context.request_id
    metrics.add_metric(name="AppointmentsRefused", unit=MetricUnit.Count, value=1)
    logger.info("response", extra={"status": error.status})
    return Response(error.code, content_types.APPLICATION_JSON, failure(request_id, error))


@app.exception_handler(Exception)
def crash(error: Exception) -> Response:
    """Respond to an unexpected error, and notify people."""
    logger.exception("broken")
    sns.publish(
        TopicArn=os.environ["NOTIFICATIONS_TOPIC"],
        Subject="application-crash",
        Message=json.dumps({"error": type(error).__name__}),
    )
    return respond_to_error(
        ApiError("application-crash", 500, "Something broke; send the same again.")
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Resolve the event."""
    return app.resolve(event, context)
