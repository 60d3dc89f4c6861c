// Certificates, and where each comes from.
import { z } from 'zod';
import { listOf, nonEmptyListOf, oneOf, section, text } from '../fields.ts';
import { duration } from '../units.ts';

const serverNames = nonEmptyListOf(
  text(
    'a host name or "*.example.com"',
    'A name that clients ask for by SNI.',
    /^(\*\.)?[A-Za-z0-9.-]+$/,
  ),
  'a list of host names',
  'Names (SNI) that this certificate serves; without it, the names in the certificate.',
).optional();

const file = (what: string) => text(`the path of ${what} in PEM`, `The path of ${what} in PEM.`);

const pem = (what: string) =>
  text(
    `${what} in PEM, starting with "-----BEGIN"`,
    `The text of ${what} in PEM.`,
    /-----BEGIN [A-Z ]+-----/,
  );

const certificate = z
  .union(
    [
      z.strictObject({
        certFile: file('the certificate chain'),
        keyFile: file('the private key'),
        serverNames,
      }),
      z.strictObject({
        cert: pem('the certificate chain'),
        key: pem('the private key'),
        serverNames,
      }),
      z.strictObject({
        secretArn: text(
          'the ARN of a secret',
          'The ARN of a Secrets Manager secret whose JSON has "cert" and "key" in PEM.',
          /^arn:[^:]+:secretsmanager:/,
        ),
        serverNames,
      }),
      z.strictObject({
        acmArn: text(
          'the ARN of a certificate',
          'The ARN of an exportable ACM certificate.',
          /^arn:[^:]+:acm:/,
        ),
        serverNames,
      }),
    ],
    {
      error:
        'a certificate: {certFile, keyFile}, {cert, key} (PEM), {secretArn} or {acmArn}, each with optional serverNames',
    },
  )
  .meta({ description: 'One certificate chain with its private key.' });

export const TLS_PROFILES = ['modern', 'intermediate', 'old'] as const;

export const tls = section(
  {
    certificates: listOf(
      certificate,
      'a list of certificates',
      'The certificates, at least one where a listener has TLS; the first one serves clients that name no server.',
    ).default([]),
    profile: oneOf(
      TLS_PROFILES,
      'TLS 1.3 only; TLS 1.2 and 1.3 with forward secrecy; or also TLS 1.0 and 1.1 with CBC, for old devices in a private network.',
    ).default('intermediate'),
    reloadInterval: duration(
      '10s',
      '1d',
      'How often the server looks for newer certificates.',
    ).prefault('5m'),
  },
  'Certificates and strength of TLS.',
);
