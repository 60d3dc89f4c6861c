// What the options of a server may be: first each by itself, then all together. All mistakes are reported at once.
import { isIP } from 'node:net';
import { isNetwork } from '../../net/networks.ts';
import { knownMechanisms } from '../../smtp/index.ts';
import type { OptionProblem } from '../errors.ts';
import type { Middleware } from '../hooks.ts';
import { COUNTS, DEFAULT_LIMITS } from '../limits.ts';
import type { Extensions, ListenerOptions, ServerOptions } from '../options.ts';
import {
  anyNumber,
  callable,
  type Check,
  listOf,
  oneOf,
  record,
  secret,
  text,
  throwAll,
  value,
  wholeNumber,
  yesOrNo,
} from './checks.ts';
import { isPlainObject, printable, showValue } from './show.ts';

/** A check for each option: the compiler finds one that is missing. */
type ChecksOf<T> = Readonly<Record<keyof T, Check>>;

const HIGHEST_PORT = 65_535;
const HOST_NAME = /^(?=.{1,253}$)[\w-]+(?:\.[\w-]+)*\.?$/;
/** RFC 4422 section 3.1. */
const MECHANISM_NAME = /^[A-Z0-9_-]{1,20}$/;

const networks = listOf(text('an address or a network like 10.0.0.0/8', isNetwork));
const tlsProfile = oneOf('modern', 'intermediate', 'old');
const pem = secret(
  "PEM as a string, as readFileSync(path, 'utf8') gives it",
  (given) => typeof given === 'string',
);
const limits = record({
  ...Object.fromEntries(Object.keys(DEFAULT_LIMITS).map((name) => [name, anyNumber])),
  ...Object.fromEntries(COUNTS.map((name) => [name, wholeNumber])),
});

const mechanism: Check = (given, path, problems) => {
  const methods = ['isOffered', 'start'];
  if (typeof given !== 'object' || given === null) {
    problems.push({ path, expected: 'a mechanism', got: showValue(given) });
    return;
  }
  const { name } = given as { name?: unknown };
  text('a name in capitals, as EHLO shows it', (found) => MECHANISM_NAME.test(found))(
    name,
    `${path}.name`,
    problems,
  );
  for (const method of methods) {
    callable((given as Readonly<Record<string, unknown>>)[method], `${path}.${method}`, problems);
  }
};

const listener = record(
  {
    name: text('a printable name', (given) => /^[\x21-\x7e]{1,64}$/.test(given)),
    host: text('an address or a host name', (given) => isIP(given) !== 0 || HOST_NAME.test(given)),
    port: value(
      `a port from 0 to ${HIGHEST_PORT}`,
      (given) => Number.isInteger(given) && Number(given) >= 0 && Number(given) <= HIGHEST_PORT,
    ),
    path: text('the path of a Unix socket', (given) => given !== ''),
    listens: yesOrNo,
    tls: oneOf('none', 'starttls', 'implicit'),
    tlsProfile,
    auth: oneOf('none', 'optional', 'required'),
    protocol: oneOf('smtp', 'lmtp'),
    requireTls: yesOrNo,
    allowInsecureAuth: yesOrNo,
    mechanisms: listOf(text('the name of a mechanism', () => true)),
    bareNewline: oneOf('reject', 'normalize', 'accept'),
    addressSyntax: oneOf('internet', 'strict'),
    trustedNetworks: networks,
    smtpUtf8: yesOrNo,
    customMechanisms: listOf(mechanism),
    extensions: record({
      chunking: yesOrNo,
      dsn: yesOrNo,
      requireTls: yesOrNo,
      limits: yesOrNo,
      mtPriority: yesOrNo,
      deliverBy: record({ minSeconds: wholeNumber }, ['minSeconds']),
      futureRelease: record(
        {
          maxSeconds: wholeNumber,
          maxDateTime: text(
            'a date and time of RFC 3339 in UTC, like 2030-01-01T00:00:00Z',
            (given) =>
              /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(given) && !Number.isNaN(Date.parse(given)),
          ),
        },
        ['maxSeconds', 'maxDateTime'],
      ),
    } satisfies ChecksOf<Extensions>),
    requestClientCertificate: yesOrNo,
    clientAddress: oneOf('socket', 'proxy'),
    trustedProxies: networks,
    trustedXclients: networks,
    limits,
  } satisfies ChecksOf<ListenerOptions>,
  ['name'],
);

const certificates = listOf(
  record(
    {
      cert: pem,
      key: pem,
      serverNames: listOf(text('a host name, or *. and a host name', (given) => given !== '')),
    },
    ['cert', 'key'],
  ),
);

const server = record({
  hostname: text('a domain name', (given) => /^[\x21-\x7e]{1,255}$/.test(given)),
  banner: text('printable ASCII on one line, up to 400 characters', (given) =>
    /^[\x20-\x7e]{1,400}$/.test(given),
  ),
  listeners: listOf(listener),
  tls: record({ certificates, profile: tlsProfile, clientAuthorities: listOf(pem) }, [
    'certificates',
  ]),
  limits,
  state: callable,
  openMessage: callable,
  nextMessageId: callable,
  observe: callable,
  observeDialogue: yesOrNo,
  signal: value('an AbortSignal', (given) => given instanceof AbortSignal),
} satisfies ChecksOf<ServerOptions>);

const closing = record({
  drain: anyNumber,
  idle: anyNumber,
  signal: value('an AbortSignal', (given) => given instanceof AbortSignal),
});

const middleware = record(
  {
    name: text('a name', (given) => given !== ''),
    onConnect: callable,
    onSecured: callable,
    onHelo: callable,
    onSignIn: callable,
    onSender: callable,
    onRecipient: callable,
    onData: callable,
    onMail: callable,
    onClose: callable,
  } satisfies ChecksOf<Middleware>,
  [],
  'hook',
);

/** Throws one `OptionsError` for all mistakes in the options of a server. */
export function requireOptions(options: ServerOptions<unknown>): void {
  const problems: OptionProblem[] = [];
  server(options, '', problems);
  // What is wrong by itself is not compared with the rest.
  const isSound = (path: string): boolean =>
    !problems.some((each) => each.path === 'options' || each.path.startsWith(path));
  if (isSound('listeners')) {
    problems.push(...amongListeners(options, isSound('tls')));
  }
  throwAll(problems);
}

/** The same for `close`. */
export function requireCloseOptions(options: unknown): void {
  const problems: OptionProblem[] = [];
  closing(options, '', problems);
  throwAll(problems.map((each) => ({ ...each, path: `close(): ${each.path}` })));
}

/** The same for `replaceCertificates`. */
export function requireCertificates(given: unknown): void {
  const problems: OptionProblem[] = [];
  certificates(given, 'certificates', problems);
  throwAll(problems.map((each) => ({ ...each, path: `replaceCertificates(): ${each.path}` })));
}

/** The same for `use`. */
export function requireMiddleware(given: unknown): void {
  const problems: OptionProblem[] = [];
  middleware(given, '', problems);
  const name = isPlainObject(given) && typeof given['name'] === 'string' ? given['name'] : '';
  const where = `use(${printable(name)})`;
  throwAll(
    problems.map((each) => ({
      ...each,
      path: each.path === 'options' ? where : `${where}: ${each.path}`,
    })),
  );
}

export function requireHook(name: string, hook: unknown): void {
  const problems: OptionProblem[] = [];
  callable(hook, name, problems);
  throwAll(problems);
}

/** What is valid by itself and not together with the rest. */
function amongListeners(
  { listeners, tls }: ServerOptions<unknown>,
  isTlsSound: boolean,
): OptionProblem[] {
  if (listeners === undefined) return [];
  if (listeners.length === 0) {
    return [{ path: 'listeners', expected: 'at least one', got: '[]' }];
  }
  const problems = listeners.flatMap((each, index) => inListener(each, `listeners[${index}]`));
  const names = listeners.map(({ name }) => name);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue;
    const path = `listeners[${index}].name`;
    problems.push({ path, expected: 'a name that no other listener has', got: showValue(name) });
  }
  const secured = listeners.find((each) => (each.tls ?? 'none') !== 'none');
  if (secured && isTlsSound && (tls?.certificates ?? []).length === 0) {
    problems.push({
      path: 'tls.certificates',
      expected: `at least one, because the listener ${secured.name} says tls: "${secured.tls}"`,
      got: showValue(tls?.certificates),
    });
  }
  return problems;
}

function inListener(options: ListenerOptions, path: string): OptionProblem[] {
  const { tls = 'none', auth = 'none', clientAddress = 'socket', customMechanisms = [] } = options;
  const problems: OptionProblem[] = [];
  const refuse = (name: keyof ListenerOptions, expected: string): void => {
    problems.push({ path: `${path}.${name}`, expected, got: showValue(options[name]) });
  };
  const places = { port: options.port, path: options.path, listens: options.listens };
  const [place, ...others] = Object.entries(places).filter(
    ([name, each]) => each !== undefined && (name !== 'listens' || each === false),
  );
  if (place === undefined) {
    refuse('port', 'a port from 0 to 65535, or a path for a Unix socket, or listens: false');
  } else {
    const why = `because ${place[0]} is ${showValue(place[1])}`;
    for (const [name] of others) refuse(name as keyof typeof places, `nothing, ${why}`);
    if (place[0] !== 'port' && options.host !== undefined) refuse('host', `nothing, ${why}`);
  }
  if (auth !== 'none' && tls === 'none' && options.allowInsecureAuth !== true) {
    refuse('auth', '"none", because passwords would travel in the clear where tls is "none"');
  }
  if (tls === 'none') {
    const why = 'because tls is "none"';
    if (options.requireTls === true) refuse('requireTls', `false, ${why}`);
    if (options.requestClientCertificate === true) {
      refuse('requestClientCertificate', `false, ${why}`);
    }
    if (options.tlsProfile !== undefined) refuse('tlsProfile', `nothing, ${why}`);
  }
  if (clientAddress === 'proxy' && (options.trustedProxies ?? []).length === 0) {
    const why = 'because anybody else could claim any address';
    refuse('trustedProxies', `at least one network, ${why}`);
  }
  const own = customMechanisms.map(({ name }) => name);
  const known = [...knownMechanisms, ...own];
  for (const [index, name] of (options.mechanisms ?? []).entries()) {
    if (known.includes(name)) continue;
    problems.push({
      path: `${path}.mechanisms[${index}]`,
      expected: `one of ${known.join(', ')}`,
      got: showValue(name),
    });
  }
  for (const [index, name] of own.entries()) {
    if (options.mechanisms?.includes(name) === true) continue;
    problems.push({
      path: `${path}.customMechanisms[${index}].name`,
      expected: 'one that mechanisms names too, because it would not be offered',
      got: showValue(name),
    });
  }
  if (auth !== 'none' && options.mechanisms?.length === 0) {
    refuse('mechanisms', `at least one, because auth is "${auth}"`);
  }
  return problems;
}
