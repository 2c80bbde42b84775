"""The settings of the function, read once from the environment."""

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Settings:
    """The environment variables that the deployment sets (specification section 11)."""

    sessions_table: str
    records_table: str
    appointments_table: str
    notifications_topic: str
    mandrill_url: str
    mandrill_secret: str
    stage: str
    mandrill_template: str = "appointment-created"
    mail_workers: int = 10
    # How long an appointment stays after its email was settled or given up; 0 for ever.
    appointment_retention_days: int = 0
    # Lambda sets these. A notification names the first two, so that a person finds the log.
    region: str = "us-east-1"
    log_group: str = "/aws/lambda/appointments"
    version: str = "$LATEST"

    @classmethod
    def read(cls) -> Self:
        """Read the environment; raises KeyError with the name of a variable that is missing."""
        environment = os.environ
        return cls(
            sessions_table=environment["SESSIONS_TABLE"],
            records_table=environment["RECORDS_TABLE"],
            appointments_table=environment["APPOINTMENTS_TABLE"],
            notifications_topic=environment["NOTIFICATIONS_TOPIC"],
            mandrill_url=environment["MANDRILL_URL"],
            mandrill_secret=environment["MANDRILL_SECRET"],
            stage=environment["STAGE"],
            mandrill_template=environment.get("MANDRILL_TEMPLATE") or cls.mandrill_template,
            mail_workers=int(environment.get("MAIL_WORKERS") or cls.mail_workers),
            appointment_retention_days=int(
                environment.get("APPOINTMENT_RETENTION_DAYS") or cls.appointment_retention_days
            ),
            region=environment.get("AWS_REGION")
            or environment.get("AWS_DEFAULT_REGION")
            or cls.region,
            log_group=environment.get("AWS_LAMBDA_LOG_GROUP_NAME") or cls._usual_log_group(),
            version=environment.get("AWS_LAMBDA_FUNCTION_VERSION") or cls.version,
        )

    @classmethod
    def _usual_log_group(cls) -> str:
        """Return the log group that Lambda writes to by default."""
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        return f"/aws/lambda/{name}" if name else cls.log_group


SETTINGS = Settings.read()
