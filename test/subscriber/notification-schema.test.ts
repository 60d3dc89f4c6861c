// The types are held by the compiler: `npm run check` fails where one of these does not assign.
import { readFileSync } from 'node:fs';
import type { SESMail, SESMessage, SESReceipt, SNSHandler, SQSHandler } from 'aws-lambda';
import { expect, expectTypeOf, test } from 'vitest';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import {
  defineMailHandler,
  notificationSchema,
  type SesCommonHeaders,
  type SesNotification,
} from '../../src/subscriber/index.ts';
import { notificationJsonSchema } from '../../src/subscriber/notification-schema.ts';
import type { Writable } from '../../src/subscriber/ses-notification.ts';
import { notificationOf } from './support.ts';

const file = new URL('../../src/subscriber/notification.schema.json', import.meta.url);

test('the JSON Schema in the package is the one that the code validates by', () => {
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(notificationJsonSchema());
});

test('is a Standard Schema that passes a notification on unchanged', async () => {
  const notification = notificationOf({ replay: { at: '2026-11-23T14:00:00.000Z', id: 'r1' } });
  const { validate, version } = notificationSchema['~standard'];
  expect(version).toBe(1);
  expect(await validate(notification)).toEqual({ value: notification });
  expect(await validate({ notificationType: 'Received' })).toMatchObject({
    issues: [{ path: ['mail'] }, { path: ['receipt'] }],
  });
});

test('members that are not known yet stay', () => {
  const notification = notificationOf();
  const later = {
    ...notification,
    later: 1,
    mailsluice: { ...notification.mailsluice, later: { deep: true } },
  };
  expect(notificationSchema.parse(later)).toEqual(later);
});

test('a meaning that changed is refused: another schemaVersion', () => {
  const notification = notificationOf();
  const later = { ...notification, mailsluice: { ...notification.mailsluice, schemaVersion: 2 } };
  expect(notificationSchema.safeParse(later).success).toBe(false);
});

test('what the bridge publishes assigns to the published type', () => {
  expectTypeOf<Writable<ReceivedNotification>>().toExtend<SesNotification>();
});

test('the published type assigns to @types/aws-lambda where that agrees with what SES sends', () => {
  expectTypeOf<SesNotification['receipt']>().toExtend<SESReceipt>();
  // Those types ask for Date and Message-ID, which a mail need not have, and call Sender a list.
  type Agreed = 'date' | 'messageId' | 'sender';
  expectTypeOf<Omit<SesNotification['mail'], 'commonHeaders'>>().toExtend<
    Omit<SESMail, 'commonHeaders'>
  >();
  expectTypeOf<Omit<SesCommonHeaders, Agreed>>().toExtend<Omit<SESMail['commonHeaders'], Agreed>>();
  const notification: SesNotification = notificationSchema.parse(notificationOf());
  const { date = '', messageId = '', sender: _, ...rest } = notification.mail.commonHeaders;
  const message: SESMessage = {
    receipt: notification.receipt,
    mail: { ...notification.mail, commonHeaders: { ...rest, date, messageId } },
  };
  expect(message.mail.commonHeaders.messageId).toBe('<1@client.example>');
});

test('a mail handler is a handler for SQS and for SNS', () => {
  const handler = defineMailHandler(async () => undefined);
  expectTypeOf(handler).toExtend<SQSHandler>();
  expectTypeOf(handler).toExtend<SNSHandler>();
});
