// What a user of the package gets: packed, unpacked into an empty project, imported, required and type-checked.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareJest } from './jest.ts';
import { GIVEN, ownApp } from './own-app.ts';
import { prepareTypeScript } from '../support/other-versions.ts';
import { LocalProcess } from '../support/local.ts';
import { TestClient } from '../support/smtp-client.ts';
import { ask } from '../app/local/page/page-client.ts';
import { Project } from './packed.ts';

let project: Project;
beforeAll(async () => {
  project = await Project.pack();
  project.link('@types/node');
}, 300_000);
afterAll(() => project.remove());

const slow = { timeout: 120_000 };
const compilers = { '5.6': prepareTypeScript('5.6'), '5.9': prepareTypeScript('5.9') };

describe('mailsluice local', () => {
  test('with fauxqs and dynalite beside the package it runs, with TLS', slow, async () => {
    project.link('fauxqs', 'dynalite');
    const program = await LocalProcess.start({}, [], project.program);
    try {
      const client = await TestClient.connectTls(program.port('smtps'));
      expect(await client.reply()).toMatch(/^220 /);
      client.destroy();
    } finally {
      await program.stop();
    }
  });

  test('by the three commands of the README a new user sees what his own handler makes of a mail', {
    timeout: 300_000,
  }, async (context) => {
    if (process.env['MAILSLUICE_TRANSCRIPT'] !== '1') {
      context.skip('asks the registry for each version: run with MAILSLUICE_TRANSCRIPT=1');
    }
    const user = await Project.install(project.tarball, 'fauxqs', 'dynalite');
    try {
      user.write('handler.mjs', `export const handler = async () => 'handled';`);
      const handler = join(user.folder, 'handler.mjs');
      const program = await LocalProcess.start({}, ['--handler', handler], user.program);
      try {
        const body = JSON.stringify({ kind: 'signed-in', to: 'b@example.com' });
        await ask(program, '/api/test-mails', { method: 'POST', body });
        const results = () => ask<object>(program, '/api/handler');
        await expect
          .poll(results, { timeout: 20_000 })
          .toMatchObject({ results: [{ outcome: 'done', result: 'handled' }] });
      } finally {
        await program.stop();
      }
    } finally {
      user.remove();
    }
  });
});

describe('the files of the package', () => {
  test('the files of the package are the built code, its types and the pages, but no source and no test', () => {
    const files = project.files();
    const octets = files
      .map((file) => statSync(join(project.package, file)).size)
      .reduce((sum, size) => sum + size, 0);
    const dependencies = Object.keys(project.manifest.dependencies);
    process.stdout.write(
      `mailsluice: ${(octets / 1_000_000).toFixed(2)} MB unpacked, ${dependencies.length} dependencies: ${dependencies.join(', ')}\n`,
    );
    const unexpected = files.filter(
      (file) =>
        !/^dist\/.+\.(js|d\.ts)$/.test(file) &&
        !/^dist\/(cdk\/infra|subscriber)\/index\.(cjs|d\.cts)$/.test(file) &&
        !/^dist\/(container|lambda)\/.+$/.test(file) &&
        file !== 'dist/app/local/self-signed.licenses.txt' &&
        !/^dist\/app\/local\/page\/browser\/(page\.html|page\.css|frame\.html|icon\.svg)$/.test(
          file,
        ) &&
        !/^(src|infra)(\/.+)?\/[\w-]+\.md$/.test(file) &&
        ![
          'CHANGELOG.md',
          'LICENSE',
          'README.md',
          'SECURITY.md',
          'package.json',
          'src/subscriber/notification.schema.json',
        ].includes(file),
    );
    expect(unexpected).toEqual([]);
    expect(files).toContain('dist/index.d.ts');
    expect(files).toContain('src/API.md');
    expect(files).toContain('dist/container/Dockerfile');
  });

  test('the files of the package have the construct, but neither the app that deploys it nor its tools', () => {
    const construct = project.files().filter((file) => file.startsWith('dist/cdk/infra/'));
    expect(construct).toContain('dist/cdk/infra/index.d.ts');
    expect(construct).toContain('dist/cdk/infra/bridge/mail-bridge.js');
    expect(
      construct.filter((file) =>
        /\/(app\/(app|stacks|settings|read-settings)|tools\/(deploy|build-artifacts|cost))\./.test(
          file,
        ),
      ),
    ).toEqual([]);
  });

  test('the files of the package include every target of exports and bin in package.json', () => {
    const { bin, exports } = project.manifest;
    const targets = [...Object.values(bin), ...Object.values(exports).flatMap(targetsOf)];
    expect(targets.length).toBeGreaterThan(8);
    expect(targets.filter((target) => !existsSync(join(project.package, target)))).toEqual([]);
  });
});

/** The files that an entry of `exports` leads to, whatever its conditions. */
function targetsOf(entry: unknown): string[] {
  return typeof entry === 'string' ? [entry] : Object.values(entry as object).flatMap(targetsOf);
}

describe('without the optional peers', () => {
  test.each(['mailsluice', 'mailsluice/subscriber', 'mailsluice/testing'])(
    'without the optional peers, import and require of %s give the same exports',
    async (name) => {
      const list = '(module) => console.log(JSON.stringify(Object.keys(module).sort()))';
      project.write('names.mjs', `import('${name}').then(${list});`);
      project.write('names.cjs', `(${list})(require('${name}'));`);
      const imported = JSON.parse(await project.node('names.mjs')) as string[];
      const required = JSON.parse(await project.node('names.cjs')) as string[];
      expect(imported.length).toBeGreaterThan(1);
      // Node.js adds this name when it requires an ES module.
      expect(required.filter((each) => each !== '__esModule')).toEqual(imported);
    },
  );

  test('without the optional peers, a server listens and closes', async () => {
    project.write(
      'server.mjs',
      `import { SmtpServer } from 'mailsluice';
      const server = new SmtpServer({ listeners: [{ name: 'mx', host: '127.0.0.1', port: 0 }] });
      await server.listen();
      const [{ listener, port }] = server.addresses;
      console.log(listener, port > 0);
      await server.close();`,
    );
    expect(await project.node('server.mjs')).toBe('mx true');
  });

  test('without the optional peers, the command runs, and the JSON files can be imported', async () => {
    const { bin, name, version } = project.manifest;
    expect(await project.node(join(project.package, bin['mailsluice'] ?? ''), '--version')).toBe(
      version,
    );
    project.write(
      'json.mjs',
      `import schema from 'mailsluice/notification.schema.json' with { type: 'json' };
      import manifest from 'mailsluice/package.json' with { type: 'json' };
      console.log(typeof schema, manifest.name);`,
    );
    expect(await project.node('json.mjs')).toBe(`object ${name}`);
  });

  test('without the optional peers, programs are type-checked against its declarations, as ES modules and as CommonJS', async () => {
    const program = `
      import { type Middleware, Refusal, type Reply, SmtpServer } from 'mailsluice';
      import { defineMailHandler, parseMail } from 'mailsluice/subscriber';
      import { createTestServer } from 'mailsluice/testing';

      const refused: Reply = { code: 550, status: '1.1', text: 'No such user' };
      const server = new SmtpServer({ listeners: [{ name: 'mx', port: 25 }] });
      server.onRecipient(({ forwardPath }) => (forwardPath.domain === 'example.com' ? undefined : refused));
      server.onMail(async ({ mail }) => {
        const { subject } = await mail.parse();
        const text: string | undefined = subject;
        console.log(text, mail.envelope.recipients.length.toFixed());
      });
      export const handler = defineMailHandler(async (mail) => {
        const { attachments } = await parseMail(mail);
        for (const { filename } of attachments) console.log(filename?.toUpperCase());
      });
      const scored = new SmtpServer({ state: () => ({ points: 0 }) });
      const limit: Middleware<{ points: number }> = {
        onSender: ({ state, reply }) => (++state.points > 5 ? reply(450, '7.1', 'Too many') : undefined),
        onData: ({ envelope }) => {
          if (envelope.recipients.length > 5) throw new Refusal(452, '5.3', 'Too many recipients');
        },
      };
      scored.use(limit).onMail(({ mail, state }) => console.log(mail.messageId, state.points.toFixed()));
      for (const open of scored.sessions) if (open.state.points > 9) open.end();
      export async function sends(): Promise<string | undefined> {
        await using smtp = await createTestServer({ use: [{ onMail: () => {} }] });
        const { subject } = await smtp.waitForMail({ to: 'ann@example.com', timeout: 1 });
        return subject;
      }
      // @ts-expect-error: the state has no such member.
      scored.onHelo(({ state }) => void state.score);
      // @ts-expect-error: a reply needs a text.
      export const bad: Reply = { code: 550 };
      // @ts-expect-error: no such option.
      new SmtpServer({ listenrs: [] });
      // @ts-expect-error: the name is a string.
      server.onHelo(({ clientDomain }: { clientDomain: number }) => undefined);
    `;
    project.write('program.mts', program);
    project.write('program.cts', program);
    expect(await project.typeErrors(['program.mts', 'program.cts'])).toBe('');
  }, 120_000);

  test.for(['5.6', '5.9'] as const)(
    'without the optional peers, TypeScript %s checks the same program as an ES module',
    { timeout: 120_000 },
    async (version, context) => {
      const tsc = compilers[version];
      if (typeof tsc !== 'string') return context.skip(tsc.reason);
      const compiler = [process.execPath, tsc];
      const options = ['--lib', 'esnext'];
      expect(
        await project.typeErrors(['program.mts'], { target: 'es2022', options, compiler }),
      ).toBe('');
    },
  );
});

describe('with aws-cdk-lib and constructs', () => {
  beforeAll(() => project.link('aws-cdk-lib', 'constructs'));

  test(
    'with aws-cdk-lib and constructs, an app synthesizes the construct, with the image and the functions of the package',
    slow,
    async () => {
      project.write(
        'app.mjs',
        `import { App, Stack } from 'aws-cdk-lib';
      import { MailBridge } from 'mailsluice/cdk';
      const app = new App({ outdir: 'out' });
      new MailBridge(new Stack(app, 'Mine'), 'Mail', {
        configuration: { hostname: 'mx.example.com' },
        exampleSubscriber: true,
      });
      app.synth();`,
      );
      await project.node('app.mjs');
      const written = readdirSync(join(project.folder, 'out'), {
        recursive: true,
        encoding: 'utf8',
      });
      expect(written).toContain('Mine.template.json');
      expect(written.filter((name) => /\/(Dockerfile|mailsluice\.mjs)$/.test(name))).toHaveLength(
        2,
      );
      expect(written.filter((name) => name.endsWith('/index.mjs'))).toHaveLength(2);
    },
  );

  describe.each(['mjs', 'cjs', 'mts'] as const)('an app of one’s own, as .%s', (ending) => {
    let counts: Readonly<Record<string, Readonly<Record<string, number>>>> = {};
    beforeAll(async () => {
      project.write(`own.${ending}`, ownApp(ending));
      counts = JSON.parse(await project.node(`own.${ending}`, `own-${ending}`)) as typeof counts;
    }, 240_000);

    test.each(GIVEN)(
      `an app of one’s own, as .${ending}, with the stack %s has of %s: %d`,
      (stack, type, count) => {
        expect(counts[stack]?.['AWS::ECS::Service']).toBe(1);
        expect(counts[stack]?.[type] ?? 0).toBe(count);
      },
    );
  });

  test('an app of one’s own in TypeScript is type-checked', slow, async () => {
    project.write('own.mts', ownApp('mts'));
    expect(await project.typeErrors(['own.mts'])).toBe('');
  });

  const jest = prepareJest();
  test.skipIf(!jest.ok)(
    `a project as cdk init makes it tests the construct with jest and ts-jest${jest.ok ? '' : `: ${jest.reason}`}`,
    { timeout: 300_000 },
    async () => {
      if (!jest.ok) return;
      project.write(
        'mail.test.ts',
        `import * as cdk from 'aws-cdk-lib';
      import { Template } from 'aws-cdk-lib/assertions';
      import { MailBridge } from 'mailsluice/cdk';
      test('one load balancer', () => {
        const stack = new cdk.Stack(new cdk.App(), 'Mine');
        new MailBridge(stack, 'Mail', { configuration: { hostname: 'mx.example.com' } });
        Template.fromStack(stack).resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 1);
      });`,
      );
      // As "cdk init app --language typescript" has it, but for the places of the packages.
      project.write(
        'jest.config.js',
        `module.exports = ${JSON.stringify({
          testEnvironment: 'node',
          roots: [project.folder],
          testMatch: ['**/*.test.ts'],
          transform: {
            [String.raw`^.+\.tsx?$`]: [
              jest.tsJest,
              { tsconfig: { module: 'commonjs', target: 'es2022', types: [] }, diagnostics: false },
            ],
          },
        })};`,
      );
      const printed = await project.node(jest.program, '--config', 'jest.config.js', '--runInBand');
      expect(printed).not.toContain('failed');
      // With what jest prints to standard error, the numbers of tests.
      project.write('wrong.test.ts', `test('wrong', () => expect(1).toBe(2));`);
      const args = ['--config', 'jest.config.js', '--runInBand', 'wrong'];
      await expect(project.node(jest.program, ...args)).rejects.toThrow(/1 failed/);
    },
  );

  test(
    'with aws-cdk-lib and constructs, a CommonJS app synthesizes the construct where a CommonJS module cannot load an ES module, as under jest',
    slow,
    async () => {
      project.write(
        'app.cjs',
        `const { App, Stack } = require('aws-cdk-lib');
      const { Egress, MailBridge } = require('mailsluice/cdk');
      const app = new App({ outdir: 'out-of-commonjs' });
      new MailBridge(new Stack(app, 'Mine'), 'Mail', {
        configuration: { hostname: 'mx.example.com' },
        egress: Egress.publicAddresses(),
        exampleSubscriber: true,
      });
      app.synth();`,
      );
      await project.node('--no-experimental-require-module', 'app.cjs');
      expect(readdirSync(join(project.folder, 'out-of-commonjs'))).toContain('Mine.template.json');
      project.write(
        'stack.cts',
        `import { Stack } from 'aws-cdk-lib';
      import { Egress, MailBridge, type MailBridgeProps } from 'mailsluice/cdk';
      export const props: MailBridgeProps = { configuration: { hostname: 'mx.example.com' }, egress: Egress.nat() };
      export const bridge: MailBridge = new MailBridge(new Stack(), 'Mail', props);
      // @ts-expect-error: no such prop.
      new MailBridge(new Stack(), 'Bad', { configuration: { hostname: 'mx.example.com' }, colour: 'red' });`,
      );
      expect(await project.typeErrors(['stack.cts'])).toBe('');
    },
  );

  test(
    'with aws-cdk-lib and constructs, the example of infra/README.md is type-checked, and so is a wrong configuration',
    slow,
    async () => {
      const page = readFileSync(join(project.package, 'infra/README.md'), 'utf8');
      const [, example = ''] = /^```ts\n([^]*?)^```/m.exec(page) ?? [];
      const [, imports = '', code = ''] = /^(import [^]*?;\n)\n([^]*)$/.exec(example) ?? [];
      expect(code).toContain('new MailBridge(this');
      project.write(
        'stack.mts',
        `${imports}
      import { Stack, type aws_ec2, type aws_iam, type aws_lambda, type aws_route53 } from 'aws-cdk-lib';
      declare const vpc: aws_ec2.IVpc;
      declare const hostedZone: aws_route53.IHostedZone;
      declare const invoiceFunction: aws_lambda.IFunction;
      declare const archiveRole: aws_iam.IRole;
      export class Mail extends Stack {
        build(): void {
          ${code}
          // @ts-expect-error: no such field.
          new MailBridge(this, 'Bad', { configuration: { hostname: 'mx.example.com', colour: 'red' } });
          // @ts-expect-error: the construct fills it in.
          new MailBridge(this, 'Bad', { configuration: { hostname: 'mx.example.com', store: { bucket: 'b' } } });
        }
      }`,
      );
      expect(await project.typeErrors(['stack.mts'])).toBe('');
    },
  );
});
