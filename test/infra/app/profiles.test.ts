// The profile `small`: what it is to cost little, and that all of it can be changed later.
import { describe, expect, test } from 'vitest';
import { PROFILES } from '../../../infra/app/profiles.ts';
import { readSettings } from '../../../infra/app/read-settings.ts';
import { SETTING_NAMES, SETTING_ROWS, type SettingName } from '../../../infra/app/settings.ts';
import { BASIC_METRICS, METRIC_NAMESPACE } from '../../../src/telemetry/index.ts';
import { makeApp, onlyResource, resourcesOf, synthApp, synthCheckedApp } from '../support.ts';

const hostname = 'mx.example.com';
const { service } = synthApp({ profile: 'small' });

function metricsOf(type: string): readonly { Namespace: string; MetricName: string }[] {
  const text = JSON.stringify(resourcesOf(service, type));
  return [...text.matchAll(/"MetricName":"(\w+)","Namespace":"([^"]+)"/g)].map(
    ([, MetricName = '', Namespace = '']) => ({ Namespace, MetricName }),
  );
}

describe('the small profile', () => {
  test('the small profile is one task of 0.25 vCPU and 0.5 GB on ARM, in one zone, with a public address', () => {
    service.hasResourceProperties('AWS::ECS::TaskDefinition', {
      Cpu: '256',
      Memory: '512',
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
    });
    service.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 1,
      MaxCapacity: 1,
    });
    service.resourceCountIs('AWS::ApplicationAutoScaling::ScalingPolicy', 0);
    service.resourceCountIs('AWS::EC2::NatGateway', 0);
    service.resourceCountIs('AWS::EC2::Subnet', 1);
    const { SubnetMappings } = onlyResource(
      service,
      'AWS::ElasticLoadBalancingV2::LoadBalancer',
    ).Properties;
    expect(SubnetMappings).toHaveLength(1);
    service.hasResourceProperties('AWS::ECS::Service', {
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'ENABLED' } },
    });
  });

  test('the small profile has six alarms, no dashboard, no Container Insights, and emits eight metrics', () => {
    expect(Object.keys(resourcesOf(service, 'AWS::CloudWatch::Alarm'))).toHaveLength(6);
    service.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    expect(service.findOutputs('DashboardUrl')).toEqual({});
    service.hasResourceProperties('AWS::ECS::Cluster', {
      ClusterSettings: [{ Name: 'containerInsights', Value: 'disabled' }],
    });
    const task = JSON.stringify(onlyResource(service, 'AWS::ECS::TaskDefinition').Properties);
    expect(task).toContain(String.raw`\"detail\":\"basic\"`);
    expect(BASIC_METRICS).toHaveLength(8);
  });

  test('the alarms of the small profile wait for no metric that is not emitted', () => {
    const own = metricsOf('AWS::CloudWatch::Alarm').filter(
      ({ Namespace }) => Namespace === METRIC_NAMESPACE,
    );
    expect(own.length).toBeGreaterThan(3);
    expect(
      own.filter(({ MetricName }) => !BASIC_METRICS.some((each) => each === MetricName)),
    ).toEqual([]);
  });

  test('the small profile passes the validator and cdk-nag', () => {
    const { app } = synthCheckedApp({ profile: 'small' });
    expect(app.node.children.length).toBeGreaterThan(1);
  });

  test('what is given counts more than the small profile, and limits are filled in one by one', () => {
    const settings = readSettings(
      makeApp({ hostname, profile: 'small', cpu: '512', memoryMiB: '2048' }).node,
    );
    expect(settings).toMatchObject({ cpu: 512, memoryMiB: 2048, egress: 'public', zones: 1 });
    const { service: own } = synthApp({
      profile: 'small',
      config: { limits: { maxConnections: 500 } },
    });
    const task = JSON.stringify(onlyResource(own, 'AWS::ECS::TaskDefinition').Properties);
    expect(task).toContain(String.raw`\"limits\":{\"memory\":\"128MB\",\"maxConnections\":500}`);
  });

  test('the small profile can be given in the entry of a stage', () => {
    const stages = { test: { hostname, profile: 'small' } };
    expect(readSettings(makeApp({ stage: 'test', stages }).node).zones).toBe(1);
  });

  test('each default of a profile is a value that its setting takes', () => {
    for (const defaults of Object.values(PROFILES)) {
      for (const [name, value] of Object.entries(defaults)) {
        expect(SETTING_NAMES).toContain(name);
        expect(SETTING_ROWS[name as SettingName].kind.parse(value)).toEqual({ ok: true, value });
      }
    }
  });
});
