"""Types of resources whose properties are handed to the API of their service, as CloudFormation does."""

import json

from clients import client
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel
from moto.ecs.models import ecs_backends

# The end of the name of an image that no registry has.
CANNOT_START = ":not-there"

def pick(properties, *names):
    return {name: properties[name] for name in names if name in properties}


def camel_case(value):
    """The names of properties as the API writes them, and numbers and flags as it wants them."""
    if isinstance(value, list):
        return [camel_case(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key[0].lower() + key[1:]: each if key == "Options" else camel_case(each)
        for key, each in value.items()
    }


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
    return name, {"GroupId": properties["GroupId"], "Permission": permission}


def put_load_balancer(region, name, properties, made=None):
    """moto's own model knows no network load balancer."""
    balancing = client("elbv2", region)
    if made is None:
        arn = balancing.create_load_balancer(
            Name=name[-32:].strip("-"),
            **pick(properties, "Type", "Scheme", "SubnetMappings", "Subnets", "SecurityGroups", "IpAddressType"),
        )["LoadBalancers"][0]["LoadBalancerArn"]
    else:
        arn = made.physical_resource_id
        balancing.set_subnets(LoadBalancerArn=arn, **pick(properties, "SubnetMappings", "Subnets"))
        balancing.set_security_groups(LoadBalancerArn=arn, **pick(properties, "SecurityGroups"))
        balancing.set_ip_address_type(LoadBalancerArn=arn, IpAddressType=properties.get("IpAddressType", "ipv4"))
    balancing.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=properties["LoadBalancerAttributes"])
    described = balancing.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    return arn, {
        "LoadBalancerArn": arn,
        "LoadBalancerFullName": arn.split("loadbalancer/")[1],
        "DNSName": described["DNSName"],
        "CanonicalHostedZoneID": described["CanonicalHostedZoneId"],
    }


def put_task_definition(region, name, properties):
    """moto's own model forgets the size and the roles."""
    given = camel_case({key: value for key, value in properties.items() if key != "Tags"})
    made = client("ecs", region).register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
    return made, {"TaskDefinitionArn": made}


def put_service(region, name, properties, made=None):
    """A service whose tasks cannot start is what its circuit breaker says; without one CloudFormation waits for hours."""
    ecs = client("ecs", region)
    image = ecs.describe_task_definition(taskDefinition=properties["TaskDefinition"])["taskDefinition"][
        "containerDefinitions"
    ][0]["image"]
    given = {**pick(properties, "LaunchType", "PropagateTags"), "networkConfiguration": properties["NetworkConfiguration"]}
    given = camel_case(given)
    given["networkConfiguration"]["awsvpcConfiguration"].setdefault("assignPublicIp", "DISABLED")
    common = {"cluster": properties["Cluster"], "taskDefinition": properties["TaskDefinition"]}
    if image.endswith(CANNOT_START):
        breaker = properties["DeploymentConfiguration"].get("DeploymentCircuitBreaker", {})
        if not (breaker.get("Enable") and breaker.get("Rollback")):
            raise parsing.ValidationError(message="Exceeded attempts to wait: the service did not stabilize")
        raise parsing.ValidationError(message="Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.")
    if made is None:
        service = ecs.create_service(
            serviceName=name, desiredCount=0, loadBalancers=camel_case(properties.get("LoadBalancers", [])), **common, **given
        )["service"]
    else:
        service = ecs.update_service(service=made.attributes["Name"], **common)["service"]
        set_network(region, properties["Cluster"], service["serviceName"], given["networkConfiguration"])
    return service["serviceArn"], {
        "Name": service["serviceName"],
        "ServiceArn": service["serviceArn"],
        "Cluster": properties["Cluster"],
    }


def set_network(region, cluster, service, network):
    """moto's API does not change the subnets of a service."""
    backend = ecs_backends["123456789012"][region]
    next(each for each in backend.services.values() if each.name == service).network_configuration = network


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


def put_certificate(region, name, properties):
    """Issued at once, as if its record were found."""
    asked = pick(properties, "DomainName", "SubjectAlternativeNames", "KeyAlgorithm")
    arn = client("acm", region).request_certificate(**asked, ValidationMethod="DNS")["CertificateArn"]
    return arn, {}


# What API Gateway makes: the call, its properties, and the name of the id in its answer.
API_GATEWAY = {
    "Api": ("create_api", ("Name", "Description", "ProtocolType", "DisableExecuteApiEndpoint"), "ApiId"),
    "Integration": (
        "create_integration",
        ("ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion"),
        "IntegrationId",
    ),
    "Route": ("create_route", ("ApiId", "RouteKey", "AuthorizationType", "Target"), "RouteId"),
    "Stage": ("create_stage", ("ApiId", "StageName", "AutoDeploy"), "StageName"),
    "DomainName": ("create_domain_name", ("DomainName", "DomainNameConfigurations"), "DomainName"),
    "ApiMapping": ("create_api_mapping", ("ApiId", "DomainName", "Stage"), "ApiMappingId"),
}


def put_gateway(kind):
    call, names, identity = API_GATEWAY[kind]

    def put(region, name, properties):
        given = pick(properties, *names)
        if kind == "Api":
            given = {"Name": name, "ProtocolType": "HTTP", **given}
        made = getattr(client("apigatewayv2", region), call)(**given)
        endpoints = made.get("DomainNameConfigurations", [{}])
        return made[identity], {
            "ApiId": made.get("ApiId"),
            "RegionalDomainName": endpoints[0].get("ApiGatewayDomainName", "gateway.example"),
            "RegionalHostedZoneId": endpoints[0].get("HostedZoneId", "Z1GATEWAY"),
        }

    return put


def put_vpc_network(region, name, properties):
    given = pick(properties, "VpcId", "AmazonProvidedIpv6CidrBlock", "CidrBlock")
    made = client("ec2", region).associate_vpc_cidr_block(**given)
    return made["Ipv6CidrBlockAssociation"]["AssociationId"], {}


def put_egress_gateway(region, name, properties):
    made = client("ec2", region).create_egress_only_internet_gateway(VpcId=properties["VpcId"])
    gateway = made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    return gateway, {"Id": gateway}


TYPES = {
    "AWS::EC2::VPCCidrBlock": put_vpc_network,
    "AWS::EC2::EgressOnlyInternetGateway": put_egress_gateway,
    "AWS::CertificateManager::Certificate": put_certificate,
    **{f"AWS::ApiGatewayV2::{kind}": put_gateway(kind) for kind in API_GATEWAY},
    "AWS::SecretsManager::Secret": put_secret,
    "AWS::CloudWatch::Alarm": put_alarm,
    "AWS::SNS::TopicPolicy": put_topic_policy,
    "AWS::SNS::Subscription": put_subscription,
    "AWS::SQS::QueuePolicy": put_queue_policy,
    "AWS::EC2::SecurityGroupEgress": put_egress,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": put_load_balancer,
    "AWS::ECS::TaskDefinition": put_task_definition,
    "AWS::ECS::Service": put_service,
    "AWS::ApplicationAutoScaling::ScalableTarget": put_scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": put_scaling_policy,
}

def remove_gateway(kind):
    def remove(region, made):
        gateway = client("apigatewayv2", region)
        if kind == "Api":
            gateway.delete_api(ApiId=made.physical_resource_id)
        if kind == "DomainName":
            gateway.delete_domain_name(DomainName=made.physical_resource_id)

    return remove


# How their API removes them. The rest goes with what it belongs to, or cannot be seen.
DELETES = {
    "AWS::EC2::VPCCidrBlock": lambda region, made: client("ec2", region).disassociate_vpc_cidr_block(
        AssociationId=made.physical_resource_id
    ),
    "AWS::EC2::EgressOnlyInternetGateway": lambda region, made: client("ec2", region).delete_egress_only_internet_gateway(
        EgressOnlyInternetGatewayId=made.physical_resource_id
    ),
    **{f"AWS::ApiGatewayV2::{kind}": remove_gateway(kind) for kind in ("Api", "DomainName")},
    "AWS::EC2::SecurityGroupEgress": lambda region, made: client("ec2", region).revoke_security_group_egress(
        GroupId=made.attributes["GroupId"], IpPermissions=[made.attributes["Permission"]]
    ),
    "AWS::SNS::Subscription": lambda region, made: client("sns", region).unsubscribe(
        SubscriptionArn=made.physical_resource_id
    ),
    "AWS::CloudWatch::Alarm": lambda region, made: client("cloudwatch", region).delete_alarms(
        AlarmNames=[made.physical_resource_id]
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": lambda region, made: client("elbv2", region).delete_load_balancer(
        LoadBalancerArn=made.physical_resource_id
    ),
    "AWS::ECS::Service": lambda region, made: client("ecs", region).delete_service(
        cluster=made.attributes["Cluster"], service=made.attributes["Name"], force=True
    ),
    "AWS::ECS::TaskDefinition": lambda region, made: client("ecs", region).deregister_task_definition(
        taskDefinition=made.physical_resource_id
    ),
}

# What their API makes a second time instead of changing it.
MADE_ONCE = (
    "AWS::EC2::VPCCidrBlock",
    "AWS::EC2::EgressOnlyInternetGateway",
    *(f"AWS::ApiGatewayV2::{kind}" for kind in API_GATEWAY),
    "AWS::CertificateManager::Certificate",
    "AWS::SecretsManager::Secret",
    "AWS::EC2::SecurityGroupEgress",
)

# What each change makes anew.
REPLACED = ("AWS::ECS::TaskDefinition",)

# What needs to know what it changes.
CHANGED = ("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ECS::Service")


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
            if type_name in DELETES:
                DELETES[type_name](region_name, self)

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
            return cls(resource_name, *put(region_name, resource_name, cloudformation_json["Properties"]))

        @classmethod
        def update_from_cloudformation_json(
            cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
        ):
            if type_name in MADE_ONCE:
                return original_resource
            properties = cloudformation_json["Properties"]
            given = {"made": original_resource} if type_name in CHANGED else {}
            made = put(region_name, original_resource.name, properties, **given)
            return cls(original_resource.name, *made) if type_name in REPLACED else original_resource

    return Model


MODELS = [define(name, put) for name, put in TYPES.items()]
