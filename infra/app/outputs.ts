// What one needs to know after a deployment, as outputs of a stack.
import { Aws, CfnOutput, type Stack } from 'aws-cdk-lib';
import type { MailBridge } from '../bridge/mail-bridge.ts';
import { packageVersion } from '../tools/package-root.ts';

/** Adds the outputs of the bridge to a stack. */
export function addOutputs(stack: Stack, bridge: MailBridge): void {
  const { hostname } = bridge.configuration;
  const console = `https://${Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region=${Aws.REGION}`;
  const submission = bridge.ports.find(({ publicPort }) => publicPort === 587);
  const port = submission?.publicPort ?? bridge.ports[0]?.publicPort ?? 25;
  const recipient = `test@${hostname}`;
  const outputs: Record<string, readonly [description: string, value: string]> = {
    SmtpEndpoint: ['The name that clients connect to, once the DNS records are there', hostname],
    LoadBalancerName: [
      'The name of the load balancer itself',
      bridge.loadBalancer.loadBalancerDnsName,
    ],
    Ports: [
      'Listener and port',
      bridge.ports.map(({ listener, publicPort }) => `${listener}:${publicPort}`).join(' '),
    ],
    DnsRecords: ['The DNS records, one a line', bridge.dnsRecords],
    MailBucketName: ['Where mail is stored', bridge.bucket.bucketName],
    MailKeyPrefix: ['In front of every object key', bridge.configuration.store.prefix],
    TopicArn: ['Where mail is announced', bridge.topic.topicArn],
    CredentialTableName: ['Who may sign in', bridge.table.tableName],
    CreateCredentialCommand: [
      'Makes the first credential',
      `npx mailsluice credentials add NAME --table ${bridge.table.tableName}`,
    ],
    SaveConfigurationCommand: [
      'Saves the configuration of the service, for the --config of npx mailsluice',
      `aws ecs describe-task-definition --task-definition ${bridge.service.taskDefinition.taskDefinitionArn} --query "taskDefinition.containerDefinitions[].environment[] | [?name=='MAILSLUICE_CONFIG'] | [0].value" --output text > mailsluice.json`,
    ],
    SendTestMailCommand: [
      'Sends a test mail; asks for the password',
      submission === undefined
        ? `swaks --server ${bridge.loadBalancer.loadBalancerDnsName} --port ${port} --to ${recipient}`
        : `swaks --server ${bridge.loadBalancer.loadBalancerDnsName} --port ${port} -tls --auth PLAIN --auth-user NAME --to ${recipient}`,
    ],
    LogGroupName: ['The log', bridge.logGroup.logGroupName],
    LogUrl: [
      'The log, to look at',
      `${console}#logsV2:log-groups/log-group/${bridge.logGroup.logGroupName}`,
    ],
    DashboardUrl: [
      'The dashboard',
      `${console}#dashboards/dashboard/${bridge.dashboard.dashboardName}`,
    ],
    ClusterName: ['The ECS cluster', bridge.cluster.clusterName],
    ServiceName: ['The ECS service', bridge.service.serviceName],
    Version: ['The version of mailsluice', packageVersion],
  };
  if (bridge.addresses.length > 0) {
    outputs['StaticAddresses'] = [
      'The fixed addresses, for allow lists',
      bridge.addresses.join(' '),
    ];
  }
  if (bridge.certificateSecret !== undefined) {
    outputs['CertificateSecretArn'] = [
      'Where certificate and key are; a new version is taken up without a deployment',
      bridge.certificateSecret.secretArn,
    ];
    outputs['ReplaceCertificateCommand'] = [
      'Puts a certificate from a CA in its place',
      `jq -n --rawfile cert fullchain.pem --rawfile key privkey.pem '{$cert, $key}' | aws secretsmanager put-secret-value --secret-id ${bridge.certificateSecret.secretArn} --secret-string file:///dev/stdin`,
    ];
  }
  for (const [name, [description, value]] of Object.entries(outputs)) {
    new CfnOutput(stack, name, { description, value });
  }
}
