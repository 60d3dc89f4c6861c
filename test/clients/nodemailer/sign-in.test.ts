// Sign-in as nodemailer's documentation describes it: `auth` with a password, OAuth2 and a mechanism of the caller's
// (`customAuth`), `authMethod`, `forceAuth`.
import { createTransport } from 'nodemailer';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { describe, expect, test } from 'vitest';
import type { Identity, Mechanism, SignInAttempt, SmtpServer } from '../../../src/index.ts';
import { MAIL, outcome, Scene, type Serving } from './scene.ts';

const PASSWORDS = new Map([
  ['ann', 'right'],
  ['ann@example.com', 'p@ss:wörd %41+/='],
  ['bögel', 'grüße'],
]);
const TOKENS = new Map([['ann', 'ya29.fresh']]);

function isRight(attempt: SignInAttempt): boolean {
  if (attempt.kind === 'password')
    return PASSWORDS.get(attempt.username) === attempt.password.reveal();
  return attempt.kind === 'token' && TOKENS.get(attempt.username) === attempt.token.reveal();
}

/** `X-NUMBER`: a challenge with a number; the response is the next one and the user's name. */
const numberMechanism: Mechanism = {
  name: 'X-NUMBER',
  isOffered: ({ facts }) => facts.tls !== null,
  start: () => ({
    begin: () => ({ kind: 'challenge', data: Buffer.from('41') }),
    respond: (response) => {
      const [number, username = ''] = response.toString().split(' ');
      return number === '42'
        ? { kind: 'accept', identity: { username, mechanism: 'X-NUMBER' } }
        : { kind: 'refuse', reply: { code: 535, status: '7.8', text: 'Not the next number' } };
    },
    answered: () => ({ kind: 'malformed' }),
  }),
};

const customAuth: SMTPTransportOptions['customAuth'] = {
  'X-NUMBER': async (context) => {
    const { user, pass } = context.auth.credentials;
    const challenge = await context.sendCommand('AUTH X-NUMBER');
    const number = Number(Buffer.from(challenge.text, 'base64').toString());
    const response = `${number + (pass === 'two' ? 2 : 1)} ${user}`;
    const { status, response: text } = await context.sendCommand(
      Buffer.from(response).toString('base64'),
    );
    if (status === 235) context.resolve();
    else context.reject(text);
  },
};

interface Case {
  readonly name: string;
  readonly serving?: Serving;
  readonly transport: SMTPTransportOptions;
  readonly outcome: string;
  readonly identity?: Identity;
}

const ann = { user: 'ann', pass: 'right' };
const number = {
  serving: { listener: { mechanisms: ['X-NUMBER'], customMechanisms: [numberMechanism] } },
};
const oauth: Serving = { listener: { mechanisms: ['XOAUTH2', 'PLAIN'] } };

const cases: readonly Case[] = [
  {
    name: 'PLAIN, the first that is offered',
    transport: { auth: ann },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'PLAIN' },
  },
  {
    name: 'LOGIN, by the method of auth',
    transport: { auth: { ...ann, method: 'LOGIN' } },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'LOGIN' },
  },
  {
    name: 'LOGIN, by authMethod',
    transport: { auth: ann, authMethod: 'LOGIN' },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'LOGIN' },
  },
  {
    name: 'LOGIN, the only one that is offered',
    serving: { listener: { mechanisms: ['LOGIN'] } },
    transport: { auth: ann },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'LOGIN' },
  },
  {
    name: 'PLAIN with a name and a password beyond ASCII',
    transport: { auth: { user: 'bögel', pass: 'grüße' } },
    outcome: '250 2.0.0',
    identity: { username: 'bögel', mechanism: 'PLAIN' },
  },
  {
    name: 'LOGIN with a name and a password beyond ASCII',
    transport: { auth: { user: 'bögel', pass: 'grüße', method: 'LOGIN' } },
    outcome: '250 2.0.0',
    identity: { username: 'bögel', mechanism: 'LOGIN' },
  },
  {
    name: 'PLAIN, a wrong password',
    transport: { auth: { ...ann, pass: 'wrong' } },
    outcome: 'EAUTH at AUTH PLAIN: 535 5.7.8',
  },
  {
    name: 'LOGIN, a wrong password',
    transport: { auth: { ...ann, pass: 'wrong', method: 'LOGIN' } },
    outcome: 'EAUTH at AUTH LOGIN: 535 5.7.8',
  },
  {
    name: 'CRAM-MD5, which is not offered',
    transport: { auth: { ...ann, method: 'CRAM-MD5' } },
    outcome: 'EAUTH at AUTH CRAM-MD5: 504 5.5.4',
  },
  {
    name: 'PLAIN on a listener with implicit TLS',
    serving: { listener: { tls: 'implicit' } },
    transport: { secure: true, auth: ann },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'PLAIN' },
  },
  {
    name: 'no auth where it is required',
    transport: {},
    outcome: 'EENVELOPE at MAIL FROM: 530 5.7.0',
  },
  {
    name: 'no auth where it is optional',
    serving: { listener: { auth: 'optional' } },
    transport: {},
    outcome: '250 2.0.0',
  },
  {
    name: 'auth where it is optional',
    serving: { listener: { auth: 'optional' } },
    transport: { auth: ann },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'PLAIN' },
  },
  {
    name: 'auth where nobody can sign in: nodemailer sends the mail without it',
    serving: { listener: { auth: 'none' } },
    transport: { auth: ann },
    outcome: '250 2.0.0',
  },
  {
    name: 'forceAuth where nobody can sign in',
    serving: { listener: { auth: 'none' } },
    transport: { auth: ann, forceAuth: true },
    outcome: 'EAUTH at AUTH PLAIN: 502 5.5.1',
  },
  {
    name: 'forceAuth in the clear: the password is not accepted',
    transport: { ignoreTLS: true, auth: ann, forceAuth: true },
    outcome: 'EAUTH at AUTH PLAIN: 538 5.7.11',
  },
  {
    name: 'in the clear with allowInsecureAuth',
    serving: { listener: { tls: 'none', allowInsecureAuth: true } },
    transport: { auth: ann },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'PLAIN' },
  },
  {
    name: 'a hook that throws',
    serving: {
      prepare: (server) =>
        void server.onSignIn(() => {
          throw new Error('the directory is down');
        }),
    },
    transport: { auth: ann },
    outcome: 'EAUTH at AUTH PLAIN: 454 4.7.0',
  },
  {
    name: 'a hook with a reply of its own',
    serving: {
      prepare: (server) =>
        void server.onSignIn(({ reply }) => reply(535, '7.9', 'Use an app password')),
    },
    transport: { auth: ann },
    outcome: 'EAUTH at AUTH PLAIN: 535 5.7.9',
  },
  {
    name: 'OAuth2 with a token',
    serving: oauth,
    transport: { auth: { type: 'OAuth2', user: 'ann', accessToken: 'ya29.fresh' } },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'XOAUTH2' },
  },
  {
    name: 'OAuth2 with a token that has expired',
    serving: oauth,
    transport: { auth: { type: 'OAuth2', user: 'ann', accessToken: 'ya29.stale' } },
    outcome: 'EAUTH at AUTH XOAUTH2: 535 5.7.8',
  },
  {
    name: 'OAuth2 with a token of another user',
    serving: oauth,
    transport: { auth: { type: 'OAuth2', user: 'bob', accessToken: 'ya29.fresh' } },
    outcome: 'EAUTH at AUTH XOAUTH2: 535 5.7.8',
  },
  {
    name: 'OAuth2 where XOAUTH2 is not offered',
    transport: { auth: { type: 'OAuth2', user: 'ann', accessToken: 'ya29.fresh' } },
    outcome: 'EAUTH at AUTH XOAUTH2: 504 5.5.4',
  },
  {
    name: 'a mechanism of the caller',
    ...number,
    transport: {
      auth: { type: 'custom', method: 'X-NUMBER', user: 'ann', pass: 'one' },
      customAuth: customAuth ?? {},
    },
    outcome: '250 2.0.0',
    identity: { username: 'ann', mechanism: 'X-NUMBER' },
  },
  {
    name: 'a mechanism of the caller, with a wrong response',
    ...number,
    transport: {
      auth: { type: 'custom', method: 'X-NUMBER', user: 'ann', pass: 'two' },
      customAuth: customAuth ?? {},
    },
    outcome: 'EAUTH at AUTH X-NUMBER: 535 5.7.8',
  },
];

/** Submission: STARTTLS, sign-in required, unless the case says something else. */
function submission({ listener, prepare, ...others }: Serving = {}): Serving {
  return {
    ...others,
    listener: { tls: 'starttls', auth: 'required', ...listener },
    prepare: (server: SmtpServer) => {
      if (prepare) prepare(server);
      else server.onSignIn(({ attempt }) => isRight(attempt));
    },
  };
}

describe('a sign-in', () => {
  test.for(cases)(
    '$name: $outcome',
    async ({ serving, transport, outcome: expected, identity }) => {
      const scene = await Scene.start(submission(serving));
      expect(await scene.send({}, transport)).toBe(expected);
      expect(scene.arrived.map(({ session }) => session.identity)).toEqual(
        expected.startsWith('250') ? [identity ?? null] : [],
      );
    },
  );
});

test('a user name and a password in an address are decoded', async () => {
  const scene = await Scene.start(submission());
  const [user, pass] = ['ann@example.com', 'p@ss:wörd %41+/='].map(encodeURIComponent);
  const address = `smtp://${user}:${pass}@127.0.0.1:${scene.port}/?tls.rejectUnauthorized=false`;
  const transport = createTransport(address);
  expect(await outcome(transport.sendMail(MAIL))).toBe('250 2.0.0');
  expect(scene.arrived[0]?.session.identity?.username).toBe('ann@example.com');
  transport.close();
});

test('OAuth2: a refused token is renewed, and the client signs in with the new one in the same session', async () => {
  const scene = await Scene.start(submission(oauth));
  const renewals: boolean[] = [];
  const transport = createTransport({
    ...scene.to(),
    auth: { type: 'OAuth2', user: 'ann', accessToken: 'ya29.stale' },
  });
  transport.set('oauth2_provision_cb', (_user, renew, callback) => {
    renewals.push(renew);
    callback(null, renew ? 'ya29.fresh' : 'ya29.stale');
  });
  expect(await outcome(transport.sendMail(MAIL))).toBe('250 2.0.0');
  expect(renewals.at(-1)).toBe(true);
  expect(scene.sessions).toBe(1);
  transport.close();
});

test('each mail may have its own user', async () => {
  const scene = await Scene.start(submission());
  const transport = createTransport(scene.to());
  const users = [ann, { user: 'bögel', pass: 'grüße' }];
  for (const auth of users) {
    expect(await outcome(transport.sendMail({ ...MAIL, auth }))).toBe('250 2.0.0');
  }
  expect(scene.arrived.map(({ session }) => session.identity?.username)).toEqual(['ann', 'bögel']);
  transport.close();
});

test('no event and no error shows a password', async () => {
  const scene = await Scene.start(submission());
  const secret = 'not to be shown';
  await scene.send({}, { auth: { ...ann, pass: secret } });
  const encoded = [`\0ann\0${secret}`, secret].map((text) => Buffer.from(text).toString('base64'));
  const events = JSON.stringify(scene.log.all);
  for (const text of [secret, ...encoded]) expect(events).not.toContain(text);
  expect(scene.log.of('note').map(({ note }) => note.kind)).toContain('sign-in-refused');
});
