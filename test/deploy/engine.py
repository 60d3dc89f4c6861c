"""moto's server as AWS, with what its CloudFormation lacks and this deployment needs.

`python engine.py PORT NODE_MODULES` answers on 127.0.0.1. The services are moto's own; the types below only
hand the properties of a template to the API of their service, as CloudFormation does. README.md lists what stays
missing, and what covers it instead.
"""

import http.server
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile

import boto3

PORT, NODE_MODULES = sys.argv[1], sys.argv[2]
ENDPOINT = f"http://localhost:{PORT}"
os.environ.update(
    MOTO_PORT=PORT,
    AWS_ACCESS_KEY_ID="engine",
    AWS_SECRET_ACCESS_KEY="engine",
    AWS_ENDPOINT_URL=ENDPOINT,
)

from moto.awslambda.utils import get_backend as lambda_backend  # noqa: E402
from moto.cloudformation import cloudformation_backends, custom_model, models, parsing, responses  # noqa: E402
from moto.cloudformation.exceptions import CloudFormationError  # noqa: E402
from moto.core.common_models import CloudFormationModel  # noqa: E402
from moto.core.responses import EmptyResult  # noqa: E402
from moto.ec2 import ec2_backends  # noqa: E402
from moto.ec2.models.elastic_ip_addresses import ElasticAddress  # noqa: E402
from moto.ec2.models.route_tables import RouteTable  # noqa: E402
from moto.ec2.models.vpcs import VPCEndPoint  # noqa: E402
from moto.elbv2.models import FakeTargetGroup  # noqa: E402
from moto.kms.models import Key  # noqa: E402
from moto.s3.models import FakeBucket  # noqa: E402
from moto.server import main  # noqa: E402


def client(service, region):
    return boto3.client(service, region_name=region, endpoint_url=ENDPOINT)


# --- functions of templates -----------------------------------------------------------------------------------

clean_json = parsing.clean_json


def clean(node, resources):
    """Fn::GetStackOutput: the output of another stack, which must be there."""
    if isinstance(node, dict) and "Fn::GetStackOutput" in node:
        wanted = clean(node["Fn::GetStackOutput"], resources)
        backend = cloudformation_backends[resources._account_id][resources._region_name]
        for output in backend.get_stack(wanted["StackName"]).output_map.values():
            if output.key == wanted["OutputName"]:
                return output.value
        raise parsing.ValidationError(message=f"no output {wanted['OutputName']} in stack {wanted['StackName']}")
    return clean_json(node, resources)


parsing.clean_json = clean

# --- stacks ---------------------------------------------------------------------------------------------------


def update_termination_protection(self):
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
    return EmptyResult()


responses.CloudFormationResponse.update_termination_protection = update_termination_protection

delete_stack = models.CloudFormationBackend.delete_stack


def delete_unless_protected(self, name_or_stack_id):
    stack = self.get_stack(name_or_stack_id)
    if stack.enable_termination_protection:
        raise parsing.ValidationError(message=f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    return delete_stack(self, name_or_stack_id)


models.CloudFormationBackend.delete_stack = delete_unless_protected



class ChangeSetNotFound(CloudFormationError):
    code = "ChangeSetNotFound"


def of_its_stack(method):
    """moto looks for a change set by its name in all stacks."""

    def call(self):
        get, stack_name = self._get_param, self._get_param("StackName")

        def get_with_id(name, *default):
            if name != "ChangeSetName":
                return get(name, *default)
            for change_set in self.cloudformation_backend.change_sets.values():
                if get(name) in (change_set.change_set_id, change_set.change_set_name) and stack_name in (
                    None,
                    change_set.stack_id,
                    change_set.stack_name,
                ):
                    return change_set.change_set_id
            raise ChangeSetNotFound(f"ChangeSet [{get(name)}] does not exist")

        self._get_param = get_with_id
        return method(self)

    return call


for action in ("delete_change_set", "describe_change_set", "execute_change_set"):
    setattr(responses.CloudFormationResponse, action, of_its_stack(getattr(responses.CloudFormationResponse, action)))

execute_change_set = models.CloudFormationBackend.execute_change_set


def execute_with_outputs(self, change_set_name, stack_name=None):
    """moto forgets the outputs of a stack that a change set made."""
    execute_change_set(self, change_set_name, stack_name)
    stack = self.get_stack(stack_name)
    stack._parse_template()
    stack.output_map = stack._create_output_map()


models.CloudFormationBackend.execute_change_set = execute_with_outputs

delete_resource = parsing.ResourceMap._delete_resource


def delete_unless_retained(self, resource, resource_json):
    """moto forgets the policy when an update removes a resource, and does not know RetainExceptOnCreate."""
    if resource_json.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate"):
        return
    delete_resource(self, resource, resource_json)


def delete_last_made_first(self):
    """moto deletes in any order."""
    for attempt in range(5):
        failures = []
        for name in reversed(list(self._parsed_resources)):
            resource, resource_json = self._parsed_resources[name], self._resource_json_map.get(name)
            if resource is None or resource_json is None:
                continue
            try:
                self._delete_resource(resource, resource_json)
                del self._parsed_resources[name]
            except Exception as error:
                failures.append(error)
        if not failures:
            return
    raise failures[0]


parsing.ResourceMap.delete = delete_last_made_first
parsing.ResourceMap._delete_resource = delete_unless_retained

update_resource = parsing.parse_and_update_resource


def update_or_keep(logical_id, resource_json, resources, account_id, region_name):
    """moto drops a resource whose type it cannot update."""
    updated = update_resource(logical_id, resource_json, resources, account_id, region_name)
    return resources[logical_id] if updated is None else updated


parsing.parse_and_update_resource = update_or_keep

parse_ssm_parameter = parsing.ResourceMap.parse_ssm_parameter


def parse_once(self, value, value_type):
    """moto gives a later change set what the parameter was resolved to, and resolves that again."""
    try:
        return parse_ssm_parameter(self, value, value_type)
    except AttributeError:
        return value


parsing.ResourceMap.parse_ssm_parameter = parse_once

# --- attributes -----------------------------------------------------------------------------------------------


def add_attribute(model, attribute, read):
    get = model.get_cfn_attribute if hasattr(model, "get_cfn_attribute") else lambda self, name: None
    has = model.has_cfn_attr
    model.has_cfn_attr = classmethod(lambda cls, name: name == attribute or bool(has(name)))
    model.get_cfn_attribute = lambda self, name: read(self) if name == attribute else get(self, name)


add_attribute(ElasticAddress, "PublicIp", lambda address: address.public_ip)
add_attribute(FakeTargetGroup, "TargetGroupFullName", lambda group: group.arn.split(":")[-1])


def delete_route_table(self, account_id, region_name):
    backend = ec2_backends[account_id][region_name]
    for association in list(self.associations):
        backend.disassociate_route_table(association)
    backend.delete_route_table(self.id)


def delete_endpoint(self, account_id, region_name):
    ec2_backends[account_id][region_name].delete_vpc_endpoints([self.id])


make_key = Key.create_from_cloudformation_json


def make_untagged_key(cls, resource_name, cloudformation_json, account_id, region_name, **_):
    """moto reads the tags of a key as the API of KMS writes them."""
    properties = {**cloudformation_json["Properties"]}
    properties.pop("Tags", None)
    return make_key(resource_name, {**cloudformation_json, "Properties": properties}, account_id, region_name)


Key.create_from_cloudformation_json = classmethod(make_untagged_key)
update_bucket = FakeBucket.update_from_cloudformation_json


def update_named_bucket(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    """moto updates only a bucket whose name is in the template."""
    named = {**cloudformation_json["Properties"], "BucketName": original_resource.name}
    return update_bucket(
        original_resource, original_resource.name, {**cloudformation_json, "Properties": named}, account_id, region_name
    )


FakeBucket.update_from_cloudformation_json = classmethod(update_named_bucket)
RouteTable.delete = delete_route_table
VPCEndPoint.delete = delete_endpoint

# --- types ----------------------------------------------------------------------------------------------------


def pick(properties, *names):
    return {name: properties[name] for name in names if name in properties}


def put_secret(region, name, properties):
    secrets = client("secretsmanager", region)
    generate = properties.get("GenerateSecretString")
    value = properties.get("SecretString")
    if generate is not None:
        value = json.dumps({**json.loads(generate["SecretStringTemplate"]), generate["GenerateStringKey"]: "x" * 32})
    arn = secrets.create_secret(Name=name, SecretString=value, **pick(properties, "Description", "KmsKeyId"))["ARN"]
    return arn, {"Id": arn}


def put_alarm(region, name, properties):
    client("cloudwatch", region).put_metric_alarm(**{"AlarmName": name, **properties})
    return name, {"Arn": f"arn:aws:cloudwatch:{region}:123456789012:alarm:{name}"}


def put_topic_policy(region, name, properties):
    for topic in properties["Topics"]:
        client("sns", region).set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(properties["PolicyDocument"])
        )
    return name, {}


def put_subscription(region, name, properties):
    attributes = {
        key: properties[key] if isinstance(properties[key], str) else json.dumps(properties[key])
        for key in ("FilterPolicy", "RedrivePolicy")
        if key in properties
    }
    made = client("sns", region).subscribe(
        **pick(properties, "TopicArn", "Protocol", "Endpoint"), Attributes=attributes, ReturnSubscriptionArn=True
    )
    return made["SubscriptionArn"], {}


def put_queue_policy(region, name, properties):
    for queue in properties["Queues"]:
        client("sqs", region).set_queue_attributes(
            QueueUrl=queue, Attributes={"Policy": json.dumps(properties["PolicyDocument"])}
        )
    return name, {}


def put_egress(region, name, properties):
    permission = {
        **pick(properties, "IpProtocol", "FromPort", "ToPort"),
        "UserIdGroupPairs": [{"GroupId": properties["DestinationSecurityGroupId"]}],
    }
    client("ec2", region).authorize_security_group_egress(GroupId=properties["GroupId"], IpPermissions=[permission])
    return name, {}


def put_load_balancer(region, name, properties):
    """moto's own model knows no network load balancer."""
    balancing = client("elbv2", region)
    made = balancing.create_load_balancer(
        Name=name[-32:].strip("-"),
        **pick(properties, "Type", "Scheme", "SubnetMappings", "Subnets", "SecurityGroups", "IpAddressType"),
    )["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    balancing.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=properties["LoadBalancerAttributes"])
    return arn, {
        "LoadBalancerArn": arn,
        "LoadBalancerFullName": arn.split("loadbalancer/")[1],
        "DNSName": made["DNSName"],
        "CanonicalHostedZoneID": made["CanonicalHostedZoneId"],
    }


def put_scalable_target(region, name, properties):
    dimension = pick(properties, "ServiceNamespace", "ResourceId", "ScalableDimension")
    client("application-autoscaling", region).register_scalable_target(
        **dimension, **pick(properties, "MinCapacity", "MaxCapacity")
    )
    return "|".join([properties["ResourceId"], properties["ScalableDimension"], properties["ServiceNamespace"]]), {}


def put_scaling_policy(region, name, properties):
    resource, dimension, namespace = properties["ScalingTargetId"].split("|")
    made = client("application-autoscaling", region).put_scaling_policy(
        ServiceNamespace=namespace,
        ResourceId=resource,
        ScalableDimension=dimension,
        **pick(properties, "PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration"),
    )
    return made["PolicyARN"], {}


TYPES = {
    "AWS::SecretsManager::Secret": put_secret,
    "AWS::CloudWatch::Alarm": put_alarm,
    "AWS::SNS::TopicPolicy": put_topic_policy,
    "AWS::SNS::Subscription": put_subscription,
    "AWS::SQS::QueuePolicy": put_queue_policy,
    "AWS::EC2::SecurityGroupEgress": put_egress,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": put_load_balancer,
    "AWS::ApplicationAutoScaling::ScalableTarget": put_scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": put_scaling_policy,
}

# What their API makes a second time instead of changing it.
MADE_ONCE = (
    "AWS::SecretsManager::Secret",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
)


def define(type_name, put):
    class Model(CloudFormationModel):
        # moto finds the service of a model in the name of its module.
        __module__ = "moto.deployment.models"

        def __init__(self, name, physical_id, attributes):
            self.name, self.physical_resource_id, self.attributes = name, physical_id, attributes

        @staticmethod
        def cloudformation_name_type():
            return ""

        @staticmethod
        def cloudformation_type():
            return type_name

        @classmethod
        def has_cfn_attr(cls, attribute):
            return True

        def get_cfn_attribute(self, attribute):
            return self.attributes[attribute]

        def is_created(self):
            return True

        def delete(self, account_id, region_name):
            pass

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
            return cls(resource_name, *put(region_name, resource_name, cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(
            cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
        ):
            if type_name in MADE_ONCE:
                return original_resource
            put(region_name, original_resource.name, cloudformation_json["Properties"])
            return original_resource

    return Model


MODELS = [define(name, put) for name, put in TYPES.items()]

# --- custom resources -----------------------------------------------------------------------------------------


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
    called = {**event, "ResponseURL": f"http://127.0.0.1:{receiver.server_port}/"}
    with tempfile.TemporaryDirectory(dir=os.path.join(NODE_MODULES, ".cache")) as folder:
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(folder)
        subprocess.run(
            ["node", "--input-type=module", "--eval", script, json.dumps(called)],
            cwd=folder,
            env={**os.environ, "AWS_REGION": region_name},
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

if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", PORT])
