// clamd and rspamd themselves: what they find, what they do not scan, and their deaths in the middle of a mail.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing } from '../../support/programs.ts';
import {
  type ClamdProcess,
  EICAR,
  GTUBE,
  type ScannerProcess,
  startClamd,
  startRspamd,
} from './programs.ts';
import { Arriving, MAIL, scanSmall, spansOf, testedScanners } from './scanning.ts';

const HEADER = 'From: <sender@from.example>\r\nSubject: Report\r\n\r\n';

const noClamd = missing('clamd');
describe.skipIf(noClamd !== undefined)(`clamd${noClamd ? ` (${noClamd})` : ''}`, () => {
  let clamd: ClamdProcess;
  beforeAll(async () => {
    clamd = await startClamd();
  }, 60_000);
  afterAll(() => clamd[Symbol.asyncDispose]());

  test.each(['a TCP port', 'a Unix socket'])('clamd at %s finds the EICAR text', async (where) => {
    const address = where === 'a TCP port' ? `127.0.0.1:${clamd.port}` : clamd.socketPath;
    await using tested = testedScanners({ virus: { address, action: 'mark' } });
    const { scanners, events } = tested;
    expect(await scanSmall(scanners, `${HEADER}Nothing.\r\n`)).toEqual({
      spam: 'GRAY',
      virus: 'PASS',
      scan: { virus: { verdict: 'PASS' } },
    });
    expect(await scanSmall(scanners, `${HEADER}${EICAR}\r\n`)).toEqual({
      spam: 'GRAY',
      virus: 'FAIL',
      scan: { virus: { verdict: 'FAIL', signature: 'Test.Eicar.UNOFFICIAL' } },
    });
    expect(events).toEqual([]);
  });

  test('a mail with a virus is refused with what its sender can do', async () => {
    const virus = { address: `127.0.0.1:${clamd.port}`, action: 'reject' } as const;
    await using tested = testedScanners({ virus });
    const { refusal, virus: verdict } = await scanSmall(tested.scanners, `${HEADER}${EICAR}\r\n`);
    expect(verdict).toBe('FAIL');
    expect(refusal).toEqual({
      rule: 'virus',
      subject: 'from.example',
      detail: 'clamd: Test.Eicar.UNOFFICIAL',
      reply: {
        code: 550,
        status: '7.1',
        text: expect.stringMatching(/send it again without/) as string,
      },
    });
    expect(JSON.stringify(refusal?.reply)).not.toMatch(/Eicar|clamd/);
  });

  test('a mail with a virus is set aside', async () => {
    const virus = { address: `127.0.0.1:${clamd.port}`, action: 'quarantine' } as const;
    await using tested = testedScanners({ virus });
    const result = await scanSmall(tested.scanners, `${HEADER}${EICAR}\r\n`);
    expect(result).toMatchObject({ quarantine: 'virus', virus: 'FAIL' });
    expect(result.refusal).toBeUndefined();
  });

  test('a virus at the end of 20 MB is found while they arrive, with nothing in memory at the end', async () => {
    const virus = { address: `127.0.0.1:${clamd.port}`, action: 'mark' } as const;
    await using tested = testedScanners({ virus, timeoutMillis: 60_000 });
    const arriving = new Arriving(tested.scanners);
    for (const span of spansOf(20_000_000)) await arriving.bring(span);
    await arriving.bring(Buffer.from(`${EICAR}\r\n`));
    expect((await arriving.scan.end(undefined)).scan).toEqual({
      virus: { verdict: 'FAIL', signature: 'Test.Eicar.UNOFFICIAL' },
    });
    expect(arriving.pauses).toBe(arriving.resumes);
    expect(tested.events).toEqual([]);
  });

  test('a virus across the borders of many small spans is found', async () => {
    const virus = { address: `127.0.0.1:${clamd.port}`, action: 'mark' } as const;
    await using tested = testedScanners({ virus });
    const arriving = new Arriving(tested.scanners);
    // Past the octets that are held, so that the small spans are streamed.
    for (const span of spansOf(200_000)) await arriving.bring(span);
    for (const character of `\r\n${EICAR}\r\n`) await arriving.bring(Buffer.from(character));
    await arriving.bring(Buffer.alloc(0));
    expect((await arriving.scan.end(undefined)).virus).toBe('FAIL');
  });

  test('a mail over the limit of clamd is not scanned, and no failure', async () => {
    await using small = await startClamd({ streamMaxLength: '1M' });
    const tooLarge = {
      spam: 'GRAY',
      virus: 'GRAY',
      scan: { virus: { verdict: 'GRAY', notScanned: 'too-large' } },
    };
    const mail = Buffer.concat([...spansOf(3_000_000)]);
    for (const address of [`127.0.0.1:${small.port}`, small.socketPath]) {
      await using tested = testedScanners({
        virus: { address, action: 'reject' },
        onFailure: 'defer',
      });
      // clamd answers and closes while octets are on the way to it: the answer is found each time.
      for (let time = 0; time < 10; time++) {
        const arriving = new Arriving(tested.scanners);
        for (const span of spansOf(mail.length)) await arriving.bring(span);
        expect(await arriving.scan.end(undefined)).toEqual(tooLarge);
        expect(await new Arriving(tested.scanners).scan.end([mail])).toEqual(tooLarge);
      }
      expect(tested.events).toEqual([]);
    }
  });

  test.each([
    ['accept', undefined],
    ['defer', { rule: 'scan-failed', reply: { code: 451, status: '7.1' } }],
  ] as const)(
    'clamd killed in the middle of a mail: %s',
    async (onFailure, refusal) => {
      await using mortal = await startClamd();
      const virus = { address: `127.0.0.1:${mortal.port}`, action: 'reject' } as const;
      await using tested = testedScanners({ virus, onFailure });
      const arriving = new Arriving(tested.scanners);
      let octets = 0;
      for (const span of spansOf(20_000_000)) {
        await arriving.bring(span);
        octets += span.length;
        if (octets > 5_000_000) mortal.kill('SIGKILL');
      }
      const result = await arriving.scan.end(undefined);
      expect(result.scan).toEqual({ virus: { verdict: 'GRAY', notScanned: 'failed' } });
      if (refusal === undefined) expect(result.refusal).toBeUndefined();
      else expect(result.refusal).toMatchObject(refusal);
      expect(tested.events).toEqual([
        {
          kind: 'scan-failed',
          scanner: 'clamd',
          reason: 'cut',
          detail: expect.any(String) as string,
          mail: MAIL.id,
        },
      ]);
      expect(arriving.pauses).toBe(arriving.resumes);
    },
    60_000,
  );
});

const noRspamd = missing('rspamd');
describe.skipIf(noRspamd !== undefined)(`rspamd${noRspamd ? ` (${noRspamd})` : ''}`, () => {
  let rspamd: ScannerProcess;
  beforeAll(async () => {
    // True only of an envelope that arrived as it was sent.
    rspamd = await startRspamd(`
      local from, to = task:get_from('smtp'), task:get_recipients('smtp')
      return task:get_helo() == 'client.example' and tostring(task:get_from_ip()) == '192.0.2.7'
        and task:get_user() == 'printer' and task:get_queue_id() == '${MAIL.id}'
        and #to == 2 and to[2].addr == 'two@to.example' and from[1].addr == 'sender@from.example'
    `);
  }, 60_000);
  afterAll(() => rspamd[Symbol.asyncDispose]());

  const spamOf = ({ port }: ScannerProcess) => ({
    url: `http://127.0.0.1:${port}`,
    maxOctets: 2_000_000,
  });

  test('rspamd gets the mail with its envelope, over a connection that is used again', async () => {
    await using tested = testedScanners({ spam: spamOf(rspamd) });
    for (let at = 0; at < 3; at++) {
      const result = await scanSmall(tested.scanners, `${HEADER}Hello.\r\n`, {
        ...MAIL,
        user: 'printer',
      });
      expect(result).toEqual({
        spam: 'FAIL',
        virus: 'GRAY',
        scan: { spam: { verdict: 'FAIL', score: 7.5, symbols: ['TEST_RULE'] } },
      });
    }
    expect(tested.events).toEqual([]);
  });

  test('rspamd passes a mail that it has nothing against', async () => {
    await using tested = testedScanners({
      spam: { ...spamOf(rspamd), reject: 1, quarantine: 0.5 },
    });
    expect(await scanSmall(tested.scanners, `${HEADER}Hello.\r\n`)).toEqual({
      spam: 'PASS',
      virus: 'GRAY',
      scan: { spam: { verdict: 'PASS', score: 0, symbols: [] } },
    });
  });

  test.each([
    [{}, { spam: 'FAIL' }],
    [{ quarantine: 15 }, { spam: 'FAIL', quarantine: 'spam' }],
    [
      { quarantine: 6, reject: 15 },
      {
        spam: 'FAIL',
        refusal: {
          rule: 'spam',
          subject: 'from.example',
          detail: 'rspamd: score 15, reject, GTUBE',
          reply: { code: 550, status: '7.1' },
        },
      },
    ],
    [{ reject: 15.5, quarantine: 15.1 }, { spam: 'FAIL' }],
  ])('the GTUBE text with %j', async (scores, expected) => {
    await using tested = testedScanners({ spam: { ...spamOf(rspamd), ...scores } });
    const result = await scanSmall(tested.scanners, `${HEADER}${GTUBE}\r\n`);
    expect(result).toMatchObject(expected);
    expect(result.scan.spam?.symbols).toEqual(['GTUBE']);
    if (!('refusal' in expected)) expect(result.refusal).toBeUndefined();
    if (!('quarantine' in expected) && !('refusal' in expected)) {
      expect(result.quarantine).toBeUndefined();
    }
    expect(JSON.stringify(result.refusal?.reply ?? '')).not.toMatch(/GTUBE|rspamd|15/);
  });

  test('a mail over maxOctets, or no longer in memory, is not scanned', async () => {
    await using tested = testedScanners({
      spam: { ...spamOf(rspamd), maxOctets: 100_000 },
      onFailure: 'defer',
    });
    const tooLarge = {
      spam: 'GRAY',
      virus: 'GRAY',
      scan: { spam: { verdict: 'GRAY', notScanned: 'too-large' } },
    };
    const mail = Buffer.concat([Buffer.from(HEADER), ...spansOf(100_001 - HEADER.length)]);
    const known = { ...MAIL, user: 'printer' };
    expect(await scanSmall(tested.scanners, mail, known)).toEqual(tooLarge);
    expect(await scanSmall(tested.scanners, mail.subarray(0, -1), known)).toMatchObject({
      spam: 'FAIL',
    });
    expect(await new Arriving(tested.scanners).scan.end(undefined)).toEqual(tooLarge);
    expect(tested.events).toEqual([]);
  });

  test.each([
    ['accept', undefined],
    ['defer', { rule: 'scan-failed', reply: { code: 451, status: '7.1' } }],
  ] as const)(
    'rspamd killed while it has a mail: %s',
    async (onFailure, refusal) => {
      await using mortal = await startRspamd('return false');
      await using tested = testedScanners({ spam: spamOf(mortal), onFailure });
      // The system takes the connection and the mail, and nobody reads them.
      mortal.kill('SIGSTOP');
      const result = scanSmall(tested.scanners, `${HEADER}Hello.\r\n`);
      await sleep(300);
      mortal.kill('SIGKILL');
      expect((await result).scan).toEqual({ spam: { verdict: 'GRAY', notScanned: 'failed' } });
      if (refusal === undefined) expect((await result).refusal).toBeUndefined();
      else expect((await result).refusal).toMatchObject(refusal);
      expect(tested.events).toMatchObject([{ kind: 'scan-failed', scanner: 'rspamd' }]);
      expect(['cut', 'unreachable']).toContain(tested.events[0]?.reason);
    },
    60_000,
  );
});
