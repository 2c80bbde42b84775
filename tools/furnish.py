"""Put into a deployed stack what the template leaves to others, and what the emulator drops."""

import json
from collections.abc import Mapping

from tools import deployment, seeds
from tools.aws import session
from tools.project import QUEUE


def furnish(endpoint_url: str, outputs: Mapping[str, str]) -> None:
    """Do all of it; a second time changes nothing but renews the seeds."""
    apis = session.client("apigatewayv2", endpoint_url=endpoint_url)
    deployment.restore_cors(apis, outputs["ApiId"])
    secrets = session.client("secretsmanager", endpoint_url=endpoint_url)
    secrets.put_secret_value(SecretId=outputs["MandrillSecret"], SecretString=seeds.MANDRILL_KEY)
    listen(endpoint_url, outputs["NotificationsTopic"])
    dynamodb = session.client("dynamodb", endpoint_url=endpoint_url)
    seeds.write(dynamodb, outputs["SessionsTable"], outputs["RecordsTable"])


def listen(endpoint_url: str, topic: str) -> None:
    """Subscribe a queue to the notifications' topic, so that what is published can be read."""
    queues = session.client("sqs", endpoint_url=endpoint_url)
    queue = queues.create_queue(QueueName=QUEUE)["QueueUrl"]
    known = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": known["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    session.client("sns", endpoint_url=endpoint_url).subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=known["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )
