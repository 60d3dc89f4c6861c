"""Custom resources: the code of the function that the stack deployed runs as Lambda would run it, with the rights of its role."""

import http.server
import io
import json
import os
import subprocess
import tempfile
import threading
import zipfile

from clients import NODE_MODULES, client
from moto.awslambda.utils import get_backend as lambda_backend
from moto.cloudformation import custom_model, parsing

def call_handler(account_id, region_name, event):
    """Runs the code of the function that the stack deployed, as Lambda would, and takes its answer."""
    answers = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

    receiver = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    function = lambda_backend(account_id, region_name).get_function(event["ServiceToken"])
    script = "import { handler } from './index.mjs'; await handler(JSON.parse(process.argv[1]));"
    credentials = client("sts", region_name).assume_role(RoleArn=function.role, RoleSessionName="function")["Credentials"]
    called = {**event, "ResponseURL": f"http://127.0.0.1:{receiver.server_port}/"}
    with tempfile.TemporaryDirectory(dir=os.path.join(NODE_MODULES, ".cache")) as folder:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(folder)
        subprocess.run(
            ["node", "--input-type=module", "--eval", script, json.dumps(called)],
            cwd=folder,
            env={
                **os.environ,
                "AWS_REGION": region_name,
                "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                "AWS_SESSION_TOKEN": credentials["SessionToken"],
            },
            check=True,
            timeout=60,
        )
    receiver.shutdown()
    answer = answers[0]
    if answer["Status"] != "SUCCESS":
        raise parsing.ValidationError(message=f"{event['LogicalResourceId']}: {answer['Reason']}")
    print("handled", event["RequestType"], event["ResourceType"], flush=True)
    return answer


class HandledResource(custom_model.CustomModel):
    __module__ = "moto.cloudformation.models"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        properties = cloudformation_json["Properties"]
        event = {
            "RequestType": "Create",
            "ServiceToken": properties["ServiceToken"],
            "StackId": kwargs["StackId"],
            "RequestId": resource_name,
            "LogicalResourceId": kwargs["LogicalId"],
            "ResourceType": kwargs["ResourceType"],
            "ResourceProperties": properties,
        }
        answer = call_handler(account_id, region_name, event)
        made = cls(region_name, resource_name, kwargs["LogicalId"], answer["PhysicalResourceId"])
        made.set_data(answer.get("Data", {}))
        made.event = {**event, "PhysicalResourceId": answer["PhysicalResourceId"]}
        return made

    def delete(self, account_id, region_name):
        call_handler(account_id, region_name, {**self.event, "RequestType": "Delete"})

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        event = {
            **original_resource.event,
            "RequestType": "Update",
            "OldResourceProperties": original_resource.event["ResourceProperties"],
            "ResourceProperties": cloudformation_json["Properties"],
        }
        original_resource.set_data(call_handler(account_id, region_name, event).get("Data", {}))
        original_resource.event = event
        return original_resource


parsing.CustomModel = HandledResource
