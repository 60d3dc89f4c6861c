// The commands of the archive on the embedded S3, with a proxy between that answers in its place where a test says so.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultProxy, startFaultProxy } from '../../faults/fault-proxy.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';
import { type Cli, groupCli } from '../support.ts';

export interface ProxiedArchive extends AsyncDisposable {
  readonly aws: TestAws;
  readonly proxy: FaultProxy;
  /** Runs a command of the group; it reaches S3 through the proxy. */
  readonly cli: Cli;
  /** For the files of the test; removed with what is in it. */
  readonly folder: string;
}

export async function startProxiedArchive(): Promise<ProxiedArchive> {
  const aws = await startTestAws();
  const proxy = await startFaultProxy(aws.endpoint);
  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-archive-'));
  return {
    aws,
    proxy,
    cli: groupCli('archive', { ...aws, endpoint: proxy.endpoint }),
    folder,
    [Symbol.asyncDispose]: async () => {
      await rm(folder, { recursive: true });
      await proxy[Symbol.asyncDispose]();
      await aws.close();
    },
  };
}
