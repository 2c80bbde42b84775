"""The history of a notification: who did what about it, from the console."""

from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from appointments_operator import notifications_table
from appointments_operator.deployment import Deployment


class History:
    """What one operator adds to histories; AWS is asked once who they are."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def add(self, notification_id: str, done: str) -> None:
        """Note what a person did. One that is not open any more, or AWS's failure, is left out."""
        try:
            notifications_table.record_action(
                self._table, notification_id, by=self._identity, done=done
            )
        except (notifications_table.NotOpen, BotoCoreError, ClientError):
            return

    @cached_property
    def _identity(self) -> str:
        return notifications_table.identity(self._deployment)

    @cached_property
    def _table(self) -> Any:
        return notifications_table.table_of(self._deployment)
