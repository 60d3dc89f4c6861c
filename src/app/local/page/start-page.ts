// The page of `mailsluice local`, from what it hears to its port. Its packages are not in the container, and nothing but
// start-local.ts may load this file.
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ServerEvent } from '../../../server/index.ts';
import type { EmbeddedAws } from '../embedded-aws.ts';
import type { HandlerEvent } from '../handler/handler-runner.ts';
import { type NamedDoor, Page, type PageOptions } from './page.ts';
import { PageServer } from './page-server.ts';

export interface StartPageOptions
  extends Pick<PageOptions, 'version' | 'prefixes' | 'credential' | 'handler' | 'hasOlder'> {
  readonly aws: EmbeddedAws;
  /** 0: any free port. */
  readonly port: number;
}

export interface StartedPage extends AsyncDisposable {
  /** `http://127.0.0.1:8025`. */
  readonly url: string;
  readonly observe: (event: ServerEvent) => void;
  readonly onHandlerEvent: (event: HandlerEvent, log: string) => void;
  /** Called once the server listens. */
  readonly open: (doors: readonly NamedDoor[]) => void;
}

/** @throws OperatorError where the port is taken or the page is not built */
export async function startPage(options: StartPageOptions): Promise<StartedPage> {
  const { aws, port, version, prefixes, credential, handler, hasOlder } = options;
  const { region, endpoint, credentials, resources } = aws;
  const settings = { region, endpoint, credentials };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const sqs = new SQSClient(settings);
  const page = new Page({
    ...{ version, prefixes, credential, handler, hasOlder, s3, sqs },
    bucket: resources.bucket,
    queueUrl: resources.queueUrl,
  });
  aws.observePublishes((request) => page.feed.published(request));
  const release = async (): Promise<void> => {
    aws.observePublishes(undefined);
    await page.close();
    s3.destroy();
    sqs.destroy();
  };
  let server: PageServer;
  try {
    server = await PageServer.start(page, port);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    url: server.url,
    observe: (event) => page.sessions.observe(event),
    onHandlerEvent: (event, log) => page.onHandlerEvent(event, log),
    open: (doors) => page.open(doors),
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await release();
    },
  };
}
