// The PHC string format, `$scheme$v=1$a=1,b=2$salt$hash`: how a verifier says what it is.

export interface PhcString {
  readonly scheme: string;
  readonly version: number | undefined;
  readonly parameters: ReadonlyMap<string, number>;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const PHC =
  /^\$([a-z0-9-]{1,32})(?:\$v=(\d{1,4}))?(?:\$([a-z]{1,8}=\d{1,9}(?:,[a-z]{1,8}=\d{1,9}){0,7}))?\$([A-Za-z0-9+/]{1,200})\$([A-Za-z0-9+/]{1,200})$/;

/** `undefined`: not such a string. */
export function parsePhc(text: string): PhcString | undefined {
  const match = PHC.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', version, parameters = '', salt = '', hash = ''] = match;
  return {
    scheme,
    version: version === undefined ? undefined : Number(version),
    parameters: new Map(
      parameters
        .split(',')
        .filter((pair) => pair !== '')
        .map((pair) => {
          const [name = '', value = ''] = pair.split('=');
          return [name, Number(value)];
        }),
    ),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

/** Base64 without padding, as the format wants it. */
export function phcBase64(octets: Buffer): string {
  return octets.toString('base64').replace(/=+$/, '');
}
