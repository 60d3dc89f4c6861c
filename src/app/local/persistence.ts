// The embedded S3, SNS and SQS on disk. The package keeps them there only with its own listener, which is open to the network, so
// its parts are put together here as its `startFauxqs` does.
import { mkdirSync } from 'node:fs';
import type { BuildAppOptions } from 'fauxqs';
import { OperatorError } from '../operator-error.ts';

type Stores = NonNullable<BuildAppOptions['stores']>;

export interface PersistentStores {
  readonly stores: Stores;
  readonly close: () => void;
}

/** What is used of the package beside its exports. */
interface Manager {
  load(sqs: Stores['sqsStore'], sns: Stores['snsStore'], s3: Stores['s3Store']): void;
  close(): void;
}

/** Opens what an earlier run has left in the folder, which is made where there is none. */
export async function openPersistentStores(folder: string): Promise<PersistentStores> {
  mkdirSync(folder, { recursive: true });
  const Persistence = await part<new (folder: string) => Manager>(
    'persistence.js',
    'PersistenceManager',
  );
  const Sqs = await part<new () => Stores['sqsStore']>('sqs/sqsStore.js', 'SqsStore');
  const Sns = await part<new () => Stores['snsStore']>('sns/snsStore.js', 'SnsStore');
  const S3 = await part<new () => Stores['s3Store']>('s3/s3Store.js', 'S3Store');
  const persistence = new Persistence(folder);
  const [sqsStore, snsStore, s3Store] = [new Sqs(), new Sns(), new S3()];
  // Loaded first: a store that writes what it loads would delete what belongs to it.
  persistence.load(sqsStore, snsStore, s3Store);
  for (const store of [sqsStore, snsStore, s3Store, ...sqsStore.allQueues()]) {
    Object.assign(store, { persistence });
  }
  return { stores: { sqsStore, snsStore, s3Store }, close: () => persistence.close() };
}

/** @throws OperatorError where the version of the package has it elsewhere */
async function part<T>(file: string, name: string): Promise<T> {
  const place = new URL(file, import.meta.resolve('fauxqs'));
  const loaded = Object((await import(place.href).catch(() => undefined)) as unknown);
  const found = (loaded as Record<string, unknown>)[name];
  if (typeof found === 'function') return found as T;
  throw new OperatorError(
    `--persist: expected fauxqs 2.4.1, found a version without ${name} in ${file}`,
  );
}
