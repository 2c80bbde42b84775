"""The console as a browser meets it: its address, and a story that is loaded to its end."""

from typing import Final

from starlette.testclient import TestClient

from tests.support.fake_operator_aws import LOG_GROUP
from tests.support.htmx import next_part

PORT: Final = 4568
ORIGIN: Final = f"http://127.0.0.1:{PORT}"
KEY: Final = "the-key-in-the-address"
NAMES: Final = {
    "LogGroup": LOG_GROUP,
    "FunctionAlias": "appointments:live",
    "RecordsTable": "records",
    "AppointmentsTable": "appointments",
    "NotificationsTable": "notifications",
    "KeeperFunction": "appointments-keeper",
}


def path(rest: str) -> str:
    """Return a path under the key."""
    return f"/{KEY}{rest}"


def story(console: TestClient, **asked: str) -> str:
    """Return a whole story, as its page loads it part by part."""
    text = last = console.get(path("/story"), params=asked).text
    while following := next_part(last):
        last = console.get(following).text
        text += last
    return text
