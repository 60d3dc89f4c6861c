// A custom resource: puts a self-signed certificate into a secret that has none, so that the first deployment
// needs nothing but a host name. A certificate of anybody else in there is never touched.
import { X509Certificate } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { CloudFormationCustomResourceEvent } from 'aws-lambda';
import { makeSelfSigned } from './certificate.ts';

/** Nobody renews it: it is to be replaced by a real one. */
const VALID_DAYS = 5 * 365;

export async function handler(event: CloudFormationCustomResourceEvent): Promise<void> {
  const physicalResourceId =
    'PhysicalResourceId' in event ? event.PhysicalResourceId : event.LogicalResourceId;
  let failure: string | undefined;
  try {
    if (event.RequestType !== 'Delete') await fillSecret(event.ResourceProperties);
  } catch (error) {
    failure = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  // The protocol of custom resources: the answer goes to a presigned address.
  const response = await fetch(event.ResponseURL, {
    method: 'PUT',
    headers: { 'content-type': '' },
    body: JSON.stringify({
      Status: failure === undefined ? 'SUCCESS' : 'FAILED',
      Reason: failure ?? 'done',
      PhysicalResourceId: physicalResourceId,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
    }),
  });
  if (!response.ok) throw new Error(`CloudFormation answered ${response.status}`);
}

async function fillSecret({ SecretArn, Hostname }: Record<string, unknown>): Promise<void> {
  if (typeof SecretArn !== 'string' || typeof Hostname !== 'string') {
    throw new Error('expected SecretArn and Hostname');
  }
  const client = new SecretsManagerClient({});
  const current = await client.send(new GetSecretValueCommand({ SecretId: SecretArn }));
  if (!isReplaceable(current.SecretString ?? '', Hostname)) return;
  await client.send(
    new PutSecretValueCommand({
      SecretId: SecretArn,
      SecretString: JSON.stringify(makeSelfSigned(Hostname, new Date(), VALID_DAYS)),
    }),
  );
}

/** The placeholder that the stack made, or a self-signed certificate for another name. */
export function isReplaceable(secret: string, hostname: string): boolean {
  try {
    const { cert, placeholder } = JSON.parse(secret) as { cert?: unknown; placeholder?: unknown };
    if (typeof cert !== 'string') return placeholder === true;
    const certificate = new X509Certificate(cert);
    return (
      certificate.issuer === certificate.subject && certificate.checkHost(hostname) === undefined
    );
  } catch {
    // Whatever it is, somebody put it there.
    return false;
  }
}
