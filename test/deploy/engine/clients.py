"""Clients of the services that this program serves itself. Read before moto is, which takes its port from the environment."""

import os
import sys

import boto3

PORT, NODE_MODULES = sys.argv[1], sys.argv[2]
ENDPOINT = f"http://localhost:{PORT}"
os.environ.update(
    MOTO_PORT=PORT,
    AWS_ACCESS_KEY_ID="engine",
    AWS_SECRET_ACCESS_KEY="engine",
    AWS_ENDPOINT_URL=ENDPOINT,
)


def client(service, region, **credentials):
    return boto3.client(service, region_name=region, endpoint_url=ENDPOINT, **credentials)
