/** What `mailsluice local --json` prints as its first line, once everything listens. */
export interface LocalReady {
  readonly event: 'ready';
  readonly version: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly tls: 'none' | 'starttls' | 'implicit';
    readonly auth: 'none' | 'optional' | 'required';
  }[];
  /** The health server's base address. */
  readonly health: string;
  /** The address of the page, as `http://127.0.0.1:8025`. */
  readonly page: string;
  readonly aws: {
    readonly region: string;
    /** S3, SNS and SQS. */
    readonly endpoint: string;
    readonly dynamoDbEndpoint: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  readonly bucket: string;
  readonly prefix: string;
  readonly topicArn: string;
  /** Where there is one. The queue is subscribed to it too. */
  readonly quarantineTopicArn?: string;
  /** The checks of the sender that are on, on any listener, as `dmarc mark`. */
  readonly senderChecks: readonly string[];
  readonly queueUrl: string;
  readonly table: string;
  /** Only with `--persist`: an absolute path. */
  readonly persistFolder?: string;
  readonly username: string;
  readonly password: string;
  /** Only with `--handler`. */
  readonly handler?: {
    /** An absolute path. */
    readonly file: string;
    readonly queueUrl: string;
    readonly deadLetterQueueUrl: string;
  };
}
