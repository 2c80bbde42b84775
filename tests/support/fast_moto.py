"""moto without what took half of its time, for runs of many thousand calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore.signers import RequestSigner
from moto.core import responses
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.core.utils import method_names_from_class

_PICK = XFormedAttributePicker.__call__


def _pick(picker: Any, context: AttributePickerContext) -> Any:
    """Take a member of a response as it is named, without moto's search for aliases."""
    if isinstance(context.obj, dict):
        return context.obj.get(context.key)
    return _PICK(picker, context)


@contextmanager
def fast_moto() -> Iterator[None]:
    """Leave out the search for aliases, the signatures that moto does not read, and a look-up."""
    with (
        patch.object(RequestSigner, "sign", lambda *_, **__: None),
        patch.object(responses, "method_names_from_class", cache(method_names_from_class)),
        patch.object(XFormedAttributePicker, "__call__", _pick),
    ):
        yield
