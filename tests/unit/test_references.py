"""Each reference, and each recipient role, names records that the function reads."""

from appointments.email.state import RecipientRole
from appointments.parameters import Parameters
from appointments.tables.keys import REFERENCE_KINDS


def test_each_parameter_that_must_exist_is_a_reference() -> None:
    """A parameter whose description says "must exist" has the kind of its record, and no other."""
    described = {
        name
        for name, field in Parameters.model_fields.items()
        if "must exist" in str(field.description)
    }
    assert described == set(REFERENCE_KINDS)


def test_each_role_names_a_user_record() -> None:
    """The parameter of a recipient role is a reference to a user record."""
    parameters = [role.user_parameter for role in RecipientRole if role.user_parameter]
    assert parameters
    assert {REFERENCE_KINDS.get(parameter) for parameter in parameters} == {"user"}
