// `node infra/tools/pin-base-image.ts`: looks up the digest of the Dockerfile's base image in its registry, and writes it into
// the Dockerfile, so that a release is built on the bytes that it was tested with. With `--check` it writes nothing, and
// exits with 1 where the base image has no digest.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.ts';

/** Names images of several platforms; https://github.com/opencontainers/image-spec/blob/main/image-index.md. */
const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
/** What a task can have (the setting `architecture`). */
const PLATFORMS = ['linux/amd64', 'linux/arm64'];
const TIMEOUT_MILLISECONDS = 30_000;

/** `registry/repository:tag`, and the digest behind it if there is one. */
export interface BaseImage {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string | undefined;
}

const FROM = /^FROM ([^/\s]+)\/([^\s:@]+):([^\s:@]+)(?:@(sha256:[0-9a-f]{64}))?$/m;

/** The base image of a Dockerfile. */
export function readBaseImage(dockerfile: string): BaseImage {
  const [, registry = '', repository = '', tag = '', digest] = FROM.exec(dockerfile) ?? [];
  if (registry === '') {
    throw new Error(
      'Dockerfile: expected a line like "FROM registry.example.com/repository:tag", got none',
    );
  }
  return { registry, repository, tag, digest };
}

/** The Dockerfile with this digest instead of the one that it has, if any. */
export function withDigest(dockerfile: string, digest: string): string {
  return dockerfile.replace(FROM, `FROM $1/$2:$3@${digest}`);
}

/**
 * The digest of an image, by the API of registries (https://github.com/opencontainers/distribution-spec). It is computed
 * from the manifest, which must name an image for each architecture of a task.
 */
export async function lookUpDigest(
  { registry, repository, tag }: BaseImage,
  origin = `https://${registry}`,
): Promise<string> {
  const url = `${origin}/v2/${repository}/manifests/${tag}`;
  const manifest = await readManifest(url);
  const digest = `sha256:${createHash('sha256').update(manifest.body).digest('hex')}`;
  if (manifest.digest !== null && manifest.digest !== digest) {
    throw new Error(`${url}: expected the digest ${digest} of what came, got ${manifest.digest}`);
  }
  const platforms = platformsOf(manifest.body);
  const absent = PLATFORMS.filter((platform) => !platforms.includes(platform));
  if (absent.length > 0) {
    throw new Error(
      `${url}: expected images for ${PLATFORMS.join(' and ')}, got none for ${absent.join(' and ')}`,
    );
  }
  return digest;
}

interface Manifest {
  readonly body: string;
  /** As the registry says. */
  readonly digest: string | null;
}

async function readManifest(url: string): Promise<Manifest> {
  const accept = INDEXES.join(', ');
  const first = await request(url, { accept });
  const response =
    first.status === 401
      ? await request(url, { accept, authorization: `Bearer ${await readToken(url, first)}` })
      : first;
  if (!response.ok) throw new Error(`${url}: expected a manifest, got status ${response.status}`);
  return {
    body: await response.text(),
    digest: response.headers.get('docker-content-digest'),
  };
}

/** A token for everybody, from where the registry's challenge says. */
async function readToken(url: string, { headers }: Response): Promise<string> {
  const challenge = headers.get('www-authenticate') ?? '';
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
  const realm = parameters.get('realm');
  if (!/^bearer /i.test(challenge) || realm === undefined) {
    throw new Error(`${url}: expected a challenge for a token, got ${JSON.stringify(challenge)}`);
  }
  const query = ['service', 'scope'].flatMap((name) => {
    const value = parameters.get(name);
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  const response = await request(`${realm}${query.length === 0 ? '' : `?${query.join('&')}`}`, {});
  const { token, access_token: other } = (response.ok ? await response.json() : {}) as {
    readonly token?: unknown;
    readonly access_token?: unknown;
  };
  const found = token ?? other;
  if (typeof found === 'string') return found;
  throw new Error(`${realm}: expected a token, got status ${response.status}`);
}

async function request(url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  try {
    return await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
  } catch (error) {
    const { cause, message } = error as Error;
    throw new Error(
      `${url}: expected an answer, got ${cause instanceof Error ? cause.message : message}`,
    );
  }
}

/** `linux/arm64` and so on; none where the manifest is that of a single image. */
function platformsOf(manifest: string): string[] {
  const { manifests = [] } = JSON.parse(manifest) as {
    readonly manifests?: readonly {
      readonly platform?: { readonly os?: string; readonly architecture?: string };
    }[];
  };
  return manifests.map(({ platform = {} }) => `${platform.os}/${platform.architecture}`);
}

/** Runs the command; returns its exit code. `origin` stands for the registry in tests. */
export async function pinBaseImage(
  path: string,
  { check = false, origin }: { readonly check?: boolean; readonly origin?: string | undefined },
): Promise<number> {
  const dockerfile = readFileSync(path, 'utf8');
  const image = readBaseImage(dockerfile);
  const name = `${image.registry}/${image.repository}:${image.tag}`;
  if (check) {
    if (image.digest !== undefined) return 0;
    console.error(
      `Dockerfile: expected a digest behind ${name}, got none; run "npx node infra/tools/pin-base-image.ts"`,
    );
    return 1;
  }
  try {
    const digest = await lookUpDigest(image, origin);
    writeFileSync(path, withDigest(dockerfile, digest));
    console.log(`${name}@${digest}`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

if (import.meta.main) {
  process.exitCode = await pinBaseImage(join(packageRoot, 'Dockerfile'), {
    check: process.argv.includes('--check'),
  });
}
