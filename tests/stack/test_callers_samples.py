"""The samples of docs/calling.md run as they stand: created, repeated, sent again after a loss."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.stack.table import item
from tests.stack.unreliable import way_to
from tests.support.filemaker import Script
from tools.callers_page import filemaker, guide
from tools.local_stack.stack import Stack

SECONDS: Final = 60
GATEWAY: Final = '{"message": "Service Unavailable"}'
# A sample in a language: base URL, parameters → the body of the response, or None.
Sample = Callable[[str, dict[str, Any]], Any]


def code(language: str) -> str:
    """Return the one sample of a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", guide.GUIDE.read_text(), re.DOTALL)
    return str(found)


def printed(*command: str) -> Any:
    """Run a program that prints JSON; return it."""
    done = subprocess.run(  # noqa: S603 - the guide's own code
        command, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def python(api: str, parameters: dict[str, Any]) -> Any:
    """Run the Python sample in a Python of its own."""
    call = f"import json\nprint(json.dumps(create_appointment({api!r}, {parameters!r})))"
    return printed(sys.executable, "-c", f"{code('python')}\n{call}")


def javascript(api: str, parameters: dict[str, Any]) -> Any:
    """Run the JavaScript sample in Node."""
    node = shutil.which("node")
    if node is None:
        reason = "THE JAVASCRIPT SAMPLE WAS NOT TRIED: no Node (on Debian: apt install nodejs)."
        if os.environ.get("REQUIRE_NODE"):
            pytest.fail(reason)
        pytest.skip(reason)
    arguments = f"{json.dumps(api)}, {json.dumps(parameters)}"
    call = f"createAppointment({arguments}).then((body) => console.log(JSON.stringify(body)));"
    return printed(node, "-e", f"{code('js')}\n{call}")


@pytest.fixture(params=[python, javascript], ids=["python", "javascript"])
def sample(request: pytest.FixtureRequest) -> Sample:
    """Return the sample of each language that has a function to call."""
    run: Sample = request.param
    return run


def parameters(stack: Stack) -> dict[str, Any]:
    """Return a request with a uuid of its own."""
    return {"token": stack.tokens["session"], "updated_at_mt": "now", "uuid": str(uuid4())}


def test_a_sample_creates_and_repeats(stack: Stack, sample: Sample) -> None:
    """The sample works with the base URL that `make up` prints; the second call is a repeat."""
    sent = parameters(stack)
    created, repeated = (sample(stack.base_url, sent) for _ in range(2))
    assert (created["status"], created["replayed"]) == ("action-successful", False)
    assert (repeated["uuid"], repeated["replayed"]) == (sent["uuid"], True)


def test_a_sample_sends_again_what_was_lost(stack: Stack, sample: Sample) -> None:
    """A lost response and one of the gateway are followed by the same request, sent again."""
    sent = parameters(stack)
    with way_to(stack, "lost", GATEWAY) as way:
        body = sample(way.url, sent)
    assert (body["status"], body["replayed"]) == ("action-successful", True)
    assert [json.loads(each) for each in way.bodies] == [sent] * 3


def test_the_curl_sample(stack: Stack) -> None:
    """The command of the curl section creates the appointment whose uuid it has."""
    section = guide.GUIDE.read_text().partition("\n## curl\n")[2]
    [command] = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    body = printed("/bin/bash", "-c", f"API={stack.base_url}\n{command}")
    assert body["status"] == "action-successful"
    assert item(stack, body["uuid"])


def script(folder: Path, api_url: str, **fields: Any) -> Script:
    """Return the FileMaker script with a record, as FileMaker shows dates, times and numbers."""
    record = {
        "Settings__api_url": api_url,
        "Settings__token": "local-application-token",
        "Appointments__uuid": "",
        "Appointments__updated_at": "1/4/2027 4:05:00 PM",
        "Appointments__order_id": 1001,
        "Appointments__photographer_user_id": 501,
        "Appointments__date_start": "1/5/2027",
        "Appointments__time_start": "7:30:00 PM",
        "Appointments__confirmed": 1,
        "Appointments__notes": 'Ring "twice",\nthen wait.',
    }
    return Script(filemaker.steps(), folder, **(record | fields))


def test_the_filemaker_script_creates_and_repeats(stack: Stack, tmp_path: Path) -> None:
    """Its request and its cURL options create the appointment, and its uuid stays the record's."""
    run = script(tmp_path, stack.base_url)
    run.run()
    assert run.values["Appointments::api_status"] == "action-successful", run.values
    assert run.values["Appointments::is_saved"] == 1
    uuid = run.values["Appointments::uuid"]
    stored = item(stack, uuid.lower())
    assert stored
    assert stored["notes"] == 'Ring "twice",\nthen wait.'
    assert stored["date_start_local"] == "2027-01-05"
    again = script(tmp_path, stack.base_url, Appointments__uuid=uuid)
    again.run()
    assert json.loads(again.result)["replayed"] is True
    assert run.pauses == again.pauses == []


def test_the_filemaker_script_sends_again_what_was_lost(stack: Stack, tmp_path: Path) -> None:
    """It sends the same again after a loss, a broken connection and a gateway's page."""
    with way_to(stack, "lost", "broken", GATEWAY) as way:
        run = script(tmp_path, way.url)
        run.run()
    assert json.loads(run.result)["replayed"] is True
    assert run.pauses == [1, 2, 4]
    assert len(set(way.bodies)) == 1
    assert run.dialogs == []


def test_the_filemaker_script_leaves_the_record_marked(stack: Stack, tmp_path: Path) -> None:
    """Without any response it says that it is not known, and marks the record for a later run."""
    with way_to(stack, "broken", "<html>", GATEWAY, "broken") as way:
        run = script(tmp_path, way.url)
        run.run()
    assert len(way.bodies) == 4
    assert run.values["Appointments::api_status"] == "no response"
    assert len(run.dialogs) == 1


def test_a_failure_is_in_the_record(stack: Stack, tmp_path: Path) -> None:
    """A response that is no success is not sent again, and the record has what it says."""
    run = script(tmp_path, stack.base_url, Appointments__date_start="13/45/2026")
    run.run()
    assert run.values["Appointments::api_status"] == "invalid-param"
    assert run.values["Appointments::is_saved"] == 0
    assert run.pauses == []
