"""The template keeps what is kept, says nothing secret, and asks for no permission that is none.

What the scanners of `make audit` do not see (measured: mistyped and starred actions, a key in an
environment value, a log group that Lambda would make by itself and keep for ever) is checked here.
"""

import json
import re
from typing import Any, Final

import botocore.session
import pytest

from tests.template import actions, properties, resolve, resources, statements, template

KEPT: Final = {
    *("AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"),
}
# Specification section 11.1: the handler and the variables of each function.
ENVIRONMENTS: Final = {
    "appointments.handler.lambda_handler": {
        *("SESSIONS_TABLE", "RECORDS_TABLE", "APPOINTMENTS_TABLE", "NOTIFICATIONS_TOPIC"),
        *("MANDRILL_URL", "MANDRILL_SECRET", "MANDRILL_TEMPLATE", "STAGE", "MAIL_WORKERS"),
        *("APPOINTMENT_RETENTION_DAYS", "RES_OPTIONS"),
    },
    "appointments.tab.lambda_handler": {"NOTIFICATIONS_TABLE", "APPOINTMENTS_TABLE"},
}
# Permissions that are not called as the operation is.
NAMED_OTHERWISE: Final = {"lambda:InvokeFunction": "Invoke"}
# The actions that AWS cannot restrict to a resource.
WITHOUT_RESOURCE: Final = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def functions() -> list[dict[str, Any]]:
    """Return the functions' properties."""
    return [each["Properties"] for each in resources("AWS::Serverless::Function").values()]


@pytest.mark.parametrize(
    ("stage", "deletion", "replacement", "is_protected"),
    [
        ("dev", "RetainExceptOnCreate", "Retain", True),
        ("prod", "RetainExceptOnCreate", "Retain", True),
        ("local", "Delete", "Delete", False),
    ],
)
def test_what_is_retained_outlives_the_stack(
    stage: str, deletion: str, replacement: str, is_protected: bool
) -> None:
    """Outside the local stage no deletion and no replacement takes tables, logs or the key.

    What a creation made that is rolled back goes, so that it does not block the next one.
    """
    for kind in KEPT:
        for name, resource in resources(kind).items():
            assert resolve(resource["DeletionPolicy"], Stage=stage) == deletion, name
            assert resolve(resource["UpdateReplacePolicy"], Stage=stage) == replacement, name
    for name, table in resources("AWS::DynamoDB::Table").items():
        protected = table["Properties"]["DeletionProtectionEnabled"]
        assert resolve(protected, Stage=stage) is is_protected, name


def test_the_local_stage_is_any_other() -> None:
    """What is tried in the stage `local` is what is deployed in any other, but for what is kept."""

    def deployed(stage: str) -> Any:
        text = json.dumps(resolve(template()["Resources"], Stage=stage))
        return json.loads(text.replace(f'"{stage}"', '"a stage"'), object_hook=without_fate)

    def without_fate(read: dict[str, Any]) -> dict[str, Any]:
        faults = {"DeletionPolicy", "UpdateReplacePolicy", "DeletionProtectionEnabled"}
        return {name: value for name, value in read.items() if name not in faults}

    assert deployed("local") == deployed("prod")


def test_tables_can_be_restored_and_are_encrypted() -> None:
    """Each has point-in-time recovery and encryption at rest."""
    for name, table in resources("AWS::DynamoDB::Table").items():
        properties = table["Properties"]
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}, name
        assert properties["SSESpecification"] == {"SSEEnabled": True}, name


def test_the_environment_holds_no_key_and_no_debug_switch() -> None:
    """It holds what the specification names, each by reference, and no other name.

    The C library's limit is the only literal value.
    """
    assert {function["Handler"] for function in functions()} == set(ENVIRONMENTS)
    for function in functions():
        variables = dict(function["Environment"]["Variables"])
        assert set(variables) == ENVIRONMENTS[function["Handler"]]
        variables.pop("RES_OPTIONS", None)
        assert all(set(value) <= {"Ref", "Fn::GetAtt"} for value in variables.values())
        referred = {value["Ref"] for value in variables.values() if "Ref" in value}
        secret = set(resources("AWS::SecretsManager::Secret"))
        assert not referred & secret, "a secret's ARN is passed, not its value"


def test_no_parameter_holds_a_secret() -> None:
    """An operator puts the key into the secret; what the template puts there opens nothing."""
    parameters = template()["Parameters"]
    assert parameters
    for name, parameter in parameters.items():
        assert not re.search(r"key|secret|token|password", name, re.IGNORECASE)
        assert parameter["Description"]
    for secret in resources("AWS::SecretsManager::Secret").values():
        assert secret["Properties"]["SecretString"] == "not-yet-set"


def test_every_stage_throttles_and_logs_access() -> None:
    """The API has a rate, a burst and an access log, and logs no request whole."""
    for stage in resources("AWS::ApiGatewayV2::Stage").values():
        settings = stage["Properties"]["DefaultRouteSettings"]
        assert 0 < settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"] <= 1000
        assert not {"DataTraceEnabled", "LoggingLevel"} & set(settings)
        access = stage["Properties"]["AccessLogSettings"]
        assert access["DestinationArn"] == {"Fn::GetAtt": ["AccessLog", "Arn"]}
        assert not re.search(r"header|queryString|authorizer|body", access["Format"])


def test_every_log_ends() -> None:
    """Each log group has a retention, and each function writes to one of them."""
    groups = resources("AWS::Logs::LogGroup")
    for name, group in groups.items():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name
    for function in functions():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_no_appointment_expires_before_its_log_entries() -> None:
    """The template refuses a retention of appointments that is shorter than that of the logs."""
    parameters = template()["Parameters"]
    assert parameters["AppointmentRetentionDays"]["Default"] == 0
    for log in parameters["LogRetentionDays"]["AllowedValues"]:
        for appointments in parameters["AppointmentRetentionDays"]["AllowedValues"]:
            days = {"LogRetentionDays": str(log), "AppointmentRetentionDays": str(appointments)}
            is_accepted = appointments == 0 or appointments >= log
            assert accepts("AppointmentsOutliveTheLog", **days) is is_accepted, days


@pytest.mark.parametrize("snap_start", ["true", "false"])
def test_snap_start_is_off_and_needs_its_runtime(snap_start: str) -> None:
    """SnapStart is off by default, for published versions if it is on, and not for Python 3.11."""
    assert template()["Parameters"]["SnapStart"]["Default"] == "false"
    for runtime in template()["Parameters"]["Runtime"]["AllowedValues"]:
        is_accepted = snap_start == "false" or runtime != "python3.11"
        rule = "SnapStartNeedsItsRuntime"
        assert accepts(rule, SnapStart=snap_start, Runtime=runtime) is is_accepted
    function = properties("AWS::Serverless::Function", SnapStart=snap_start)["CreateFunction"]
    applies = "PublishedVersions" if snap_start == "true" else "None"
    assert function["SnapStart"] == {"ApplyOn": applies}
    # Then Lambda does not name the log group to the function, which takes the usual one.
    log = properties("AWS::Logs::LogGroup")["FunctionLog"]["LogGroupName"]
    assert log == f"/aws/lambda/${{{function['FunctionName']}}}"


def accepts(rule: str, **parameters: str) -> bool:
    """Whether a rule of the template accepts parameters."""
    (assertion,) = template()["Rules"][rule]["Assertions"]
    return bool(resolve(assertion["Assert"], **parameters))


def test_a_domain_comes_with_its_certificate_and_replaces_the_raw_url() -> None:
    """With both parameters the URL is the domain's, AWS's own is closed; one alone is refused."""
    rule, name, certificate = "DomainNeedsItsCertificate", "api.example.com", "arn:aws:acm:…"
    for domain, arn, is_accepted in (
        ("", "", True),
        (name, certificate, True),
        (name, "", False),
        ("", certificate, False),
    ):
        assert accepts(rule, DomainName=domain, CertificateArn=arn) is is_accepted
    for domain, url in ((name, "https://${DomainName}"), ("", "Api.ApiEndpoint")):
        (api,) = properties("AWS::ApiGatewayV2::Api", DomainName=domain).values()
        assert api["DisableExecuteApiEndpoint"] is bool(domain)
        assert resolve(template()["Outputs"]["ApiUrl"]["Value"], DomainName=domain) == url
    for kind in ("DomainName", "ApiMapping"):
        (resource,) = resources(f"AWS::ApiGatewayV2::{kind}").values()
        assert resource["Condition"] == "HasDomain"


def test_a_budget_notifies_a_person() -> None:
    """It is made if an amount is given, and only with an address that it notifies."""
    (budget,) = resources("AWS::Budgets::Budget").values()
    has_budget = template()["Conditions"][budget["Condition"]]
    assert resolve(has_budget, MonthlyBudget="50") is True
    assert resolve(has_budget, MonthlyBudget="0") is False
    assert accepts("BudgetNeedsItsReader", MonthlyBudget="50", OpsEmail="oncall@planomatic.com")
    assert accepts("BudgetNeedsItsReader", MonthlyBudget="0", OpsEmail="")
    assert not accepts("BudgetNeedsItsReader", MonthlyBudget="50", OpsEmail="")
    for each in budget["Properties"]["NotificationsWithSubscribers"]:
        assert each["Subscribers"] == [
            {"SubscriptionType": "EMAIL", "Address": {"Ref": "OpsEmail"}}
        ]


def test_browsers_are_let_in_from_named_origins_alone() -> None:
    """No origin is allowed for all, by default or by the template."""
    for api in resources("AWS::ApiGatewayV2::Api").values():
        assert api["Properties"]["CorsConfiguration"]["AllowOrigins"] == {"Ref": "AllowedOrigins"}
    origins = template()["Parameters"]["AllowedOrigins"]["Default"].split(",")
    assert all(re.fullmatch(r"https://[a-z0-9.-]+", origin) for origin in origins)


def test_every_action_is_one_that_the_service_has() -> None:
    """A mistyped action grants nothing, and no error says so."""
    services = botocore.session.get_session()
    for role, statement in statements():
        assert statement["Effect"] == "Allow"
        for action in actions(statement):
            service, name = action.split(":")
            operations = services.get_service_model(service).operation_names
            assert NAMED_OTHERWISE.get(action, name) in operations, (role, action)


def test_no_action_and_no_resource_is_starred() -> None:
    """Roles name each action, and one resource, but for the service that has none to name."""
    for role, statement in statements():
        assert not any("*" in action for action in actions(statement)), role
        assert not {"NotAction", "NotResource"} & set(statement), role
        resource = statement["Resource"]
        if "*" in ([resource] if isinstance(resource, str) else resource):
            assert set(actions(statement)) <= WITHOUT_RESOURCE, role


def test_roles_are_assumed_by_one_service_and_hold_no_policy_of_others() -> None:
    """No managed policy widens a role, and each has one service that may act in it."""
    for name, role in resources("AWS::IAM::Role").items():
        properties = role["Properties"]
        assert "ManagedPolicyArns" not in properties, name
        (trusted,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert set(trusted["Principal"]) == {"Service"}, name
    assert all("Policies" not in function for function in functions())
    roles = [function["Role"]["Fn::GetAtt"] for function in functions()]
    assert roles == [["FunctionRole", "Arn"], ["KeeperRole", "Arn"]]


def test_only_the_api_may_invoke_the_function_from_outside() -> None:
    """No function has a public address, and the only permission names this API."""
    assert not any("FunctionUrlConfig" in function for function in functions())
    assert not any(each["Type"] == "AWS::Lambda::Url" for each in template()["Resources"].values())
    for permission in resources("AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert "${Api}" in properties["SourceArn"]["Fn::Sub"]


def test_only_its_own_alarms_bring_a_new_version_back() -> None:
    """Traffic shifts by degrees; alarms on the new version alone, and no others, shift it back."""
    (preference,) = (
        function["DeploymentPreference"]
        for function in functions()
        if "DeploymentPreference" in function
    )
    assert preference["Enabled"] == {"Ref": "GradualDeployment"}
    assert template()["Parameters"]["GradualDeployment"]["Default"] == "false"
    alarms = properties("AWS::CloudWatch::Alarm")
    watched = {
        (alarm["MetricName"], each["Value"])
        for alarm in (alarms[reference["Ref"]] for reference in preference["Alarms"])
        for each in alarm["Dimensions"]
        if each["Name"] in {"ExecutedVersion", "version"}
    }
    newest = "CreateFunction.Version.Version"
    assert watched == {("Errors", newest), ("Crashes", newest)}
    assert len(preference["Alarms"]) == len(watched)


def test_what_is_dropped_asynchronously_is_kept() -> None:
    """The alias's one configuration covers all that comes so; what it drops goes to a queue."""
    function = properties("AWS::Serverless::Function")["CreateFunction"]
    config = function["EventInvokeConfig"]
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    target = {"Type": "SQS", "Destination": "DroppedEvents.Arn"}
    assert config["DestinationConfig"] == {"OnFailure": target}
    (allowed,) = [each for role, each in statements() if each["Sid"] == "KeepDroppedEvents"]
    assert allowed["Action"] == "sqs:SendMessage"
    assert resolve(allowed["Resource"]) == "DroppedEvents.Arn"
    alarm = properties("AWS::CloudWatch::Alarm")["EventsDroppedAlarm"]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "DroppedEvents.QueueName"}]


def test_access_logs_need_no_line_in_the_accounts_policy() -> None:
    """The access log's group has the prefix of vended logs: the policy of logs is short."""
    (group,) = (
        properties("AWS::Logs::LogGroup")[stage["AccessLogSettings"]["DestinationArn"][:-4]]
        for stage in properties("AWS::ApiGatewayV2::Stage").values()
    )
    assert group["LogGroupName"].startswith("/aws/vendedlogs/")


def test_what_the_keeper_cannot_store_is_kept() -> None:
    """Both queues keep messages as long as SQS can, and what fails goes to the dead letters."""
    queues = properties("AWS::SQS::Queue")
    for name, queue in queues.items():
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name
        assert queue["SqsManagedSseEnabled"] is True, name
    target = {"deadLetterTargetArn": "KeeperDeadLetters.Arn"}
    assert queues["KeeperQueue"]["RedrivePolicy"].items() >= target.items()
    subscription = properties("AWS::SNS::Subscription")["KeeperSubscription"]
    assert subscription["RedrivePolicy"] == target, "what SNS cannot hand over"
    assert "FilterPolicy" not in subscription, "the notifications tab gets all"
    keeper = properties("AWS::Serverless::Function")["KeeperFunction"]
    assert queues["KeeperQueue"]["VisibilityTimeout"] >= 6 * keeper["Timeout"]


def test_every_alarm_reaches_a_person() -> None:
    """Each publishes its begin and end on a topic of the template, and says what it is about."""
    alarms = resources("AWS::CloudWatch::Alarm")
    topics = resources("AWS::SNS::Topic")
    for name, alarm in alarms.items():
        (action,) = alarm["Properties"]["AlarmActions"]
        assert alarm["Properties"]["OKActions"] == [action], name
        assert action["Ref"] in topics, name
        assert "KmsMasterKeyId" not in topics[action["Ref"]]["Properties"], "CloudWatch could not"
        assert alarm["Properties"]["AlarmDescription"], name
