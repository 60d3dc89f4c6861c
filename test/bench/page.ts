// What the page costs `mailsluice local`: CPU of the whole process per mail, with everything embedded, in three states.
import { fileURLToPath } from 'node:url';
import { browserFile, launchBrowser } from '../support/browser.ts';
import { FREE_PORTS } from '../support/local.ts';
import { type Kind, sendLoad } from './load.ts';
import { median } from './measure.ts';
import { freePort, type RunningServer, startServer } from './processes.ts';
import { inFigures, table } from './report.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const KINDS: readonly (Kind & { readonly id: string })[] = [
  { id: '4kb-each-16', octets: 4096, isReused: false, sessions: 16, isTls: false },
  { id: '4kb-reused-16', octets: 4096, isReused: true, sessions: 16, isTls: false },
];
const MAILS = 2000;
const WARM_UP_MAILS = 4000;

const STATES = ['without', 'closed', 'open'] as const;
/** One process is by itself some percent cheaper or dearer than another that does the same, so there are several. */
const PROCESSES = 7;

/** Microseconds of CPU for each mail. */
type Spent = Readonly<Record<(typeof STATES)[number], number>>;

/** The CPU without the page, with the page that nobody looks at, and with one that is open in Chromium, in alternation. */
export async function measurePage(rounds: number): Promise<string> {
  if (browserFile === undefined) throw new Error('not installed: chromium');
  const rows: string[][] = [];
  for (const kind of KINDS) {
    const all: Spent[] = [];
    for (let at = 0; at < PROCESSES; at++) all.push(await measureKind(kind, rounds));
    const ratios = (state: 'closed' | 'open') => all.map((each) => each[state] / each.without);
    rows.push([
      kind.id,
      ...STATES.map((state) => inFigures(median(all.map((each) => each[state])))),
      ...(['closed', 'open'] as const).flatMap((state) => [
        median(ratios(state)).toFixed(3),
        ratios(state)
          .toSorted((a, b) => a - b)
          .map((ratio) => ratio.toFixed(2))
          .join(' '),
      ]),
    ]);
  }
  const costs = STATES.map((state) => `${state}, µs`);
  const compared = ['closed ÷ without', 'each process', 'open ÷ without', 'each process'];
  return [
    '### The page of `mailsluice local`: CPU of the process per message, S3 and SNS within it',
    table(['cell', ...costs, ...compared], rows),
  ].join('\n\n');
}

/** A process in each state, in turns: the medians of their rounds. */
async function measureKind(kind: Kind, rounds: number): Promise<Spent> {
  const servers: RunningServer[] = [];
  const browser = await launchBrowser();
  const spent = STATES.map((): number[] => []);
  try {
    for (const state of STATES) {
      const pagePort = await freePort();
      const server = await startServer((port) => localCommand(port, pagePort, state !== 'without'));
      servers.push(server);
      await sendLoad(server.port, kind, WARM_UP_MAILS);
      if (state === 'open') {
        const page = await browser.newPage();
        await page.goto(`http://127.0.0.1:${pagePort}`);
        await page.getByRole('option').first().waitFor();
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const step of servers.keys()) {
        // Each is first and last as often as the others.
        const at = (step + round) % servers.length;
        const server = servers[at];
        if (server === undefined) continue;
        const before = server.cpu();
        await sendLoad(server.port, kind, MAILS);
        spent[at]?.push((server.cpu() - before) / MAILS);
      }
    }
  } finally {
    await browser.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
  const [without = 0, closed = 0, open = 0] = spent.map(median);
  return { without, closed, open };
}

function localCommand(port: number, pagePort: number, hasPage: boolean) {
  const configuration = {
    ...FREE_PORTS,
    listeners: [{ name: 'mx', host: '127.0.0.1', port, tls: 'none', auth: 'none' }],
    local: { ...FREE_PORTS.local, pagePort },
    limits: {
      maxConnections: 2000,
      maxConnectionsPerAddress: 2000,
      maxMessagesPerSession: 100_000,
    },
  };
  return {
    program: process.execPath,
    args: [
      ...(process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== ''),
      ...(hasPage ? [] : ['--import', here('servers/no-page.ts')]),
      ...[here('../../src/cli/main.ts'), 'local', '--json'],
      ...['--config', JSON.stringify(configuration)],
    ],
  };
}
