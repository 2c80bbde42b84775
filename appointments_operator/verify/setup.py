"""What AWS has of the deployment: versions, limits, logs, alarms, subscriptions, the schedule."""

from typing import Any, Final

from appointments.names import ALIAS
from appointments_operator.verify.check import Check, CheckFailed, NotShown
from appointments_operator.verify.trial import Trial


def _alias(trial: Trial) -> str:
    client = trial.deployment.lambda_client
    function = trial.deployment.name("FunctionName")
    pages = client.get_paginator("list_aliases").paginate(FunctionName=function)
    aliases = [each for page in pages for each in page["Aliases"]]
    (alias,) = (each for each in aliases if each["Name"] == ALIAS)
    if weights := alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"):
        raise CheckFailed(f"a deployment shifts traffic: {weights}")
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    versions = [each["Version"] for page in pages for each in page["Versions"]]
    newest = max((int(each) for each in versions if each.isdigit()), default=0)
    if int(alias["FunctionVersion"]) != newest:
        raise CheckFailed(f"{ALIAS} is version {alias['FunctionVersion']}, the newest is {newest}")
    return f"version {newest}"


def _throttle(trial: Trial) -> str:
    client = trial.deployment.client("apigatewayv2")
    (stage,) = client.get_stages(ApiId=trial.deployment.name("ApiId"))["Items"]
    settings = stage.get("DefaultRouteSettings", {})
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if trial.is_local:
        raise NotShown("throttling")
    if not (rate and burst):
        raise CheckFailed("the stage has no limits of its own")
    return f"{rate:g} per second, bursts of {burst}"


def _log(trial: Trial) -> str:
    name = trial.deployment.log_group
    found = trial.deployment.client("logs").describe_log_groups(logGroupNamePrefix=name)
    groups = {group["logGroupName"]: group for group in found["logGroups"]}
    if name not in groups:
        raise CheckFailed(f"there is no log group {name}")
    days = groups[name].get("retentionInDays")
    if days is None:
        raise CheckFailed(f"{name} is kept for ever")
    return f"{days} days"


def _alarms(trial: Trial) -> str:
    pages = trial.deployment.client("cloudwatch").get_paginator("describe_alarms")
    prefix = f"{trial.deployment.stack}-"
    alarms: list[dict[str, Any]] = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=prefix)
        for alarm in page.get("MetricAlarms", [])
    ]
    if not alarms:
        raise CheckFailed("there are no alarms")
    if silent := [each["AlarmName"] for each in alarms if not each.get("AlarmActions")]:
        raise CheckFailed(f"these tell no one: {', '.join(silent)}")
    if trial.is_local:
        raise NotShown("the states of alarms")
    if on := [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM"]:
        raise CheckFailed(f"in alarm: {', '.join(on)}")
    return f"{len(alarms)} alarms, none is on"


def _people(output: str) -> Check:
    def look(trial: Trial) -> str:
        if trial.is_local:
            raise NotShown("subscriptions of people")
        pages = trial.deployment.client("sns").get_paginator("list_subscriptions_by_topic")
        arns = [
            each["SubscriptionArn"]
            for page in pages.paginate(TopicArn=trial.deployment.name(output))
            for each in page["Subscriptions"]
            if each["Protocol"] == "email"
        ]
        if not arns:
            raise CheckFailed("no person is subscribed")
        waiting = sum(not arn.startswith("arn:") for arn in arns)
        if waiting:
            raise CheckFailed(f"{waiting} of {len(arns)} subscriptions are not confirmed")
        return f"{len(arns)} confirmed"

    parameter = {"NotificationsTopic": "NotificationsEmail", "OpsTopic": "OpsEmail"}[output]
    advice = f"Set {parameter} in samconfig.toml, deploy, and click the link in AWS's email."
    return Check(f"people are subscribed to {output}", look, advice)


def _schedule(trial: Trial) -> str:
    name = f"{trial.deployment.stack}-owed"
    schedule = trial.deployment.client("scheduler").get_schedule(Name=name)
    if schedule["State"] != "ENABLED":
        raise CheckFailed(f"it is {schedule['State'].lower()}")
    return str(schedule["ScheduleExpression"])


SETUP_CHECKS: Final = (
    Check(
        "callers get the newest version",
        _alias,
        "Wait for the deployment, or finish its rollback (docs/operations.md, Deploying).",
    ),
    Check("the API limits requests", _throttle, "Deploy again: the template has the limits."),
    Check("the log has a retention", _log, "Deploy again: LogRetentionDays."),
    Check(
        "alarms are off, and tell people",
        _alarms,
        "docs/operations.md has a chapter for each alarm.",
    ),
    _people("NotificationsTopic"),
    _people("OpsTopic"),
    Check(
        "the schedule runs",
        _schedule,
        "Enable it (EventBridge Scheduler): without it no email is tried again.",
    ),
)
