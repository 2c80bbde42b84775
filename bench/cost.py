"""What a million requests cost: a model from the measured figures and list prices."""

from dataclasses import dataclass
from typing import Final

# US East (N. Virginia), US dollars, as published in November 2025; no free tier, no savings plan.
PRICES_OF: Final = "November 2025"
GB_SECOND: Final = 0.0000133334  # Lambda on arm64, INIT included since August 2025
LAMBDA_REQUEST: Final = 0.20 / 1e6
API_REQUEST: Final = 1.00 / 1e6  # HTTP API
WRITE_UNIT: Final = 0.625 / 1e6  # DynamoDB on demand: 1 KB
READ_UNIT: Final = 0.125 / 1e6  # 4 KB, consistent
LOG_GB: Final = 0.50

MEMORIES: Final = (128, 256, 512, 768, 1024, 1769)
# At this size Lambda gives one whole processor, below it a share in proportion.
WHOLE_PROCESSOR: Final = 1769
# Assumptions, in seconds: one call to DynamoDB from Lambda, one to Mandrill; and how many starts
# are cold.
DYNAMODB: Final = 0.004
MANDRILL: Final = 0.250
COLD_SHARE: Final = 0.01
# Someone waits for a cold start's answer: so many seconds at most.
LONGEST_FIRST: Final = 1.5


@dataclass(frozen=True)
class Measured:
    """What the model takes from the bench: CPU in seconds, sizes in bytes."""

    init: float
    first: float
    warm: float
    item_bytes: int
    log_bytes: int


@dataclass(frozen=True)
class Row:
    """One memory size: seconds to the answer, dollars for a million requests."""

    memory: int
    warm: float
    cold: float
    function: float
    total: float
    function_with_email: float


def model(measured: Measured) -> list[Row]:
    """Return one row a memory size."""
    return [_row(measured, memory) for memory in MEMORIES]


def recommended(rows: list[Row]) -> Row:
    """Return the smallest size whose cold start is answered in time."""
    return next((row for row in rows if row.cold <= LONGEST_FIRST), rows[-1])


def fixed(measured: Measured) -> float:
    """Return what a million requests cost beside the function, whatever its size."""
    writes = -(-measured.item_bytes // 1024)
    reads = 5  # the session and four references, each below 4 KB
    each = API_REQUEST + writes * WRITE_UNIT + reads * READ_UNIT
    return 1e6 * (each + measured.log_bytes / 1e9 * LOG_GB)


def _row(measured: Measured, memory: int) -> Row:
    share = min(1.0, memory / WHOLE_PROCESSOR)
    wait = 2 * DYNAMODB
    warm = wait + measured.warm / share
    cold = measured.init / share + wait + measured.first / share
    billed = (1 - COLD_SHARE) * warm + COLD_SHARE * cold
    # An email is one more write, to mark it, beside the call itself.
    with_email = billed + MANDRILL + DYNAMODB

    def dollars(seconds: float) -> float:
        return 1e6 * (LAMBDA_REQUEST + seconds * memory / 1024 * GB_SECOND)

    function = dollars(billed)
    return Row(memory, warm, cold, function, function + fixed(measured), dollars(with_email))
