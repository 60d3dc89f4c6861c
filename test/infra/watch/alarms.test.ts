import { aws_sns as sns, Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { timeInWords } from '../../../infra/watch/words.ts';
import { METRIC_NAMES, type MetricName } from '../../../src/telemetry/index.ts';
import { resourcesOf, synthApp, synthBridge } from '../support.ts';

const runbook = readFileSync(new URL('../../../infra/RUNBOOK.md', import.meta.url), 'utf8');
/** Article → how urgent it says that its alarm is. */
const articles = new Map(
  [...runbook.matchAll(/^## (\S+)\n\n\*(Page|Warning)\.\*/gm)].map(
    ([, name = '', severity = '']) => [name, severity.toLowerCase()],
  ),
);

const { bridge, template } = synthBridge((stack) => ({
  exampleSubscriber: true,
  runbookUrl: 'https://wiki.example.com/RUNBOOK.md',
  alarmTopic: new sns.Topic(stack, 'page', { enforceSSL: true }),
  warningTopic: new sns.Topic(stack, 'warning', { enforceSSL: true }),
}));
const alarms = Object.values(resourcesOf(template, 'AWS::CloudWatch::Alarm'));

describe('alarms', () => {
  test('each alarm has an article in the runbook, by its name, and there is no other article', () => {
    const names = bridge.alarms.map(({ node }) => node.id);
    expect(names.length).toBeGreaterThan(15);
    expect([...articles.keys()].sort()).toEqual(names.sort());
    expect(runbook.match(/^## /gm)).toHaveLength(articles.size);
  });

  test('each alarm names its article, and tells whom the article says, of the alarm and of its end', () => {
    const byAnchor = new Map(
      [...articles].map(([name, severity]) => [name.toLowerCase(), severity]),
    );
    for (const { Properties } of alarms) {
      const [, anchor = ''] =
        /RUNBOOK\.md#([a-z]+)$/.exec(String(Properties['AlarmDescription'])) ?? [];
      const severity = byAnchor.get(anchor);
      expect([anchor, severity]).toEqual([anchor, expect.any(String)]);
      const topic = { Ref: expect.stringMatching(new RegExp(`^${severity}`)) as string };
      expect(Properties['AlarmActions']).toEqual([topic]);
      expect(Properties['OKActions']).toEqual([topic]);
    }
  });

  test('each alarm says its own numbers, and its article begins with what it says', () => {
    const text = runbook.replaceAll(/\s+/g, ' ');
    for (const { Properties } of alarms) {
      const [, says = '', anchor = ''] =
        /^(.+)\. What to do: .*#([a-z]+)$/.exec(String(Properties['AlarmDescription'])) ?? [];
      const article = text.split('## ').find((each) => each.toLowerCase().startsWith(`${anchor} `));
      const [, begin = ''] = /^\S+ \*(?:Page|Warning)\.\* (.*)$/.exec(article ?? '') ?? [];
      expect(says).not.toBe('');
      expect(begin.slice(0, says.length)).toBe(says);
      expect([says, numbersOf(Properties).some((number) => says.includes(number))]).toEqual([
        says,
        true,
      ]);
    }
  });

  test('an alarm links to the dashboard, which has its article, unless the runbook is published elsewhere', () => {
    const { template: own } = synthBridge(() => ({}));
    const [dashboard] = Object.values(resourcesOf(own, 'AWS::CloudWatch::Dashboard'));
    const body = JSON.stringify(dashboard?.Properties['DashboardBody']);
    const name = flatten(dashboard?.Properties['DashboardName']);
    expect(name).toMatch(/^Test-?Bridge.*-<AWS::Region>$/);
    for (const { Properties } of Object.values(resourcesOf(own, 'AWS::CloudWatch::Alarm'))) {
      const [, article = '', url = ''] =
        /What to do: article (\w+) on (\S+)$/.exec(flatten(Properties['AlarmDescription'])) ?? [];
      expect(url).toBe(
        `https://<AWS::Region>.<Consoles>/cloudwatch/home?region=<AWS::Region>#dashboards/dashboard/${name}`,
      );
      expect(body).toContain(`## ${article}\\\\n`);
    }
    // No link within the page is left, which would lead nowhere there.
    expect(body).not.toMatch(/\]\((?!https:)/);
    const [elsewhere] = Object.values(resourcesOf(template, 'AWS::CloudWatch::Dashboard'));
    expect(JSON.stringify(elsewhere)).not.toContain('## CommitFailures');
  });

  test('an alarm without a dashboard and a published runbook names its article and the version of the page', () => {
    const { service } = synthApp({ profile: 'small' });
    for (const { Properties } of Object.values(resourcesOf(service, 'AWS::CloudWatch::Alarm'))) {
      expect(Properties['AlarmDescription']).toMatch(
        /What to do: article \w+ of infra\/RUNBOOK\.md in mailsluice \d+\.\d+\.\d+$/,
      );
    }
    const { service: published } = synthApp({
      profile: 'small',
      runbookUrl: 'https://wiki.example.com/RUNBOOK.md',
    });
    expect(JSON.stringify(resourcesOf(published, 'AWS::CloudWatch::Alarm'))).toContain(
      'https://wiki.example.com/RUNBOOK.md#commitfailures',
    );
  });

  test.each([
    [60, '1 minute'],
    [90, '90 seconds'],
    [300, '5 minutes'],
    [3600, '1 hour'],
    [86_400, '1 day'],
    [1_209_600, '14 days'],
  ])('in the text of an alarm %d s are said as %s', (seconds, words) => {
    expect(timeInWords(Duration.seconds(seconds))).toBe(words);
  });

  test('missing data is a reason for an alarm only where it means that nothing is there', () => {
    const breaching = Object.entries(resourcesOf(template, 'AWS::CloudWatch::Alarm'))
      .filter(([, { Properties }]) => Properties['TreatMissingData'] === 'breaching')
      .map(([id]) => id);
    expect(breaching).toHaveLength(1);
    expect(breaching[0]).toContain('UnhealthyTasks');
    for (const { Properties } of alarms) expect(Properties).toHaveProperty('TreatMissingData');
  });

  test('the topic of the ready app lets alarms publish', () => {
    const { service } = synthApp({ alarmEmail: 'oncall@example.com' });
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
    for (const { Properties } of Object.values(resourcesOf(service, 'AWS::CloudWatch::Alarm'))) {
      expect(Properties['AlarmActions']).toHaveLength(1);
    }
  });

  test.each([
    'ConnectionsShed',
    'MessagesShed',
    'SessionBudgetsSpent',
    'AuthThrottled',
    'AuthFailures',
    'RamBudgetLargestClientShare',
  ] satisfies MetricName[])(
    'what tells of an attack, %s, has an alarm, a graph and a place in the runbook',
    (name) => {
      const [dashboard] = Object.values(resourcesOf(template, 'AWS::CloudWatch::Dashboard'));
      expect(JSON.stringify(alarms)).toContain(`"MetricName":"${name}"`);
      expect(JSON.stringify(dashboard)).toContain(name);
      expect(runbook).toMatch(new RegExp(`^## ${name}$|\`${name}\``, 'm'));
    },
  );

  test('the runbook names no metric that is not in the list', () => {
    const named = [...runbook.matchAll(/`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`/g)].map(
      ([, name = '']) => name,
    );
    // Outputs of the ready app, a setting of clamd, and error codes of AWS and of ours.
    const others = new Set([
      'DashboardUrl',
      'ReplaceCertificateCommand',
      'SaveConfigurationCommand',
      'StreamMaxLength',
    ]);
    const errorCode = /^(Access|No|Not|Request|Expired|Authorization|Resource|Cannot|Out|Unproven)/;
    const known = new Set<string>(METRIC_NAMES);
    expect(
      named.filter((name) => !known.has(name) && !others.has(name) && !errorCode.test(name)),
    ).toEqual([]);
  });
});

/** A text with the names of what CloudFormation puts into it. */
function flatten(text: unknown): string {
  if (typeof text === 'string') return text;
  const { Ref: name, 'Fn::Join': join } = text as {
    readonly Ref?: string;
    readonly 'Fn::Join'?: readonly [string, readonly unknown[]];
    readonly 'Fn::FindInMap'?: readonly unknown[];
  };
  if (join !== undefined) return join[1].map(flatten).join(join[0]);
  const [mapping] =
    (text as { readonly 'Fn::FindInMap'?: readonly string[] })['Fn::FindInMap'] ?? [];
  return `<${name ?? mapping}>`;
}

/** The ways to write the threshold of an alarm, or where the text cannot know it the time that it looks at. */
function numbersOf(properties: Readonly<Record<string, unknown>>): string[] {
  const threshold = properties['Threshold'];
  if (typeof threshold === 'number' && properties['TreatMissingData'] !== 'breaching') {
    const time = timeInWords(Duration.seconds(threshold));
    return [...(threshold === 1 ? ['one'] : []), `${threshold} `, `${threshold / 1000} s `, time];
  }
  return [timeInWords(Duration.minutes(5)), timeInWords(Duration.minutes(15))];
}
