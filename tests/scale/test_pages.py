"""What each page of the console calls and reads at size; `make scale` prints its seconds."""

from collections.abc import Iterator

import pytest

from appointments_operator.web.listing import MAX_CALLS, MAX_READ
from tests.scale import at_size
from tests.scale.pages import STORIES, Console, Visit, console, sum_of, visits, whole_story

# What a call reads at most: the first one of a list, and the next ones.
_FIRST_PAGE, _PAGE = 200, 800


@pytest.fixture(scope="module")
def one() -> Iterator[Console]:
    """Serve the console on 10,000 notifications and 100,000 log lines, which no test changes."""
    with console() as served:
        yield served


@pytest.fixture
def visit(one: Console, name: str) -> Visit:
    """Visit a page."""
    return visits(one)[name]()


@pytest.mark.parametrize("name", ["the list"])
def test_the_list_is_bounded(visit: Visit) -> None:
    """A hundred rows, or 1,000 notifications if storms are among them, however many there are."""
    assert visit.calls == {"Query": 2}
    assert visit.read["Items"] == _FIRST_PAGE + _PAGE == MAX_READ
    assert "1,000 or more" in visit.text
    assert len(visit.text) < 60_000


@pytest.mark.parametrize(
    "name",
    [
        "search by status",
        "search by reason",
        "search by recipient, the first part",
        "search by appointment, the first part",
    ],
)
def test_a_search_is_bounded(visit: Visit) -> None:
    """A search reads so many notifications and days at once, and says how far it has read."""
    assert set(visit.calls) == {"Query"}
    assert visit.calls["Query"] <= MAX_CALLS
    assert visit.read["Items"] < MAX_READ + _PAGE
    assert ("user#1800" in visit.text) or ("Searching on" in visit.text) or "Older" in visit.text


def test_a_search_that_goes_on_finds_it(one: Console) -> None:
    """What lies deep is found by the parts that the page loads one after the other."""
    shown = one.get("/", state="", span="30d", q=at_size.uuid_of(9000))
    parts = 1
    while "Searching on" in shown.text:
        shown = one.follow(shown)
        parts += 1
    assert "notification-9000" in shown.text
    assert 6 <= parts <= 10


@pytest.mark.parametrize("name", ["a storm opened"])
def test_a_storm_is_read_as_a_whole(visit: Visit) -> None:
    """Its page reads all members, 200 and then 800 per query, and shows the newest hundred."""
    assert visit.calls == {"GetItem": 1, "Query": 3}
    assert "Replay all 1,240" in visit.text
    assert "And 1,140 more." in visit.text


@pytest.mark.parametrize("name", ["Health"])
def test_health_reads_its_records(visit: Visit) -> None:
    """Health reads the records of the switches and of the breaker, and the eight shards."""
    assert visit.calls == {"GetItem": 3, "Query": 8}
    assert visit.read["events"] == 0


@pytest.mark.parametrize("name", ["the page of an appointment"])
def test_the_page_of_an_appointment_reads_the_item_alone(visit: Visit) -> None:
    """It shows at once: the log is read by its parts."""
    assert visit.calls == {"GetItem": 1}


def test_the_story_of_a_uuid_in_a_year(one: Console) -> None:
    """The first part has the request of twenty days ago, by the item: four days and what is near.

    All of the year is read, in windows of a day, each once.
    """
    first, *others = whole_story(one, **STORIES["of a uuid"])
    for kind in ("request", "email", "response", "item"):
        assert f'<li class="{kind}">' in first.text
    assert first.calls["FilterLogEvents"] <= 6
    assert first.read["events"] <= 5
    calls = sum_of(each.calls for each in others)
    assert set(calls) == {"FilterLogEvents"}
    assert 360 <= calls["FilterLogEvents"] <= 370
    assert sum_of(each.read for each in others).total() == 0


def test_the_story_of_an_order(one: Console) -> None:
    """Its three requests of twenty days ago cost one look per day, and one near them."""
    parts = whole_story(one, **STORIES["of an order"])
    calls = sum_of(each.calls for each in parts)
    assert "".join(each.text for each in parts).count('<li class="request">') == 3
    assert calls["FilterLogEvents"] <= 34
    assert sum_of(each.read for each in parts)["events"] <= 15


def test_the_story_of_a_photographer(one: Console) -> None:
    """The requests of thirty days come in parts; no part and no whole reads much."""
    parts = whole_story(one, **STORIES["of a photographer"])
    texts = "".join(each.text for each in parts)
    assert texts.count('<li class="request">') in (222, 223)
    assert texts.count("Go on") == 1
    assert max(each.calls["FilterLogEvents"] for each in parts) <= 10
    assert sum_of(each.calls for each in parts)["FilterLogEvents"] <= 80
