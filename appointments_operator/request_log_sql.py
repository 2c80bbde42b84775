"""The tables and the statements of the request log, in SQL."""

from typing import Final

# `place` is an entry's position in the log: a number that grows with the time and the order of the
# entries. A row of `response` is a response log entry, or the email log entry of an email that is
# settled. `is_to_caller` is false for an email, and for the response of a replay.
# `response_place` is that of the response that the caller got. `latest_place` is that of the latest
# later one that changes the status: a retryable response leaves a request as it was.
# The view `request_status` has the first status of each request, and the present one.
TABLES: Final = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE request (
        place INTEGER PRIMARY KEY, stream TEXT, request_id TEXT, received_text TEXT,
        received_epoch REAL, uuid TEXT, content_hash TEXT, is_sensitive INTEGER, entry TEXT,
        response_place INTEGER, latest_place INTEGER
    );
    CREATE TABLE response (
        place INTEGER PRIMARY KEY, stream TEXT, request_id TEXT, uuid TEXT, status TEXT,
        reason TEXT, is_saved INTEGER, is_to_caller INTEGER, is_replay INTEGER, is_retryable INTEGER
    );
    CREATE VIEW request_status AS
    SELECT request.place, request.request_id, request.received_text, request.received_epoch,
        request.uuid,
        first.status AS first_status, first.uuid AS first_uuid,
        COALESCE(latest.status, first.status) AS status,
        COALESCE(latest.reason, CASE WHEN latest.place IS NULL THEN first.reason END) AS reason,
        request.is_sensitive
    FROM request
    LEFT JOIN response AS first ON first.place = request.response_place
    LEFT JOIN response AS latest ON latest.place = request.latest_place;
"""
INDEXES: Final = """
    CREATE INDEX request_by_id ON request (request_id, place);
    CREATE INDEX request_by_time ON request (received_epoch, place);
    CREATE INDEX response_by_id ON response (request_id, place) WHERE is_replay;
    CREATE INDEX response_by_uuid ON response (uuid, place) WHERE NOT is_retryable;
"""
ADD_REQUEST: Final = "INSERT INTO request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)"
ADD_RESPONSE: Final = "INSERT INTO response VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PAIR: Final = """
    UPDATE request SET response_place = :place, uuid = COALESCE(:uuid, uuid) WHERE place = (
        SELECT place FROM request
        WHERE request_id = :request_id AND response_place IS NULL
        AND stream = :stream AND place < :place
        ORDER BY place DESC LIMIT 1
    )
"""
# The place of such a response does not count: entries of two streams with the same time may come
# in either order.
PAIR_ACROSS_STREAMS: Final = """
    UPDATE request SET response_place = :place, uuid = COALESCE(:uuid, uuid) WHERE place = (
        SELECT place FROM request WHERE request_id = :request_id AND response_place IS NULL
        ORDER BY place LIMIT 1
    )
"""
# A caller's retry may have another request id: its response counts if it says `saved`.
LATEST_BY_UUID: Final = """
    UPDATE request SET latest_place = (
        SELECT MAX(later.place) FROM response AS later
        WHERE NOT later.is_retryable AND later.uuid = request.uuid AND later.place > request.place
        AND (later.request_id = request.request_id OR later.is_saved)
    ) WHERE uuid IS NOT NULL
"""
# Requests without a uuid may share an id. Each of them leads to a uuid of its own when replayed. If
# there are fewer such uuids than requests of different content, it is unknown which of them were
# replayed: then none counts as replayed. To replay one again is safe.
LATEST_WITHOUT_UUID: Final = """
    WITH replayed AS (
        SELECT request_id, COALESCE(uuid, '') AS uuid, place FROM response
        WHERE is_replay AND NOT is_retryable AND COALESCE(uuid, '') NOT IN (
            SELECT known.uuid FROM request AS known
            WHERE known.request_id = response.request_id AND known.uuid IS NOT NULL
        )
    )
    UPDATE request SET latest_place = (
        SELECT MAX(place) FROM replayed
        WHERE replayed.request_id = request.request_id AND replayed.place > request.place
    ) WHERE uuid IS NULL AND (
        SELECT COUNT(DISTINCT uuid) FROM replayed WHERE replayed.request_id = request.request_id
    ) >= (
        SELECT COUNT(DISTINCT content_hash) FROM request AS same
        WHERE same.request_id = request.request_id AND same.uuid IS NULL
    )
"""
