"""The FastAPI baseline: FastAPI behind Mangum, PynamoDB, Powertools' Logger and Metrics.

https://fastapi.tiangolo.com/tutorial/body/
https://fastapi.tiangolo.com/tutorial/handling-errors/
https://mangum.fastapiexpert.com/ (the handler; `scope["aws.event"]` for the request id)
https://docs.powertools.aws.dev/lambda/python/latest/core/logger/
https://docs.powertools.aws.dev/lambda/python/latest/core/metrics/
"""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from contract import ApiError, failure, success
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from request_model import AppointmentRequest
from use_case import create, invalid_body

logger = Logger()
metrics = Metrics()
app = FastAPI()


@app.post("/api/v1/appointments/create")
def create_appointment(body: AppointmentRequest, request: Request) -> dict[str, Any]:
    """Create an appointment."""
    request_id = request_id_of(request)
    logger.info("request", extra={"params": body.appointment()})
    appointment, session = create(body, request_id)
    metrics.add_metric(name="AppointmentsCreated", unit=MetricUnit.Count, value=1)
    logger.info("response", extra={"status": "action-successful", "uuid": appointment["uuid"]})
    return success(request_id, appointment, session)


@app.exception_handler(RequestValidationError)
async def respond_to_invalid_body(request: Request, error: RequestValidationError) -> JSONResponse:
    """Respond to an invalid body."""
    return await respond_to_error(request, invalid_body(list(error.errors())))


@app.exception_handler(ApiError)
async def respond_to_error(request: Request, error: ApiError) -> JSONResponse:
    """Respond to a request that is refused."""
    metrics.add_metric(name="AppointmentsRefused", unit=MetricUnit.Count, value=1)
    logger.info("response", extra={"status": error.status})
    return JSONResponse(failure(request_id_of(request), error), error.code)


def request_id_of(request: Request) -> str:
    """Return API Gateway's request id."""
    return str(request.scope["aws.event"]["requestContext"]["requestId"])


lambda_handler = logger.inject_lambda_context(
    metrics.log_metrics(Mangum(app, lifespan="off"), capture_cold_start_metric=True)
)
