// What the doctor says about ports: of our own server with real certificates, and of servers that are not as they
// should be. Each row is a server and the sentences that the operator reads.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Finding, NamedFinding } from '../../../src/app/doctor/finding.ts';
import { checkPorts } from '../../../src/app/doctor/smtp/check-ports.ts';
import { checkSignIn } from '../../../src/app/doctor/smtp/check-sign-in.ts';
import type { Role } from '../../../src/app/doctor/subject.ts';
import type { ListenerOptions, SmtpServer } from '../../../src/server/index.ts';
import { makeCertificate, type TestCertificate } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { startScriptedServer } from '../../support/scripted-server.ts';
import { startServer } from '../../support/smtp-server.ts';

let authority: TestCertificate;
let good: TestCertificate;
beforeAll(async () => {
  authority = await makeCertificate({ names: ['Test CA'], isAuthority: true });
  good = await makeCertificate({ names: ['mx.test'], days: 59, authority });
});

const listeners: Readonly<Record<Role, ListenerOptions>> = {
  mx: { name: 'mx', host: '127.0.0.1', port: 0, tls: 'starttls' },
  submission: { name: 'submission', host: '127.0.0.1', port: 0, tls: 'starttls', auth: 'required' },
  smtps: { name: 'smtps', host: '127.0.0.1', port: 0, tls: 'implicit', auth: 'required' },
};

const reject = { code: 550, status: '1.1', text: 'No such recipient here' } as const;

/** Accepts `ann@mail.test` and postmaster alone, and one user. */
function prepare(server: SmtpServer): void {
  server.onMail(() => {});
  server.onRecipient(({ forwardPath }) =>
    ['ann@mail.test', 'postmaster@mail.test'].includes(forwardPath.address) ? undefined : reject,
  );
  server.onSignIn(
    ({ attempt }) =>
      attempt.kind === 'password' &&
      attempt.username === 'ann' &&
      attempt.password.reveal() === 'correct horse',
  );
}

interface Scene {
  readonly listener?: Partial<ListenerOptions>;
  readonly hostname?: string;
  readonly certificate?: TestCertificate;
  readonly prepare?: (server: SmtpServer) => void;
}

async function portOf(role: Role, scene: Scene = {}): Promise<number> {
  const { listener, hostname = 'mx.test', certificate = good } = scene;
  const { port } = await startServer(
    {
      hostname,
      listeners: [{ ...listeners[role], ...listener }],
      tls: { certificates: [certificate] },
    },
    scene.prepare ?? prepare,
  );
  return port;
}

interface Looked {
  readonly domains?: readonly string[];
  readonly enforced?: readonly string[];
}

function look(
  ports: Readonly<Partial<Record<Role, number>>>,
  { domains = ['mail.test'], enforced = [] }: Looked = {},
): Promise<NamedFinding[]> {
  return checkPorts({
    host: 'mx.test',
    subject: { domains, ports, commands: {} },
    addresses: ['127.0.0.1'],
    timeoutMillis: 1000,
    authorities: [authority.cert],
    enforced: async () => enforced,
    signal: new AbortController().signal,
  });
}

/** `level check: what was found`, with PORT for the number and TOKEN for what is random. */
function sentencesOf(findings: readonly NamedFinding[], port: number): string[] {
  return findings.map(({ level, check, found }) =>
    `${level} ${check}: ${found}`
      .replaceAll(String(port), 'PORT')
      .replace(/(no-such-address|doctor)-[0-9a-f]{12}/g, '$1-TOKEN'),
  );
}

function expectExplained(findings: readonly Finding[]): void {
  for (const { level, why, fix } of findings) {
    if (level === 'ok') continue;
    expect(why).toMatch(/\w/);
    expect(fix).toMatch(/\w/);
  }
}

const EXTENSIONS = 'PIPELINING SIZE 8BITMIME SMTPUTF8 ENHANCEDSTATUSCODES CHUNKING DSN';

const TRUSTED: unknown = expect.stringMatching(
  /^ok smtp\.certificate: the certificate of port PORT is trusted, for mx\.test, 58 days left \(TLSv1\.3, TLS_AES_\w+\)$/,
);

describe('a server that is as it should be', () => {
  test('on the port of the MX', async () => {
    const port = await portOf('mx');
    expect(sentencesOf(await look({ mx: port }), port)).toEqual([
      'ok smtp.connection: port PORT of 127.0.0.1 greets as mx.test',
      `ok smtp.extensions: port PORT offers ${EXTENSIONS} REQUIRETLS LIMITS`,
      TRUSTED,
      'ok smtp.recipients: port PORT refuses mail for other domains: 550 5.1.1 No such recipient here',
      'ok smtp.recipients: mail.test refuses addresses that do not exist: 550 5.1.1 No such recipient here',
      'ok smtp.recipients: postmaster@mail.test is accepted',
    ]);
  });

  test.each<Role>(['submission', 'smtps'])('on the port of %s', async (role) => {
    const port = await portOf(role);
    expect(sentencesOf(await look({ [role]: port }), port)).toEqual([
      'ok smtp.connection: port PORT of 127.0.0.1 greets as mx.test',
      expect.stringMatching(/^ok smtp\.extensions: port PORT offers .*AUTH/),
      TRUSTED,
      expect.stringMatching(
        /^ok smtp\.sender: port PORT takes no mail without sign-in: 530 5\.7\.0 /,
      ),
    ]);
  });

  test('with more domains than one session may ask about', async () => {
    const port = await portOf('mx');
    const domains = Array.from({ length: 20 }, (_, at) => `d${at}.test`);
    const sentences = sentencesOf(await look({ mx: port }, { domains }), port);
    expect(sentences.filter((text) => text.includes('refuses addresses that'))).toHaveLength(20);
    expect(sentences.filter((text) => text.startsWith('unknown'))).toEqual([]);
  });

  test('no mail is sent, and nothing counts as one', async () => {
    const mails: unknown[] = [];
    const port = await portOf('mx', {
      prepare: (server) => void server.onMail(({ mail }) => void mails.push(mail)),
    });
    await look({ mx: port });
    expect(mails).toEqual([]);
  });
});

describe('our own server, set up wrongly', () => {
  test.each<
    [
      what: string,
      role: Role,
      scene: () => Promise<Scene> | Scene,
      looked: Looked,
      sentence: string,
    ]
  >([
    [
      'a self-signed certificate for mail servers',
      'mx',
      async () => ({ certificate: await makeCertificate({ names: ['mx.test'] }) }),
      {},
      'warning smtp.certificate: the certificate of port PORT is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [
      'a self-signed certificate under MTA-STS',
      'mx',
      async () => ({ certificate: await makeCertificate({ names: ['mx.test'] }) }),
      { enforced: ['mail.test'] },
      'failed smtp.certificate: the certificate of port PORT is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [
      'a self-signed certificate for mail programs',
      'submission',
      async () => ({ certificate: await makeCertificate({ names: ['mx.test'] }) }),
      {},
      'failed smtp.certificate: the certificate of port PORT is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [
      'a certificate of another name',
      'smtps',
      async () => ({ certificate: await makeCertificate({ names: ['other.test'], authority }) }),
      {},
      'failed smtp.certificate: the certificate of port PORT is for other.test, not for mx.test',
    ],
    [
      'a certificate that expired',
      'mx',
      async () => ({
        certificate: await makeCertificate({ names: ['mx.test'], days: -3, authority }),
      }),
      {},
      `failed smtp.certificate: the certificate of port PORT expired on ${day(-3)}`,
    ],
    [
      'a certificate that ends soon',
      'mx',
      async () => ({
        certificate: await makeCertificate({ names: ['mx.test'], days: 5.5, authority }),
      }),
      {},
      `warning smtp.certificate: the certificate of port PORT expires in 5 days, on ${day(5.5)}`,
    ],
    [
      'another name in the greeting',
      'mx',
      () => ({ hostname: 'localhost' }),
      {},
      'warning smtp.connection: port PORT of 127.0.0.1 greets as localhost, not as mx.test',
    ],
    [
      'no TLS',
      'mx',
      () => ({ listener: { tls: 'none' } }),
      {},
      'failed smtp.extensions: port PORT offers no STARTTLS',
    ],
    [
      'routes that take everything',
      'mx',
      () => ({ prepare: (server) => void server.onMail(() => {}) }),
      {},
      'failed smtp.recipients: port PORT takes mail for every domain on earth',
    ],
    [
      'a domain that takes every address',
      'mx',
      () => ({
        prepare: (server) => {
          server.onMail(() => {});
          server.onRecipient(({ forwardPath }) =>
            forwardPath.domain === 'mail.test' ? undefined : reject,
          );
        },
      }),
      {},
      'note smtp.recipients: every address of mail.test is accepted (catch-all)',
    ],
    [
      'a domain without postmaster',
      'mx',
      () => ({}),
      { domains: ['other.test'] },
      'warning smtp.recipients: postmaster@other.test is refused: 550 5.1.1 No such recipient here',
    ],
    [
      'a recipient that is deferred',
      'mx',
      () => ({
        prepare: (server) => {
          server.onMail(() => {});
          server.onRecipient(() => ({ code: 451, status: '4.3', text: 'Try again later' }));
        },
      }),
      {},
      'unknown smtp.recipients: the server does not decide about doctor-TOKEN@example.org: 451 4.4.3 Try again later',
    ],
    [
      'a service that takes no mail at the moment',
      'mx',
      () => ({
        prepare: (server) => {
          server.onMail(() => {});
          server.onSender(() => ({ code: 451, status: '3.0', text: 'Try again later' }));
        },
      }),
      {},
      'failed smtp.sender: port PORT takes no mail now: 451 4.3.0 Try again later',
    ],
    [
      'a server that ends the session at the second refusal',
      'mx',
      () => ({ listener: { limits: { maxErrors: 1 } } }),
      { domains: ['mail.test', 'b.test'] },
      'unknown smtp.recipients: the server does not decide about no-such-address-TOKEN@b.test: the session ended before',
    ],
    [
      'a port of the MX that demands sign-in',
      'mx',
      () => ({ listener: { auth: 'required' } }),
      {},
      'failed smtp.sender: port PORT takes no mail without sign-in: 530 5.7.0 Authentication required',
    ],
    [
      'a submission port that demands none',
      'submission',
      () => ({ listener: { auth: 'optional' } }),
      {},
      'failed smtp.sender: port PORT takes mail without sign-in',
    ],
    [
      'a submission port without sign-in',
      'submission',
      () => ({ listener: { auth: 'none' } }),
      {},
      'failed smtp.extensions: port PORT offers no sign-in',
    ],
    [
      'sign-in in the clear',
      'submission',
      () => ({ listener: { allowInsecureAuth: true } }),
      {},
      'failed smtp.extensions: port PORT offers sign-in in the clear',
    ],
    [
      'a service that turns clients away',
      'mx',
      () => ({
        prepare: (server) => {
          server.onMail(() => {});
          server.onConnect(() => ({ code: 421, status: '3.2', text: 'Closing' }));
        },
      }),
      {},
      'failed smtp.connection: port PORT of 127.0.0.1 turns clients away: 421 4.3.2 Closing',
    ],
  ])('%s', async (_, role, scene, looked, sentence) => {
    const port = await portOf(role, await scene());
    const findings = await look({ [role]: port }, looked);
    expect(sentencesOf(findings, port)).toContain(sentence);
    expectExplained(findings);
  });
});

describe('what answers in the place of the server', () => {
  const plain = ['250-mx.test', '250-PIPELINING', '250-SIZE 1', '250-8BITMIME'];
  test.each<[what: string, script: Parameters<typeof startScriptedServer>[0], sentence: string]>([
    [
      'silence',
      { greeting: '' },
      'failed smtp.connection: port PORT of 127.0.0.1 takes the connection and does not greet: no reply within 1 s',
    ],
    [
      'another protocol',
      { greeting: 'SSH-2.0-OpenSSH_9.2' },
      'failed smtp.connection: port PORT of 127.0.0.1 takes the connection and does not greet: it does not speak SMTP: "SSH-2.0-OpenSSH_9.2\\r\\n"',
    ],
    [
      'control characters in the greeting',
      { greeting: '220 evil\u001b[31m\u0007.test' },
      'warning smtp.connection: port PORT of 127.0.0.1 greets as evil [31m .test, not as mx.test',
    ],
    [
      'a proxy that knows no EHLO',
      { replies: { EHLO: ['502 Unknown command'] } },
      'failed smtp.extensions: port PORT does not take EHLO: 502 Unknown command',
    ],
    [
      'a firewall that overwrites STARTTLS',
      { replies: { EHLO: [...plain, '250-XXXXXXXA', '250 ENHANCEDSTATUSCODES'] } },
      'failed smtp.extensions: port PORT offers no STARTTLS',
    ],
    [
      'a server with few extensions',
      { replies: { EHLO: ['250-mx.test', '250 SIZE 1'] } },
      'warning smtp.extensions: port PORT does not offer PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES',
    ],
    [
      'STARTTLS that is refused',
      { replies: { EHLO: [...plain, '250 STARTTLS'], STARTTLS: ['454 TLS not available'] } },
      'failed smtp.extensions: port PORT offers STARTTLS, and it fails: 454 TLS not available',
    ],
    [
      'STARTTLS that hangs up',
      { replies: { EHLO: [...plain, '250 STARTTLS'], STARTTLS: null } },
      'failed smtp.extensions: port PORT offers STARTTLS, and it fails: the connection ended',
    ],
    [
      'a server that does not go on to TLS',
      { replies: { EHLO: [...plain, '250 STARTTLS'], STARTTLS: ['220 Go ahead'] } },
      'failed smtp.extensions: port PORT offers STARTTLS, and it fails: no TLS handshake within 1 s',
    ],
  ])('%s', async (_, script, sentence) => {
    const port = await startScriptedServer(script);
    const findings = await look({ mx: port });
    expect(sentencesOf(findings, port)).toContain(sentence);
    expectExplained(findings);
  });

  test('a reply without an end is cut off', async () => {
    const port = await startScriptedServer({
      replies: { EHLO: Array.from({ length: 10_000 }, () => '250-again and again') },
    });
    expect(sentencesOf(await look({ mx: port }), port)).toContain(
      'failed smtp.extensions: port PORT does not take EHLO: a reply without an end',
    );
  });
});

describe('a port without an answer is never called closed', () => {
  test('that of the MX', async () => {
    const port = await freePort();
    const submission = await portOf('submission');
    const findings = await look({ mx: port, submission });
    expect(sentencesOf(findings, port)).toContain(
      'unknown smtp.connection: port PORT of 127.0.0.1 is not testable from here (ECONNREFUSED)',
    );
    expect(JSON.stringify(findings)).not.toContain('closed');
  });

  test('that of submission, where nothing else answers either', async () => {
    const port = await freePort();
    expect(sentencesOf(await look({ submission: port }), port)).toEqual([
      'unknown smtp.connection: port PORT of 127.0.0.1 is not testable from here (ECONNREFUSED)',
    ]);
  });

  test('that of submission, where another port answers', async () => {
    const port = await freePort();
    const findings = await look({ mx: await portOf('mx'), submission: port });
    expect(sentencesOf(findings, port)).toContain(
      'warning smtp.connection: port PORT of 127.0.0.1 cannot be reached from here (ECONNREFUSED), and another port of the address can',
    );
  });
});

describe('sign-in', () => {
  const signIn = async (role: Role, password: string, scene: Scene = {}, trusted = authority) => {
    const port = await portOf(role, scene);
    const findings = await checkSignIn({
      role,
      port,
      host: 'mx.test',
      address: '127.0.0.1',
      timeoutMillis: 1000,
      authorities: [trusted.cert],
      credential: { username: 'ann', password },
      signal: new AbortController().signal,
    });
    expectExplained(findings);
    return sentencesOf(
      findings.map((finding) => ({ check: 'sign-in', ...finding })),
      port,
    );
  };

  test.each<Role>(['submission', 'smtps'])('with the right password on %s', async (role) => {
    expect(await signIn(role, 'correct horse')).toEqual(['ok sign-in: ann signs in on port PORT']);
  });

  test('with a wrong password, which is not shown', async () => {
    const sentences = await signIn('smtps', 'battery staple');
    expect(sentences).toEqual([
      expect.stringMatching(/^failed sign-in: ann cannot sign in on port PORT: 535 5\.7\.8 /),
    ]);
    expect(sentences.join()).not.toMatch(/battery|staple|YmF0dGVye/);
  });

  test('while the table does not answer', async () => {
    const away = (server: SmtpServer): void => {
      server.onMail(() => {});
      server.onSignIn(() => ({ code: 454, status: '7.0', text: 'Try again later' }));
    };
    expect(await signIn('smtps', 'x', { prepare: away })).toEqual([
      'failed sign-in: ann cannot sign in on port PORT: 454 4.7.0 Try again later',
    ]);
  });

  test.each<[what: string, names: readonly string[], isSigned: boolean]>([
    ['a self-signed certificate', ['mx.test'], false],
    ['a certificate of another name', ['other.test'], true],
  ])('the password is not sent over %s', async (_, names, isSigned) => {
    const certificate = await makeCertificate({ names, ...(isSigned && { authority }) });
    const attempts: unknown[] = [];
    const watched = (server: SmtpServer): void => {
      server.onMail(() => {});
      server.onSignIn(({ attempt }) => void attempts.push(attempt));
    };
    expect(await signIn('smtps', 'secret', { certificate, prepare: watched })).toEqual([
      'unknown sign-in: sign-in was not tested: the certificate of port PORT is not trusted, so the password would go to an unknown server',
    ]);
    expect(attempts).toEqual([]);
  });

  test('a self-signed certificate can be trusted by name', async () => {
    const certificate = await makeCertificate({ names: ['mx.test'] });
    expect(await signIn('submission', 'correct horse', { certificate }, certificate)).toEqual([
      'ok sign-in: ann signs in on port PORT',
    ]);
  });
});

function day(fromNow: number): string {
  return new Date(Date.now() + fromNow * 86_400_000).toISOString().slice(0, 10);
}
