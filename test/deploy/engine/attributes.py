"""What moto's own models of resources lack."""

from clients import client
from moto.ec2 import ec2_backends
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.route_tables import Route, RouteTable
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupIngress
from moto.ec2.models.vpcs import VPC, VPCEndPoint
from moto.ecs.models import Cluster
from moto.elbv2 import elbv2_backends
from moto.elbv2.models import FakeListener, FakeTargetGroup
from moto.kms.models import Key
from moto.s3.models import FakeBucket
from moto.sns.models import Topic

def add_attribute(model, attribute, read):
    get = model.get_cfn_attribute if hasattr(model, "get_cfn_attribute") else lambda self, name: None
    has = model.has_cfn_attr
    model.has_cfn_attr = classmethod(lambda cls, name: name == attribute or bool(has(name)))
    model.get_cfn_attribute = lambda self, name: read(self) if name == attribute else get(self, name)


def ipv6_networks(vpc):
    return [each["cidr_block"] for each in vpc.get_cidr_block_association_set(ipv6=True)]


add_attribute(VPC, "Ipv6CidrBlocks", ipv6_networks)
add_attribute(ElasticAddress, "PublicIp", lambda address: address.public_ip)
add_attribute(FakeTargetGroup, "TargetGroupFullName", lambda group: group.arn.split(":")[-1])


def delete_by(delete):
    """For a model that moto forgets to remove."""
    return lambda self, account_id, region_name: delete(ec2_backends[account_id][region_name], self)


def delete_route_table(backend, table):
    for association in list(table.associations):
        backend.disassociate_route_table(association)
    backend.delete_route_table(table.id)


create_ingress = SecurityGroupIngress.create_from_cloudformation_json


def create_ingress_to_delete(cls, resource_name, cloudformation_json, account_id, region_name, **given):
    group = ec2_backends[account_id][region_name].get_security_group_from_id(cloudformation_json["Properties"]["GroupId"])
    before = list(group.ingress_rules)
    made = create_ingress(resource_name, cloudformation_json, account_id, region_name, **given)
    made.added = (group, [rule for rule in group.ingress_rules if rule not in before])
    return made


def delete_ingress(backend, made):
    group, rules = made.added
    group.ingress_rules[:] = [rule for rule in group.ingress_rules if rule not in rules]


SecurityGroupIngress.create_from_cloudformation_json = classmethod(create_ingress_to_delete)


def delete_listener(self, account_id, region_name):
    elbv2_backends[account_id][region_name].delete_listener(self.arn)


def delete_target_group(self, account_id, region_name):
    elbv2_backends[account_id][region_name].delete_target_group(self.arn)


RouteTable.delete = delete_by(delete_route_table)
Route.delete = delete_by(
    lambda backend, route: backend.delete_route(
        route.route_table.id, route.destination_cidr_block, route.destination_ipv6_cidr_block
    )
)
NatGateway.delete = delete_by(lambda backend, gateway: backend.delete_nat_gateway(gateway.id))
ElasticAddress.delete = delete_by(lambda backend, address: backend.release_address(allocation_id=address.allocation_id))
VPCEndPoint.delete = delete_by(lambda backend, endpoint: backend.delete_vpc_endpoints([endpoint.id]))
SecurityGroupIngress.delete = delete_by(delete_ingress)
FakeListener.delete = delete_listener
FakeTargetGroup.delete = delete_target_group


make_key = Key.create_from_cloudformation_json


def make_untagged_key(cls, resource_name, cloudformation_json, account_id, region_name, **_):
    """moto reads the tags of a key as the API of KMS writes them."""
    properties = {**cloudformation_json["Properties"]}
    properties.pop("Tags", None)
    return make_key(resource_name, {**cloudformation_json, "Properties": properties}, account_id, region_name)


Key.create_from_cloudformation_json = classmethod(make_untagged_key)
create_bucket = FakeBucket.create_from_cloudformation_json
update_bucket = FakeBucket.update_from_cloudformation_json

def lifecycle_rule(rule):
    """As the API of S3 writes it."""
    made = {"Filter": {"Prefix": rule.get("Prefix", "")}, "ID": rule.get("Id", ""), "Status": rule["Status"]}
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in rule:
            made[name] = rule[name]
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    elif "ExpiredObjectDeleteMarker" in rule:
        made["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    return made


def configure(bucket, properties, region_name):
    """moto reads neither the lifecycle nor the lock of a bucket in a template."""
    s3 = client("s3", region_name)
    rules = [lifecycle_rule(rule) for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])]
    if rules:
        s3.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": rules})
    if properties.get("ObjectLockEnabled"):
        retention = properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
        bucket.object_lock_enabled = True
        bucket.default_lock_mode, bucket.default_lock_days = retention["Mode"], int(retention["Days"])
    return bucket


def create_configured_bucket(cls, resource_name, cloudformation_json, account_id, region_name, **given):
    bucket = create_bucket(resource_name, cloudformation_json, account_id, region_name, **given)
    return configure(bucket, cloudformation_json["Properties"], region_name)


def update_named_bucket(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    """moto updates only a bucket whose name is in the template."""
    named = {**cloudformation_json["Properties"], "BucketName": original_resource.name}
    bucket = update_bucket(
        original_resource, original_resource.name, {**cloudformation_json, "Properties": named}, account_id, region_name
    )
    return configure(bucket, named, region_name)


FakeBucket.create_from_cloudformation_json = classmethod(create_configured_bucket)
FakeBucket.update_from_cloudformation_json = classmethod(update_named_bucket)


# --- what CloudFormation changes in place, and moto makes anew -------------------------------------------------


def update_topic(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    original_resource.kms_master_key_id = cloudformation_json["Properties"].get("KmsMasterKeyId", "")
    return original_resource


def rule_of(rule):
    sources = [{"GroupId": rule["SourceSecurityGroupId"]}] if "SourceSecurityGroupId" in rule else []
    return {
        "ip_protocol": rule["IpProtocol"],
        "from_port": rule.get("FromPort"),
        "to_port": rule.get("ToPort"),
        "ip_ranges": [{key: rule[key] for key in ("CidrIp", "CidrIpv6") if key in rule}] if not sources else [],
        "source_groups": sources,
    }


def set_ingress(group, properties, account_id, region_name):
    """moto lists the networks of a rule by the letters of their text."""
    backend = ec2_backends[account_id][region_name]
    group.ingress_rules.clear()
    for rule in properties.get("SecurityGroupIngress", []):
        backend.authorize_security_group_ingress(group_name_or_id=group.id, vpc_id=group.vpc_id, **rule_of(rule))
    return group


def create_group(cls, resource_name, cloudformation_json, account_id, region_name, **_):
    properties = cloudformation_json["Properties"]
    group = ec2_backends[account_id][region_name].create_security_group(
        name=resource_name, description=properties.get("GroupDescription"), vpc_id=properties.get("VpcId")
    )
    return set_ingress(group, properties, account_id, region_name)


def update_group(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    return set_ingress(original_resource, cloudformation_json["Properties"], account_id, region_name)


Topic.update_from_cloudformation_json = classmethod(update_topic)
SecurityGroup.create_from_cloudformation_json = classmethod(create_group)
SecurityGroup.update_from_cloudformation_json = classmethod(update_group)


def update_target_group(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    for attribute in cloudformation_json["Properties"].get("TargetGroupAttributes", []):
        original_resource.attributes[attribute["Key"]] = attribute["Value"]
    return original_resource


def update_endpoint(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    properties = cloudformation_json["Properties"]
    original_resource.subnet_ids = properties.get("SubnetIds", original_resource.subnet_ids)
    original_resource.route_table_ids = properties.get("RouteTableIds", original_resource.route_table_ids)
    return original_resource


FakeTargetGroup.update_from_cloudformation_json = classmethod(update_target_group)
VPCEndPoint.update_from_cloudformation_json = classmethod(update_endpoint)


def update_cluster(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    settings = cloudformation_json["Properties"].get("ClusterSettings", [])
    original_resource.settings = [{"name": each["Name"], "value": each["Value"]} for each in settings]
    return original_resource


Cluster.update_from_cloudformation_json = classmethod(update_cluster)
