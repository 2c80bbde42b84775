"""The settings of the function: which variable decides what, and its default."""

import pytest

from appointments.settings import Settings

OPTIONAL = [
    "MANDRILL_TEMPLATE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_FUNCTION_NAME",
]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave each test only the variables that the function requires."""
    for name in OPTIONAL:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("attribute", "given", "expected"),
    [
        ("mandrill_template", {}, "appointment-created"),
        ("mandrill_template", {"MANDRILL_TEMPLATE": ""}, "appointment-created"),
        ("mandrill_template", {"MANDRILL_TEMPLATE": "created-2"}, "created-2"),
        ("region", {}, "us-east-1"),
        ("region", {"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ("region", {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        ("region", {"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "eu-west-1"}, "us-west-2"),
        ("log_group", {}, "/aws/lambda/appointments"),
        ("log_group", {"AWS_LAMBDA_FUNCTION_NAME": "create-dev"}, "/aws/lambda/create-dev"),
        ("log_group", {"AWS_LAMBDA_LOG_GROUP_NAME": "dev/create"}, "dev/create"),
        (
            "log_group",
            {"AWS_LAMBDA_LOG_GROUP_NAME": "dev/create", "AWS_LAMBDA_FUNCTION_NAME": "create-dev"},
            "dev/create",
        ),
    ],
)
def test_what_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch, attribute: str, given: dict[str, str], expected: str
) -> None:
    """An optional variable counts if it is set, and its default counts otherwise."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert getattr(Settings.read(), attribute) == expected


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("SESSIONS_TABLE", "sessions_table"),
        ("RECORDS_TABLE", "records_table"),
        ("APPOINTMENTS_TABLE", "appointments_table"),
        ("NOTIFICATIONS_TOPIC", "notifications_topic"),
        ("MANDRILL_URL", "mandrill_url"),
        ("MANDRILL_SECRET", "mandrill_secret"),
        ("STAGE", "stage"),
    ],
)
def test_what_is_required(monkeypatch: pytest.MonkeyPatch, name: str, attribute: str) -> None:
    """Each required variable is read under its own name, and is named if it is missing."""
    monkeypatch.setenv(name, "its own value")
    assert getattr(Settings.read(), attribute) == "its own value"
    monkeypatch.delenv(name)
    with pytest.raises(KeyError, match=name):
        Settings.read()
