// How a value that the embedder gave appears in the message of an error: enough to find it, nothing that is secret.

const SHOWN_CHARACTERS = 80;
const NAMED_MEMBERS = 6;

/** The value itself, as JSON where it has one. For options that hold no secret. */
export function showValue(value: unknown): string {
  const isPlain = typeof value === 'string' || isPlainObject(value) || Array.isArray(value);
  return isPlain ? short(toJson(value) ?? describe(value)) : describe(value);
}

/** What kind of value it is: for what may hold a secret or a part of a message. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'boolean':
    case 'number':
      return String(value);
    case 'bigint':
      return `the bigint ${short(String(value))}`;
    case 'string':
      return value === '' ? 'an empty string' : 'a string';
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : describeObject(value);
  }
}

function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`;
    if (Buffer.isBuffer(value)) return 'a Buffer';
    if (!isPlainObject(value)) return `an object of another kind (${nameOf(value)})`;
    const members = Object.keys(value);
    if (members.length === 0) return 'an empty object';
    const named = members
      .slice(0, NAMED_MEMBERS)
      .map((each) => printable(each))
      .join(', ');
    return `an object with ${named}${members.length > NAMED_MEMBERS ? ', …' : ''}`;
  } catch {
    return 'an object that cannot be read';
  }
}

function nameOf(value: object): string {
  const { constructor } = value;
  return typeof constructor === 'function' ? printable(constructor.name) : 'unknown';
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Not compared with `Object.prototype`: another realm has another one.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Without controls, bidirectional marks and line ends: what a client said may be in it. */
export function printable(text: string, characters = SHOWN_CHARACTERS): string {
  return short(text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?'), characters);
}

function short(text: string, characters = SHOWN_CHARACTERS): string {
  return text.length > characters ? `${text.slice(0, characters)}…` : text;
}
