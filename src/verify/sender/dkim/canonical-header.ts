// What of the header section is hashed (RFC 6376 sections 3.4.1, 3.4.2 and 3.7). Only CRLF is a line end: a bare LF, which
// a listener may be set to accept, is an octet like any other and so is hashed as it was sent. Text has one character for
// each octet.
import type { RawField } from '../header/raw-fields.ts';
import type { Canonicalization } from './signature.ts';

/** The field in canonical form, with its line end. */
export function canonicalField(field: RawField, form: Canonicalization): string {
  const text = withoutLineEnd(field.text);
  return `${form === 'simple' ? text : relaxed(text, field.colon)}\r\n`;
}

/** A signature's own field in canonical form: `b=` empty, no line end. */
export function canonicalSignature(field: RawField, form: Canonicalization): string {
  const text = withoutLineEnd(field.text);
  const canonical = form === 'simple' ? text : relaxed(text, field.colon);
  const start = canonical.indexOf(':') + 1;
  const parts = canonical.slice(start).split(';');
  const emptied = parts.map((part) => {
    const equals = part.indexOf('=');
    return equals !== -1 && /^[ \t\r\n]*b[ \t\r\n]*$/.test(part.slice(0, equals))
      ? part.slice(0, equals + 1)
      : part;
  });
  return canonical.slice(0, start) + emptied.join(';');
}

/**
 * The signed fields in the order of `h=`. A name that is there several times stands for as many fields, from the bottom of
 * the header section; one too many stands for nothing (RFC 6376 section 5.4.2).
 */
export class SignedFields {
  readonly #byName = new Map<string, RawField[]>();
  readonly #canonical = {
    simple: new Map<RawField, string>(),
    relaxed: new Map<RawField, string>(),
  };

  constructor(fields: readonly RawField[]) {
    for (const field of fields) {
      const same = this.#byName.get(field.name);
      if (same === undefined) this.#byName.set(field.name, [field]);
      else same.push(field);
    }
  }

  canonical(names: readonly string[], form: Canonicalization): string {
    const used = new Map<string, number>();
    let text = '';
    for (const name of names) {
      const fields = this.#byName.get(name) ?? [];
      const count = used.get(name) ?? 0;
      used.set(name, count + 1);
      const field = fields[fields.length - 1 - count];
      if (field !== undefined) text += this.field(field, form);
    }
    return text;
  }

  /** Each field is brought into a form once, however many signatures cover it. */
  field(field: RawField, form: Canonicalization): string {
    const known = this.#canonical[form].get(field);
    if (known !== undefined) return known;
    const text = canonicalField(field, form);
    this.#canonical[form].set(field, text);
    return text;
  }
}

function withoutLineEnd(text: string): string {
  return text.endsWith('\r\n') ? text.slice(0, -2) : text;
}

function relaxed(text: string, colon: number): string {
  const name = text
    .slice(0, colon)
    .toLowerCase()
    .replace(/[ \t]+$/, '');
  const value = text
    .slice(colon + 1)
    .replace(/\r\n(?=[ \t])/g, '')
    .replace(/[ \t]+/g, ' ');
  const start = value.startsWith(' ') ? 1 : 0;
  const end = value.endsWith(' ') ? value.length - 1 : value.length;
  return `${name}:${value.slice(start, Math.max(start, end))}`;
}
