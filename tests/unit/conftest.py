"""How long the searches of hypothesis may take: no clock decides on a machine that others share."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.load_profile("shared")
