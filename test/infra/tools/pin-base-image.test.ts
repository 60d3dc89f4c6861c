// The digest of the base image, from a registry on a socket that asks for a token as public registries do.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../../../infra/tools/package-root.ts';
import { pinBaseImage, readBaseImage } from '../../../infra/tools/pin-base-image.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const OLD = `sha256:${'0'.repeat(64)}`;
const FROM = 'FROM registry.example.com/docker/library/node:24.21.0-bookworm-slim';

function indexOf(...architectures: readonly string[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: architectures.map((architecture) => ({
      digest: OLD,
      platform: { os: 'linux', architecture },
    })),
  });
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** What the registry holds and does. */
interface Registry {
  manifest: string;
  digest: string | undefined;
  status: number;
  challenge: string;
  withoutToken: boolean;
}

let registry: Registry;
let server: Server;
let origin = '';
let folder = '';
let dockerfile = '';
let said: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pin-'));
  dockerfile = join(folder, 'Dockerfile');
  server = createServer(({ url = '', headers }, response) => {
    if (url === '/token?service=registry&scope=repository%3Adocker%2Flibrary%2Fnode%3Apull') {
      response.end(JSON.stringify({ token: 'for-everybody' }));
    } else if (url.startsWith('/token')) {
      response.writeHead(400).end('{}');
    } else if (url !== '/v2/docker/library/node/manifests/24.21.0-bookworm-slim') {
      response.writeHead(404).end();
    } else if (!registry.withoutToken && headers.authorization !== 'Bearer for-everybody') {
      response.writeHead(401, { 'www-authenticate': registry.challenge }).end();
    } else if (!headers.accept?.includes(INDEX)) {
      response.writeHead(406).end();
    } else {
      response.writeHead(registry.status, {
        'content-type': INDEX,
        ...(registry.digest !== undefined && { 'docker-content-digest': registry.digest }),
      });
      response.end(registry.manifest);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  const manifest = indexOf('amd64', 'arm64', 's390x');
  registry = {
    manifest,
    digest: digestOf(manifest),
    status: 200,
    challenge: `Bearer realm="${origin}/token",service="registry",scope="repository:docker/library/node:pull"`,
    withoutToken: false,
  };
  said = [];
  for (const stream of ['log', 'error'] as const) {
    vi.spyOn(console, stream).mockImplementation((line: string) => void said.push(line));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const text = (from: string) => `# A base.\n${from}\n\nCOPY a b\n`;

describe('the pin of the base image', () => {
  test.each([
    ['without a digest', FROM, false],
    ['with the digest of the last release', `${FROM}@${OLD}`, false],
    ['in a registry that asks for no token', FROM, true],
  ])(
    'the pin of a base image %s is the digest of its manifest, and nothing else of the Dockerfile changes',
    async (_, from, withoutToken) => {
      registry.withoutToken = withoutToken;
      writeFileSync(dockerfile, text(from));
      expect(await pinBaseImage(dockerfile, { origin })).toBe(0);
      const pinned = `${FROM}@${digestOf(registry.manifest)}`;
      expect(readFileSync(dockerfile, 'utf8')).toBe(text(pinned));
      expect(said).toEqual([pinned.slice('FROM '.length)]);
      expect(await pinBaseImage(dockerfile, { check: true })).toBe(0);
    },
  );

  test.each<[what: string, change: () => void, expected: RegExp]>([
    [
      'a registry that does not know the tag',
      () => (registry.status = 404),
      /expected a manifest, got status 404$/,
    ],
    [
      'a digest that is not of what came',
      () => (registry.digest = OLD),
      /: expected the digest sha256:[0-9a-f]{64} of what came, got sha256:0{64}$/,
    ],
    [
      'no image for one architecture',
      () => Object.assign(registry, { manifest: indexOf('amd64'), digest: undefined }),
      /expected images for linux\/amd64 and linux\/arm64, got none for linux\/arm64$/,
    ],
    [
      'a challenge that names no token',
      () => (registry.challenge = 'Basic realm="staff"'),
      /expected a challenge for a token, got "Basic realm=\\"staff\\""$/,
    ],
    [
      'a token that is refused',
      () => (registry.challenge = `Bearer realm="${origin}/token"`),
      /\/token: expected a token, got status 400$/,
    ],
    ['no registry', () => (origin = 'http://127.0.0.1:1'), /expected an answer, got /],
  ])(
    'the pin of the base image fails with one sentence for %s, and the Dockerfile stays',
    async (_, change, expected) => {
      const before = origin;
      change();
      writeFileSync(dockerfile, text(FROM));
      try {
        expect(await pinBaseImage(dockerfile, { origin })).toBe(1);
      } finally {
        origin = before;
      }
      expect(said).toEqual([expect.stringMatching(expected)]);
      expect(readFileSync(dockerfile, 'utf8')).toBe(text(FROM));
    },
  );

  test('a base image without a digest is what the check names, with the command that mends it', async () => {
    writeFileSync(dockerfile, text(FROM));
    expect(await pinBaseImage(dockerfile, { check: true })).toBe(1);
    expect(said).toEqual([
      `Dockerfile: expected a digest behind ${FROM.slice('FROM '.length)}, got none; run "npx node infra/tools/pin-base-image.ts"`,
    ]);
  });

  test('the base image of this project can be pinned, and the release checklist demands it', () => {
    const { registry: host, repository } = readBaseImage(
      readFileSync(join(packageRoot, 'Dockerfile'), 'utf8'),
    );
    // The public mirror at Amazon ECR, which limits nobody's pulls from inside AWS.
    expect([host, repository]).toEqual(['public.ecr.aws', 'docker/library/node']);
    const contributing = readFileSync(join(packageRoot, 'CONTRIBUTING.md'), 'utf8');
    const [, checklist = ''] = contributing.split('## Release checklist');
    expect(checklist).toContain('`npx node infra/tools/pin-base-image.ts`');
  });

  test('a Dockerfile whose base image has no registry is refused', () => {
    expect(() => readBaseImage('FROM node:24\n')).toThrow(
      'Dockerfile: expected a line like "FROM registry.example.com/repository:tag", got none',
    );
  });
});
