"""What a deployed stack still needs: what the template leaves to others, or the emulator loses."""

import json
from collections.abc import Mapping

from tools.environment import QUEUE
from tools.local_stack import deployment, seeds
from tools.local_stack.aws import session


def configure(endpoint_url: str, outputs: Mapping[str, str]) -> None:
    """Configure the stack; a second time renews the sessions and changes nothing else."""
    apis = session.client("apigatewayv2", endpoint_url=endpoint_url)
    deployment.restore_cors(apis, outputs["ApiId"])
    secrets = session.client("secretsmanager", endpoint_url=endpoint_url)
    secrets.put_secret_value(SecretId=outputs["MandrillSecret"], SecretString=seeds.MANDRILL_KEY)
    subscribe_queue(endpoint_url, outputs["NotificationsTopic"])
    dynamodb = session.client("dynamodb", endpoint_url=endpoint_url)
    seeds.write(dynamodb, outputs["SessionsTable"], outputs["RecordsTable"])


def subscribe_queue(endpoint_url: str, topic: str) -> None:
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
