// Saved queries for CloudWatch Logs Insights, for the questions of a mail administrator.
import { aws_logs as logs } from 'aws-cdk-lib';
import { Construct } from 'constructs';

export interface LogQueriesProps {
  readonly stage: string;
  readonly logGroup: logs.ILogGroup;
}

/**
 * Lines that a client can cause again and again become one with their number in `repeated`, so a line is never just
 * counted.
 */
const EVENTS = 'sum(coalesce(repeated, 1))';

/** By name. Each is named in RUNBOOK.md, and reads only fields of the program's log lines. */
export const LOG_QUERIES: Readonly<Record<string, logs.QueryStringProps>> = {
  'One message, by its id': {
    fields: ['@timestamp', 'event', 'sessionId', '@message'],
    filterStatements: ['@message like /PUT-THE-MESSAGE-ID-HERE/'],
    sort: '@timestamp asc',
  },
  'One session, by its id': {
    fields: ['@timestamp', 'event', '@message'],
    filterStatements: ['sessionId = "PUT-THE-SESSION-ID-HERE"'],
    sort: '@timestamp asc',
  },
  'One client, by its address': {
    fields: ['@timestamp', 'event', 'listener', 'rule', 'code', 'repeated', '@message'],
    filterStatements: ['clientAddress = "192.0.2.1"'],
    sort: '@timestamp desc',
    limit: 200,
  },
  'What was refused, by rule': {
    filterStatements: ['ispresent(rule) and ispresent(code)'],
    statsStatements: [`${EVENTS} as refusals by rule, code, listener`],
    sort: 'refusals desc',
  },
  'What was refused, with its argument': {
    fields: ['@timestamp', 'clientAddress', 'helo', 'verb', 'code', 'rule', 'argument'],
    filterStatements: ['event = "refused" and argument like /@example\\.com/'],
    sort: '@timestamp desc',
    limit: 200,
  },
  'Who gave up memory': {
    filterStatements: ['event = "message-shed"'],
    statsStatements: [`${EVENTS} as messages by clientAddress, listener, reason`],
    sort: 'messages desc',
    limit: 50,
  },
  'Who could not be checked': {
    filterStatements: ['event = "message-accepted" and (spf = "temperror" or dmarc = "temperror")'],
    fields: ['@timestamp', 'clientAddress', 'senderDomain', 'spf', 'dmarc', 'judgeMillis'],
    sort: '@timestamp desc',
    limit: 200,
  },
  'Which senders were refused': {
    filterStatements: ['event = "message-refused" or event = "client-refused"'],
    statsStatements: [`${EVENTS} as refused by rule, subject`],
    sort: 'refused desc',
    limit: 50,
  },
  'Who spends the budget of sessions': {
    filterStatements: ['event = "ended" and rule like /^(too-many-|line-flood)/'],
    statsStatements: [`${EVENTS} as sessions by clientAddress, listener, rule`],
    sort: 'sessions desc',
    limit: 50,
  },
  'Who lost connections': {
    filterStatements: ['event = "connection-shed"'],
    statsStatements: [`${EVENTS} as connections by clientAddress, listener, reason`],
    sort: 'connections desc',
    limit: 50,
  },
  'Who fails to sign in': {
    filterStatements: ['event = "sign-in-refused"'],
    statsStatements: [`${EVENTS} as refusals by clientAddress, username, cause, listener`],
    sort: 'refusals desc',
    limit: 50,
  },
  'What was not scanned': {
    filterStatements: ['event = "scan-failed"'],
    statsStatements: [`${EVENTS} as messages by scanner, reason, detail`],
    sort: 'messages desc',
    limit: 50,
  },
  'What went wrong at our side': {
    fields: ['@timestamp', 'level', 'event', 'repeated', '@message'],
    filterStatements: ['level = "error" or level = "warn"'],
    sort: '@timestamp desc',
    limit: 200,
  },
};

export class LogQueries extends Construct {
  constructor(scope: Construct, id: string, { stage, logGroup }: LogQueriesProps) {
    super(scope, id);
    for (const [name, query] of Object.entries(LOG_QUERIES)) {
      new logs.QueryDefinition(this, name.replace(/[^A-Za-z]/g, ''), {
        queryDefinitionName: `mailsluice/${stage}/${name}`,
        queryString: new logs.QueryString(query),
        logGroups: [logGroup],
      });
    }
  }
}
