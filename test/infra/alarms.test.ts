import { Match } from 'aws-cdk-lib/assertions';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { METRIC_NAMES } from '../../src/telemetry/index.ts';
import { resourcesOf, synthApp, synthBridge } from './support.ts';

const runbook = readFileSync(new URL('../../infra/RUNBOOK.md', import.meta.url), 'utf8');
const articles = [...runbook.matchAll(/^## (\S+)$/gm)].map(([, name]) => name ?? '');

const { bridge, template } = synthBridge(() => ({ exampleSubscriber: true }));

describe('alarms', () => {
  test('each has an article in the runbook under its name, and names it', () => {
    expect(bridge.alarms.length).toBeGreaterThan(15);
    const alarms = bridge.alarms.map(({ node }) => node.id);
    expect([...alarms].sort()).toEqual(
      ['SubscriberBehind', 'SubscriberDeadLetters', ...alarms]
        .filter((name, at, all) => all.indexOf(name) === at)
        .sort(),
    );
    expect([...articles].sort()).toEqual([...alarms].sort());
    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm'))) {
      const [, anchor] = /RUNBOOK\.md#([a-z]+)$/.exec(String(Properties['AlarmDescription'])) ?? [];
      expect(articles.map((name) => name.toLowerCase())).toContain(anchor);
    }
  });

  test('each says by its text how urgent it is, as it is wired', () => {
    const { service } = synthApp({ alarmEmail: 'oncall@example.com' });
    const alarms = Object.values(resourcesOf(service, 'AWS::CloudWatch::Alarm'));
    for (const { Properties } of alarms) {
      expect(Properties['AlarmActions']).toHaveLength(1);
      expect(Properties['OKActions']).toHaveLength(1);
    }
    // Who sets a policy on a topic takes CloudWatch's right away, unless it says it again.
    service.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
          }),
        ]),
      }),
    });
    for (const article of runbook.split(/^## /m).slice(1)) {
      expect(article).toMatch(/^\S+\n\n\*(Page|Warning)\.\*/);
    }
  });

  test('missing data is a reason only where it means that nothing is there', () => {
    const breaching = Object.entries(resourcesOf(template, 'AWS::CloudWatch::Alarm'))
      .filter(([, { Properties }]) => Properties['TreatMissingData'] === 'breaching')
      .map(([id]) => id);
    expect(breaching).toHaveLength(1);
    expect(breaching[0]).toContain('UnhealthyTasks');
  });

  test('the runbook names no metric that is not in the list', () => {
    const named = [...runbook.matchAll(/`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`/g)].map(([, name]) => name);
    const known = new Set<string>([
      ...METRIC_NAMES,
      ...Object.keys(template.findOutputs('*')),
      // Outputs of the ready app, and error codes of AWS.
      'DashboardUrl',
      'ReplaceCertificateCommand',
    ]);
    const errorCodes = /^(Access|No|Not|Request|Expired|Authorization|Resource|Cannot|Out)/;
    expect(named.filter((name = '') => !known.has(name) && !errorCodes.test(name))).toEqual([]);
  });
});
