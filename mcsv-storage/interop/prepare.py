"""Waits for a server of the S3 protocol and makes the bucket: prepare.py ENDPOINT ID SECRET"""

import sys
import time

import boto3
import botocore.config
import botocore.exceptions

client = boto3.client(
    "s3",
    endpoint_url=sys.argv[1],
    region_name="us-east-1",
    aws_access_key_id=sys.argv[2],
    aws_secret_access_key=sys.argv[3],
    config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
)
for _ in range(120):
    try:
        client.create_bucket(Bucket="bucket")
        sys.exit(0)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        time.sleep(0.5)
sys.exit("the server does not answer")
