"""What the fuzz sees of requests that change something outside the tables."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from tests.fuzz.elsewhere import Written, messages_waiting, watched


def test_a_message_that_was_sent_is_noted_and_waits_and_one_that_was_refused_is_not(tables: None) -> None:
    written = Written()
    before = messages_waiting()
    with watched(written):
        sqs = get_session().create_client("sqs")
        url = sqs.create_queue(QueueName="of-the-fuzz")["QueueUrl"]
        assert written.take() == (set(), ["sqs CreateQueue"])
        sqs.send_message(QueueUrl=url, MessageBody="here")
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        with pytest.raises(ClientError):
            sqs.send_message(QueueUrl=f"{url}-that-is-none", MessageBody="nowhere")
    assert written.take() == (set(), ["sqs SendMessage"])
    assert messages_waiting() == before + 1
    get_session().create_client("sqs").delete_queue(QueueUrl=url)


def test_a_table_is_noted_by_name_when_an_item_is_written_and_not_when_the_write_is_refused(tables: None) -> None:
    written = Written()
    item, table = {"pk": {"S": "FUZZ"}, "sk": {"S": "FUZZ"}}, "mart-union-hsinchu-customers"
    with watched(written):
        dynamodb = get_session().create_client("dynamodb")
        dynamodb.put_item(TableName=table, Item=item)
        assert written.take() == ({table}, [])
        with pytest.raises(ClientError):
            dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        assert written.take() == (set(), [])
        dynamodb.delete_item(TableName=table, Key=item)
