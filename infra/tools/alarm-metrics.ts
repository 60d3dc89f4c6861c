import { rmSync } from 'node:fs';
import {
  App,
  type aws_cloudwatch as cloudwatch,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_elasticloadbalancingv2 as elbv2,
  aws_sns as sns,
  Stack,
} from 'aws-cdk-lib';
import { Alarms } from '../watch/alarms.ts';

/** The ports of the ready app: 25, 587 and 465. */
const PORTS = 3;
/** The metric, and the two bounds of its band. */
const ANOMALY_METRICS = 3;

/**
 * The metrics that the alarms of one deployment look at, as CloudWatch bills them: each metric of an expression counts,
 * and a band of usual values counts for two. Made from the alarms themselves, beside the least that they watch.
 */
export function countAlarmMetrics(): number {
  const app = new App();
  const stack = new Stack(app, 'Counted');
  const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0 }) as ec2.IVpc;
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task');
  taskDefinition.addContainer('smtp', { image: ecs.ContainerImage.fromRegistry('image') });
  const { all } = new Alarms(stack, 'Alarms', {
    stage: 'counted',
    service: new ecs.FargateService(stack, 'Service', {
      cluster: new ecs.Cluster(stack, 'Cluster', { vpc }) as ecs.ICluster,
      taskDefinition,
    }),
    loadBalancer: new elbv2.NetworkLoadBalancer(stack, 'LoadBalancer', { vpc }),
    targetGroups: Array.from(
      { length: PORTS },
      (_, port) =>
        elbv2.NetworkTargetGroup.fromTargetGroupAttributes(stack, `Port${port}`, {
          targetGroupArn: `arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/p${port}/0`,
          loadBalancerArns:
            'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/b/0',
        }) as elbv2.NetworkTargetGroup,
    ),
    topic: new sns.Topic(stack, 'Topic'),
    minimumTasks: 2,
    monitoring: 'full',
    pageTopic: undefined,
    warningTopic: undefined,
    runbook: { runbookUrl: undefined, dashboardUrl: undefined },
  });
  // The app made a folder for templates, and none is written.
  rmSync(app.outdir, { recursive: true, force: true });
  return all.map(metricsOf).reduce((sum, count) => sum + count, 0);
}

function metricsOf(alarm: cloudwatch.Alarm): number {
  const { metrics } = alarm.node.defaultChild as cloudwatch.CfnAlarm;
  if (metrics === undefined) return 1;
  const queries = Stack.of(alarm).resolve(
    metrics,
  ) as readonly cloudwatch.CfnAlarm.MetricDataQueryProperty[];
  if (queries.some(({ expression }) => expression?.startsWith('ANOMALY_DETECTION_BAND'))) {
    return ANOMALY_METRICS;
  }
  return queries.filter(({ metricStat }) => metricStat !== undefined).length;
}
