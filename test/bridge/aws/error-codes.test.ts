import { describe, expect, test } from 'vitest';
import {
  type AccessFault,
  accessFault,
  isMisconfiguration,
  isMissingObject,
  isRegionMissing,
} from '../../../src/bridge/aws/error-codes.ts';
import { classifyAwsError } from '../../../src/bridge/aws/failures.ts';
import type { AwsService, FailureCause } from '../../../src/bridge/events.ts';

function awsError(name: string, message = '', httpStatusCode?: number): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}

describe('what is wrong with the access of a call', () => {
  test.each<[string, string, AccessFault | undefined]>([
    ['ExpiredToken', '', 'expired'],
    ['ExpiredTokenException', '', 'expired'],
    ['InvalidAccessKeyId', '', 'rejected'],
    ['SignatureDoesNotMatch', '', 'rejected'],
    ['UnrecognizedClientException', '', 'rejected'],
    ['IncompleteSignatureException', '', 'rejected'],
    ['CredentialsProviderError', 'Could not load credentials from any providers', 'missing'],
    ['Error', 'Could not load credentials from any providers', 'missing'],
    ['CredentialsProviderError', 'The SSO session has expired', 'expired'],
    ['TokenProviderError', 'Token is expired', 'expired'],
    ['AccessDenied', '', 'denied'],
    ['AccessDeniedException', '', 'denied'],
    ['AuthorizationError', '', 'denied'],
    ['403', '', 'denied'],
    ['NoSuchBucket', '', undefined],
    ['RequestTimeTooSkewed', '', undefined],
    ['SlowDown', '', undefined],
  ])('%s %s is %s', (name, message, expected) => {
    expect(accessFault(awsError(name, message))).toBe(expected);
    if (expected !== undefined) expect(isMisconfiguration(awsError(name, message))).toBe(true);
  });

  test('what is thrown and is no error has no fault', () => {
    for (const thrown of [undefined, null, 'text', 42]) {
      expect(accessFault(thrown)).toBeUndefined();
      expect(isMissingObject(thrown)).toBe(false);
    }
  });
});

test.each([
  ['NoSuchKey', true],
  ['NotFound', true],
  ['NoSuchBucket', false],
  ['AccessDenied', false],
])('isMissingObject of %s is %s', (name, expected) => {
  expect(isMissingObject(awsError(name))).toBe(expected);
});

test('a missing region is recognized by its message, and is a misconfiguration', () => {
  const error = new Error('Region is missing');
  expect(isRegionMissing(error)).toBe(true);
  expect(classifyAwsError('s3', error)).toMatchObject({
    code: 'RegionMissing',
    cause: 'configuration',
  });
});

test.each<[string, number | undefined, FailureCause]>([
  ['SlowDown', 503, 'unavailable'],
  ['InternalError', 500, 'unavailable'],
  ['TooManyRequests', 429, 'unavailable'],
  ['RequestTimeout', 400, 'unavailable'],
  ['ThrottlingException', 400, 'unavailable'],
  ['ConditionalRequestConflict', 409, 'unavailable'],
  ['TimeoutError', undefined, 'unavailable'],
  ['SyntaxError', 200, 'unavailable'],
  ['BadDigest', 400, 'corrupted'],
  ['PermanentRedirect', 301, 'configuration'],
  ['RequestTimeTooSkewed', 403, 'configuration'],
  ['SomethingNew', 403, 'configuration'],
  ['KMS.DisabledException', 400, 'configuration'],
  ['PreconditionFailed', 412, 'refused'],
  ['InvalidParameter', 400, 'refused'],
])('%s with status %s is %s', (name, status, cause) => {
  expect(classifyAwsError('s3', awsError(name, '', status))).toMatchObject({ code: name, cause });
});

test.each<[string, number, FailureCause]>([
  ['InvalidParameter', 400, 'refused'],
  ['InvalidParameterException', 400, 'refused'],
  ['InvalidParameterValueException', 400, 'refused'],
  ['ParameterValueInvalid', 400, 'refused'],
  ['ValidationException', 400, 'refused'],
  ['BatchRequestTooLongException', 400, 'refused'],
  ['KMSThrottling', 400, 'unavailable'],
  ['KMSThrottlingException', 400, 'unavailable'],
  ['KMSDisabledException', 400, 'configuration'],
  ['AuthorizationErrorException', 403, 'configuration'],
  ['SomethingNew', 400, 'unavailable'],
  ['SomethingNew', 403, 'configuration'],
])('SNS: %s with status %i is %s', (name, status, cause) => {
  expect(classifyAwsError('sns', awsError(name, '', status))).toMatchObject({ cause });
});

test.each(
  ['s3', 'sns', 'dynamodb'].flatMap((service) =>
    [302, 400, 401, 403, 404, 407, 408, 412, 413, 431].map(
      (status) => [service as AwsService, status] as const,
    ),
  ),
)('%s: status %i without a code of AWS is nobody’s refusal', (service, status) => {
  for (const name of ['Unknown', 'UnknownError', 'Error', 'SyntaxError']) {
    expect(classifyAwsError(service, awsError(name, '', status))).toMatchObject({
      cause: 'unavailable',
    });
  }
});
