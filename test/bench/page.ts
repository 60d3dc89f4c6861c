// What the page costs `mailsluice local`: CPU of the whole process per mail, with everything embedded, in three states.
import { fileURLToPath } from 'node:url';
import { browserFile, launchBrowser } from '../support/browser.ts';
import { FREE_PORTS } from '../support/local.ts';
import { type Kind, sendLoad, SMALL_MAILS } from './load.ts';
import { median } from './measure.ts';
import { freePort, nodeFlags, startServer } from './processes.ts';
import { inFigures, table } from './report.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const MAILS = 2000;
const WARM_UP_MAILS = 4000;

const STATES = ['without', 'closed', 'open'] as const;
const TURNS = 3;

/** Microseconds of CPU for each mail. */
type Spent = Readonly<Record<(typeof STATES)[number], number>>;

/**
 * The CPU without the page, with the page that nobody looks at, and with one that is open in Chromium, in alternation. One process
 * is by itself some percent cheaper or dearer than another that does the same, so each round has new ones.
 */
export async function measurePage(rounds: number): Promise<string> {
  if (browserFile === undefined) throw new Error('not installed: chromium');
  const rows: string[][] = [];
  for (const kind of SMALL_MAILS) {
    const all: Spent[] = [];
    for (let round = 0; round < rounds; round++) all.push(await measureRound(kind));
    const ratios = {
      closed: all.map(({ closed, without }) => closed / without),
      open: all.map(({ open, closed }) => open / closed),
    };
    rows.push([
      kind.id,
      ...STATES.map((state) => inFigures(median(all.map((each) => each[state])))),
      ...(['closed', 'open'] as const).flatMap((state) => [
        median(ratios[state]).toFixed(3),
        ratios[state]
          .toSorted((a, b) => a - b)
          .map((ratio) => ratio.toFixed(2))
          .join(' '),
      ]),
    ]);
  }
  const costs = STATES.map((state) => `${state}, µs`);
  const compared = ['closed ÷ without', 'each round', 'open ÷ closed', 'each round'];
  return [
    '### The page of `mailsluice local`: CPU of the process per message, S3 and SNS within it',
    table(['cell', ...costs, ...compared], rows),
  ].join('\n\n');
}

/** A process without the page, and one with it, in turns: the medians of the turns. */
async function measureRound(kind: Kind): Promise<Spent> {
  const spent: Record<keyof Spent, number[]> = { without: [], closed: [], open: [] };
  const pagePort = await freePort();
  const servers = [
    await startServer((port) => localCommand(port, pagePort, false)),
    await startServer((port) => localCommand(port, pagePort, true)),
  ] as const;
  const browser = await launchBrowser();
  try {
    const measure = async (state: keyof Spent): Promise<void> => {
      const server = servers[state === 'without' ? 0 : 1];
      const before = server.cpu();
      await sendLoad(server.port, kind, MAILS);
      spent[state].push((server.cpu() - before) / MAILS);
    };
    for (const { port } of servers) await sendLoad(port, kind, WARM_UP_MAILS);
    for (let turn = 0; turn < TURNS; turn++) {
      const isFirst = turn % 2 === 0;
      if (isFirst) await measure('without');
      await measure('closed');
      if (!isFirst) await measure('without');
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${pagePort}`);
      await page.getByRole('option').first().waitFor();
      await measure('open');
      await page.close();
    }
  } finally {
    await browser.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
  return {
    without: median(spent.without),
    closed: median(spent.closed),
    open: median(spent.open),
  };
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
      ...nodeFlags(),
      ...(hasPage ? [] : ['--import', here('servers/no-page.ts')]),
      ...[here('../../src/cli/main.ts'), 'local', '--json'],
      ...['--config', JSON.stringify(configuration)],
    ],
  };
}
