"""What a deployment made, as the APIs of its services tell it: `python facts.py SERVICE_STACK DATA_STACK ZONE` writes JSON."""

import json
import sys

import boto3

SERVICE, DATA, ZONE = sys.argv[1:4]


def client(name):
    return boto3.client(name)


def outputs(stack):
    described = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}


def or_none(read, *errors):
    try:
        return read()
    except Exception as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        if code in errors:
            return None
        raise


out = outputs(SERVICE)
resources = {
    each["LogicalResourceId"]: each
    for each in client("cloudformation").describe_stack_resources(StackName=SERVICE)["StackResources"]
    if "LogicalResourceId" in each
}
of_type = lambda kind: [each["PhysicalResourceId"] for each in resources.values() if each["ResourceType"] == kind]

ecs, ec2, balancing, s3 = client("ecs"), client("ec2"), client("elbv2"), client("s3")
service = ecs.describe_services(cluster=out["ClusterName"], services=[out["ServiceName"]])["services"][0]
task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
container = task["containerDefinitions"][0]
balancer = next(
    each for each in balancing.describe_load_balancers()["LoadBalancers"] if each["DNSName"] == out["LoadBalancerName"]
)
groups = ec2.describe_security_groups(GroupIds=balancer["SecurityGroups"])["SecurityGroups"]
network = service["networkConfiguration"]["awsvpcConfiguration"]
bucket = out["MailBucketName"]
target = next(
    each
    for each in client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    if out["ServiceName"] in each["ResourceId"]
)
vpc = balancer["VpcId"]
in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
records = [
    each
    for zone in client("route53").list_hosted_zones()["HostedZones"]
    if zone["Id"].endswith(ZONE)
    for each in client("route53").list_resource_record_sets(HostedZoneId=ZONE)["ResourceRecordSets"]
    if each["Type"] not in ("NS", "SOA")
]
subscriptions = client("sns").list_subscriptions()["Subscriptions"]
alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
configuration = json.loads(next(each["value"] for each in container["environment"] if each["name"] == "MAILSLUICE_CONFIG"))
rules = or_none(
    lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"], "NoSuchLifecycleConfiguration"
)
lock = or_none(
    lambda: s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"],
    "ObjectLockConfigurationNotFoundError",
)
json.dump(
    {
        "outputs": out,
        "configuration": configuration,
        "task": {
            "cpu": task["cpu"],
            "memory": task["memory"],
            "architecture": task["runtimePlatform"]["cpuArchitecture"],
            "image": container["image"],
        },
        "containers": sorted(each["name"] for each in task["containerDefinitions"]),
        "malwareScanners": len(
            [
                each
                for each in client("iam").list_roles()["Roles"]
                if "malware-protection-plan.guardduty.amazonaws.com" in json.dumps(each["AssumeRolePolicyDocument"])
                and each["RoleName"] in of_type("AWS::IAM::Role")
            ]
        ),
        "taskSubnets": network["subnets"],
        "assignPublicIp": network.get("assignPublicIp", "DISABLED"),
        "scheme": balancer["Scheme"],
        "addressType": balancer["IpAddressType"],
        "loadBalancerSubnets": sorted(each["SubnetId"] for each in balancer["AvailabilityZones"]),
        "listeners": sorted(
            each["Port"] for each in balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        ),
        "proxyProtocol": sorted(
            {
                attribute["Value"]
                for each in balancing.describe_target_groups()["TargetGroups"]
                if each["VpcId"] == vpc and each["TargetGroupArn"] in of_type("AWS::ElasticLoadBalancingV2::TargetGroup")
                for attribute in balancing.describe_target_group_attributes(TargetGroupArn=each["TargetGroupArn"])["Attributes"]
                if attribute["Key"] == "proxy_protocol_v2.enabled"
            }
        ),
        "allowed": sorted(
            {
                each["CidrIp"]
                for group in groups
                for permission in group["IpPermissions"]
                for each in permission["IpRanges"]
            }
        ),
        "minimum": target["MinCapacity"],
        "maximum": target["MaxCapacity"],
        "vpc": vpc,
        "cidr": ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"],
        "natGateways": len(
            [
                each
                for each in ec2.describe_nat_gateways(Filters=in_vpc)["NatGateways"]
                if each["State"] == "available"
            ]
        ),
        "interfaceEndpoints": len(
            [
                each
                for each in ec2.describe_vpc_endpoints(Filters=in_vpc)["VpcEndpoints"]
                if each["VpcEndpointType"] == "Interface" and each["State"] == "available"
            ]
        ),
        "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0][
            "ApplyServerSideEncryptionByDefault"
        ]["SSEAlgorithm"],
        "topicKey": client("sns").get_topic_attributes(TopicArn=out["TopicArn"])["Attributes"].get("KmsMasterKeyId", ""),
        "expiry": sorted(each["Expiration"]["Days"] for each in rules or [] if each.get("Expiration", {}).get("Days")),
        "lock": (lock or {}).get("Rule", {}).get("DefaultRetention"),
        "records": sorted(f"{each['Name']} {each['Type']}" for each in records),
        "policyHosts": sorted(
            each["Name"].removesuffix(".") for each in records if each["Name"].startswith("mta-sts.") and each["Type"] == "A"
        ),
        "texts": sorted(
            each["Value"].strip('"')
            for record in records
            if record["Type"] == "TXT"
            for each in record["ResourceRecords"]
        ),
        "alarmAddresses": sorted(each["Endpoint"] for each in subscriptions if each["Protocol"] == "email"),
        "alarmActions": sorted(
            {action for each in alarms for action in each["AlarmActions"] if each["AlarmName"] in of_type("AWS::CloudWatch::Alarm")}
        ),
        "alarmTexts": sorted(
            each["AlarmDescription"] for each in alarms if each["AlarmName"] in of_type("AWS::CloudWatch::Alarm")
        ),
        "mailSubscribers": sorted(
            each["Protocol"] for each in subscriptions if each["TopicArn"] == out["TopicArn"]
        ),
        "functions": len(of_type("AWS::Lambda::Function")),
        "certificates": sorted(of_type("AWS::CertificateManager::Certificate")),
    },
    sys.stdout,
)
