"""`admin`, the command: what it writes is what the function reads."""

import json
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from click.testing import Result

from appointments.tables.keys import ROUTE_RECORD, SERVICE_RECORD
from appointments_operator.admin import main
from tests.support.fake_aws import hash_of
from tests.support.fake_operator_aws import FakeOperatorAws

TABLES = (
    *("--sessions-table", "sessions", "--records-table", "records"),
    *("--appointments-table", "appointments", "--function", "appointments:live"),
)
CREATE = ["token", "create", "--user-id", "7", "--name", "Di", "--role", "planoorder=client"]
Admin = Callable[..., Result]


@pytest.fixture
def admin(operator_aws: FakeOperatorAws) -> Admin:
    """Run the command against AWS on moto."""
    return lambda *arguments, typed=None: operator_aws.run(main, *TABLES, *arguments, typed=typed)


def create(operator_aws: FakeOperatorAws, admin: Admin, *arguments: str) -> str:
    """Create a token; return it."""
    created = admin("token", "create", "--name", "Di", "--role", "planoorder=client", *arguments)
    assert created.exit_code == 0, created.output
    token = created.stdout.strip()
    operator_aws.aws.tokens.add(token)
    return token


@pytest.mark.parametrize(
    "kind", [["--user-id", "7"], ["--kind", "application"], ["--user-id", "7", "--remember-me"]]
)
def test_a_created_token_works_until_it_is_revoked(
    operator_aws: FakeOperatorAws, admin: Admin, kind: list[str]
) -> None:
    """A created token is printed alone and once, creates appointments, and ends when revoked."""
    token = create(operator_aws, admin, *kind)
    assert operator_aws.post(token=token).status == "action-successful"
    item = operator_aws.aws.session(token)
    assert item is not None
    assert item["token_hash"] == hash_of(token)
    assert token not in repr(operator_aws.aws.items("sessions"))
    assert item.get("user_id") == (7 if "--user-id" in kind else None)
    assert item["remember_me"] is ("--remember-me" in kind)
    assert admin("token", "revoke", token).exit_code == 0
    assert operator_aws.post("again", token=token).status == "invalid-token"


def test_a_token_has_what_it_was_given(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """Address, roles in several applications and the day of its deletion are stored."""
    token = create(
        operator_aws, admin, "--user-id", "7", "--email", "di@planomatic.test",
        "--role", "planox2=employee", "--ttl", "30",
    )  # fmt: skip
    item = operator_aws.aws.session(token)
    assert item is not None
    assert item["roles"] == {"planoorder": "client", "planox2": "employee"}
    assert item["email"] == "di@planomatic.test"
    assert item["ttl"] == int(time.time()) + 30 * 24 * 3600
    assert item["created_at"] == item["last_used_at"]


@pytest.mark.parametrize("how", ["hash", "stdin"])
def test_revokes_without_the_token_on_the_command_line(
    operator_aws: FakeOperatorAws, admin: Admin, how: str
) -> None:
    """A token is revoked by its hash, or from standard input."""
    token = create(operator_aws, admin, "--user-id", "7")
    if how == "hash":
        done = admin("token", "revoke", "--hash", hash_of(token))
    else:
        done = admin("token", "revoke", "-", typed=f"{token}\n")
    assert done.exit_code == 0
    assert operator_aws.post(token=token).status == "invalid-token"


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["token", "revoke", "nobodys"], 1, "no such token"),
        (["token", "revoke"], 2, "--hash"),
        (["token", "create", "--name", "Di", "--role", "planoorder=client"], 2, "--user-id"),
        (["token", "create", "--name", "Di", "--role", "planoorder=boss"], 2, "liaison"),
        (["record", "put", "route#appointments/create"], 2, "admin route"),
        (["record", "get", "order#9"], 1, "no record"),
        (["owed", "settle"], 2, "--all"),
        (["record", "put", "order#12", "--email", "pat@planomatic.test"], 2, "Only a user"),
        (["record", "put", "user#501", "--email", "notanemail"], 2, "is no address"),
        (["record", "put", "user#²"], 2, "A record is"),
        ([*CREATE, "--email", "notanemail"], 2, "is no address"),
        (["--endpoint-url", "banana", "route", "show"], 2, "like http://127.0.0.1:4566"),
        (["route", "show", "--region", "no region"], 2, "no region"),
        (["--records-table", "", "route", "show"], 2, "--stack"),
        (["--records-table", "gone", "route", "show"], 2, "ResourceNotFound"),
    ],
)
def test_wrong_usage_is_explained_in_a_line(
    admin: Admin, arguments: list[str], code: int, reason: str
) -> None:
    """What cannot be done ends with an exit code and a line that says why."""
    result = admin(*arguments)
    assert result.exit_code == code
    assert reason in result.stderr
    assert "Traceback" not in result.output


def test_puts_and_shows_records(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """A record that was put is one that appointments may refer to; putting keeps the rest."""
    assert operator_aws.post(order_id=12).param_errors() == {"order_id": "invalid-param"}
    assert admin("record", "put", "order#12").exit_code == 0
    assert operator_aws.post(order_id=12).status == "action-successful"
    admin("record", "put", "user#501", "--email", "pat@elsewhere.test")
    assert admin("record", "put", "user#501").exit_code == 0
    assert json.loads(admin("record", "get", "user#501").stdout) == {
        "record": "user#501",
        "name": "Pat",
        "email": "pat@elsewhere.test",
    }


def test_shows_what_the_function_cannot_read(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """A record with an attribute of another type is printed with a warning that names it."""
    operator_aws.aws.put_record("user#510", name="Pat", email=7)
    result = admin("record", "get", "user#510")
    assert result.exit_code == 0
    assert "user#510: email is not a text" in result.stderr
    operator_aws.aws.put_record("user#510", name=None, email="pat@planomatic.test")
    assert admin("record", "get", "user#510").stderr == ""


def test_closes_and_opens_the_route(
    operator_aws: FakeOperatorAws, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing the route or the service turns callers away, opening lets them in again."""
    from appointments.tables import routes  # noqa: PLC0415 - after the environment is set

    monkeypatch.setattr(routes, "ROUTE_CACHE_SECONDS", 0)
    assert admin("route", "close").exit_code == 0
    assert operator_aws.post().status == "route-not-found"
    assert admin("route", "close", "--service").exit_code == 0
    assert operator_aws.post().status == "service-not-found"
    opened = admin("route", "open", "--permission", "liaison", "--sensitive")
    assert [line.split() for line in opened.stdout.splitlines()[1:]] == [
        [SERVICE_RECORD, "yes"],
        [ROUTE_RECORD, "yes", "yes", "liaison"],
    ]
    assert "May no longer use the route: client, employee.\n" in opened.stderr
    assert "takes effect within 30 s" in opened.stderr
    assert operator_aws.post().status == "invalid-content-type"
    admin("route", "open", "--no-sensitive", "--permission", "client")
    assert operator_aws.post().status == "action-successful"
    admin("route", "close")
    admin("route", "open")
    assert operator_aws.post("again").status == "action-successful"


def test_a_malformed_route_is_shown_with_a_warning(
    operator_aws: FakeOperatorAws, admin: Admin
) -> None:
    """Permissions that are a text are no list of letters: the function permits no role."""
    operator_aws.aws.put_record(ROUTE_RECORD, deployed=True, permissions="client")
    shown = admin("route", "show")
    assert "c, l, i" not in shown.stdout
    assert f"{ROUTE_RECORD}: permissions is not a list" in shown.stderr


def test_a_record_is_printed_as_it_is(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """A number is a number, and a set is a list."""
    operator_aws.aws.put_record("user#510", name="Pat", age=5, part=Decimal("0.5"), tags={"b", "a"})
    assert json.loads(admin("record", "get", "user#510").stdout) == {
        "record": "user#510", "name": "Pat", "age": 5, "part": 0.5, "tags": ["a", "b"],
    }  # fmt: skip


def test_a_deployment_is_named_before_or_after_the_verb(
    operator_aws: FakeOperatorAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options of the deployment are taken in every place; the last one counts."""
    monkeypatch.setenv("RECORDS_TABLE", "records")
    for place in range(3):
        line = ["record", "get", "user#501"]
        line[place:place] = ["--region", "us-east-1"]
        assert operator_aws.run(main, *line).exit_code == 0
    missing = operator_aws.run(
        main, "--stack", "left", "record", "get", "user#501", "--stack", "right"
    )
    assert "right" in missing.stderr
    assert "left" not in missing.stderr


def test_a_route_is_not_opened_without_roles(operator_aws: FakeOperatorAws, admin: Admin) -> None:
    """The first opening must say who may use the route."""
    operator_aws.aws.dynamodb.Table("records").delete_item(Key={"record": ROUTE_RECORD})
    result = admin("route", "open")
    assert (result.exit_code, "--permission" in result.stderr) == (2, True)
