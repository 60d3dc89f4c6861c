// What an operator needs to know after a deployment, as outputs of a stack.
import { CfnOutput, type Stack } from 'aws-cdk-lib';
import type { MailBridge } from '../bridge/mail-bridge.ts';
import { exampleRecipient } from '../bridge/default-routes.ts';
import { packageVersion } from '../tools/package-root.ts';
import { cloudWatchConsole } from '../watch/console.ts';

/** Adds the outputs of a MailBridge to a stack. */
export function addOutputs(stack: Stack, bridge: MailBridge): void {
  const { hostname } = bridge.configuration;
  const console = cloudWatchConsole(stack);
  const submission = bridge.ports.find(({ publicPort }) => publicPort === 587);
  const port = submission?.publicPort ?? bridge.ports[0]?.publicPort ?? 25;
  const recipient = exampleRecipient(bridge.configuration.routes, hostname);
  const outputs: Record<string, readonly [description: string, value: string]> = {
    SmtpEndpoint: ['The name that clients connect to, once the DNS records exist', hostname],
    LoadBalancerName: [
      'The DNS name of the load balancer',
      bridge.loadBalancer.loadBalancerDnsName,
    ],
    Ports: [
      'Each listener with its port',
      bridge.ports.map(({ listener, publicPort }) => `${listener}:${publicPort}`).join(' '),
    ],
    DnsRecords: ['The DNS records, one a line', bridge.dnsRecords],
    MailBucketName: ['The bucket in which mail is stored', bridge.bucket.bucketName],
    MailKeyPrefix: ['The prefix of object keys', bridge.configuration.store.prefix],
    TopicArn: ['The topic to which mail is announced', bridge.topic.topicArn],
    CredentialTableName: ['The table of credentials', bridge.table.tableName],
    CreateCredentialCommand: [
      'Creates the first credential',
      `npx mailsluice credentials add NAME --table ${bridge.table.tableName}`,
    ],
    SaveConfigurationCommand: [
      'Saves the configuration of the service, for the --config of npx mailsluice',
      `aws ecs describe-task-definition --task-definition ${bridge.service.taskDefinition.taskDefinitionArn} --query "taskDefinition.containerDefinitions[].environment[] | [?name=='MAILSLUICE_CONFIG'] | [0].value" --output text > mailsluice.json`,
    ],
    SendTestMailCommand: [
      'Sends a test mail; prompts for the password',
      submission === undefined
        ? `swaks --server ${bridge.loadBalancer.loadBalancerDnsName} --port ${port} --to ${recipient}`
        : `swaks --server ${bridge.loadBalancer.loadBalancerDnsName} --port ${port} -tls --auth PLAIN --auth-user NAME --to ${recipient}`,
    ],
    DoctorCommand: [
      'Checks the deployment from outside: DNS, ports, certificates, recipients, subscriptions',
      `npx mailsluice doctor --stack ${stack.stackName}`,
    ],
    LogGroupName: ['The log group', bridge.logGroup.logGroupName],
    LogUrl: [
      'The log in the console',
      `${console}#logsV2:log-groups/log-group/${bridge.logGroup.logGroupName}`,
    ],
    ClusterName: ['The ECS cluster', bridge.cluster.clusterName],
    ServiceName: ['The ECS service', bridge.service.serviceName],
    Version: ['The version of Mailsluice', packageVersion],
  };
  if (bridge.quarantineTopic !== undefined) {
    outputs['QuarantineTopicArn'] = [
      'The topic to which mail in quarantine is announced',
      bridge.quarantineTopic.topicArn,
    ];
  }
  if (bridge.dashboard !== undefined) {
    outputs['DashboardUrl'] = [
      'The dashboard in the console',
      `${console}#dashboards/dashboard/${bridge.dashboard.dashboardName}`,
    ];
  }
  if (bridge.addresses.length > 0) {
    outputs['StaticAddresses'] = [
      'The fixed IP addresses, for allow lists',
      bridge.addresses.join(' '),
    ];
  }
  if (bridge.allocationIds.length > 0) {
    outputs['ReverseDnsCommand'] = [
      'Sets the PTR records of the fixed addresses, once the A records exist',
      bridge.allocationIds
        .map(
          (id) =>
            `aws ec2 modify-address-attribute --allocation-id ${id} --domain-name ${hostname}`,
        )
        .join(' && '),
    ];
  }
  if (bridge.certificateSecret !== undefined) {
    outputs['CertificateSecretArn'] = [
      'The secret with certificate and key; a new version is loaded without a deployment',
      bridge.certificateSecret.secretArn,
    ];
    outputs['ReplaceCertificateCommand'] = [
      'Replaces the certificate by one from a CA',
      `jq -n --rawfile cert fullchain.pem --rawfile key privkey.pem '{$cert, $key}' | aws secretsmanager put-secret-value --secret-id ${bridge.certificateSecret.secretArn} --secret-string file:///dev/stdin`,
    ];
  }
  for (const [name, [description, value]] of Object.entries(outputs)) {
    new CfnOutput(stack, name, { description, value });
  }
}
