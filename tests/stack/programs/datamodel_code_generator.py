"""What a caller writes with the models that datamodel-code-generator makes; writes what it read."""

import json
import sys

import httpx
from appointments_models import (
    ActionSuccessful,
    BadRequest,
    FileMakerParameters,
    MissingParam,
    Parameters,
    Unauthorized,
)

url, token, uuid = sys.argv[1:]


def post(body: Parameters | FileMakerParameters) -> str:
    """Send a request; return the body of the response."""
    content = body.model_dump_json(exclude_none=True)
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid}
    return httpx.post(f"{url}/api/v1/appointments/create", content=content, headers=headers).text


sent = Parameters(
    token=token,
    updated_at_mt="2027-01-04 16:05:00",
    order_id=1001,
    date_start_local="2027-01-05",
    confirmed=True,
)
created = ActionSuccessful.model_validate_json(post(sent))
date = created.data.appointment.date_start_local

as_text = {**sent.model_dump(exclude_none=True), "order_id": "1001", "date_start_local": "1/5/2027"}
filemaker = FileMakerParameters.model_validate({**as_text, "month_first": "1", "confirmed": "1"})
again = ActionSuccessful.model_validate_json(post(filemaker))

wrong = Parameters(token=token, updated_at_mt="a").model_copy(
    update={"updated_at_mt": "", "date_start_local": "x"}
)
failed = BadRequest.model_validate_json(post(wrong)).root
assert isinstance(failed, MissingParam)
refused = Unauthorized.model_validate_json(post(Parameters(token="unknown", updated_at_mt="now")))
json.dump(
    {
        "uuid": str(created.uuid),
        "email": created.data.email.status.value,
        "date": str(date),
        "filemaker": again.saved,
        "errors": sorted(error.param for error in failed.errors),
        "refused": refused.root.code.value,
    },
    sys.stdout,
)
