"""The settings in AWS: versions, limits, log, alarms, subscriptions, the schedule."""

from typing import Any, Final

from appointments.names import ALIAS
from appointments_operator.verify.check import Check, CheckFailed, NotOnLocalStack
from appointments_operator.verify.verification import Verification


def _alias(verification: Verification) -> str:
    client = verification.deployment.lambda_client
    function = verification.deployment.output("FunctionName")
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


def _throttle(verification: Verification) -> str:
    client = verification.deployment.client("apigatewayv2")
    (stage,) = client.get_stages(ApiId=verification.deployment.output("ApiId"))["Items"]
    settings = stage.get("DefaultRouteSettings", {})
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if verification.is_local:
        raise NotOnLocalStack("throttling")
    if not (rate and burst):
        raise CheckFailed("the stage has no limits of its own")
    return f"{rate:g} per second, bursts of {burst}"


def _log(verification: Verification) -> str:
    name = verification.deployment.log_group
    found = verification.deployment.client("logs").describe_log_groups(logGroupNamePrefix=name)
    groups = {group["logGroupName"]: group for group in found["logGroups"]}
    if name not in groups:
        raise CheckFailed(f"there is no log group {name}")
    days = groups[name].get("retentionInDays")
    if days is None:
        raise CheckFailed(f"{name} is kept for ever")
    return f"{days} days"


def _alarms(verification: Verification) -> str:
    pages = verification.deployment.client("cloudwatch").get_paginator("describe_alarms")
    prefix = f"{verification.deployment.stack}-"
    alarms: list[dict[str, Any]] = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=prefix)
        for alarm in page.get("MetricAlarms", [])
    ]
    if not alarms:
        raise CheckFailed("there are no alarms")
    if without_action := [each["AlarmName"] for each in alarms if not each.get("AlarmActions")]:
        raise CheckFailed(f"these tell no one: {', '.join(without_action)}")
    if verification.is_local:
        raise NotOnLocalStack("the states of alarms")
    if on := [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM"]:
        raise CheckFailed(f"in alarm: {', '.join(on)}")
    return f"{len(alarms)} alarms, none is on"


def _people(output: str) -> Check:
    def look(verification: Verification) -> str:
        if verification.is_local:
            raise NotOnLocalStack("subscriptions of people")
        pages = verification.deployment.client("sns").get_paginator("list_subscriptions_by_topic")
        arns = [
            each["SubscriptionArn"]
            for page in pages.paginate(TopicArn=verification.deployment.output(output))
            for each in page["Subscriptions"]
            if each["Protocol"] == "email"
        ]
        if not arns:
            raise CheckFailed("no person is subscribed")
        unconfirmed = sum(not arn.startswith("arn:") for arn in arns)
        if unconfirmed:
            raise CheckFailed(f"{unconfirmed} of {len(arns)} subscriptions are not confirmed")
        return f"{len(arns)} confirmed"

    parameter = {"NotificationsTopic": "NotificationsEmail", "OpsTopic": "OpsEmail"}[output]
    advice = f"Set {parameter} in samconfig.toml, deploy, and click the link in AWS's email."
    return Check(f"people are subscribed to {output}", look, advice)


def _schedule(verification: Verification) -> str:
    name = f"{verification.deployment.stack}-owed"
    schedule = verification.deployment.client("scheduler").get_schedule(Name=name)
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
