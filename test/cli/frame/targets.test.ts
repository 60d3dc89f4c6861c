import { expect, test } from 'vitest';
import { archiveContext } from '../../../src/cli/frame/archive-context.ts';

async function opened(options: Parameters<typeof archiveContext.openArchive>[0]) {
  const { s3, ...archive } = await archiveContext.openArchive(options);
  s3.destroy();
  return archive;
}

const config = JSON.stringify({
  store: { bucket: 'my-mail', prefix: 'in' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
  routes: [{ recipients: ['*@a.example'], prefix: 'a/' }, { recipients: ['*'] }],
});

test('bucket, topic and every prefix come from the configuration', async () => {
  expect(await opened({ config })).toEqual({
    bucket: 'my-mail',
    prefixes: ['in/', 'a/'],
    topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail',
  });
});

test('options go before the configuration', async () => {
  expect(await opened({ config, bucket: 'other', prefix: ['x', 'y/'] })).toMatchObject({
    bucket: 'other',
    prefixes: ['x/', 'y/'],
  });
});

test('without any, it is what mailsluice local makes', async () => {
  expect(await opened({ config: '{}' })).toEqual({
    bucket: 'mailsluice-mail',
    prefixes: ['mail/'],
  });
});

test('a section that is wrong is said with its path', async () => {
  await expect(opened({ config: '{"store":{"bucket":"X"}}' })).rejects.toThrow(/store\.bucket: /);
});
