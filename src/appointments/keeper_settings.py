"""The environment of the keeper, read once: it needs none of the other function's variables."""

import os
from typing import Final

NOTIFICATIONS_TABLE: Final = os.environ["NOTIFICATIONS_TABLE"]
APPOINTMENTS_TABLE: Final = os.environ["APPOINTMENTS_TABLE"]
