// The fields of a header section with their octets, cut where `parseFields` cuts them. A line that is no field, which is
// shown to nobody, belongs here to the field before it: it can make a signature fail, never pass.

export interface RawField {
  /** In lower case. */
  readonly name: string;
  /** The whole field with its line end, one character for each octet. */
  readonly text: string;
  /** Where in `text` the colon is. */
  readonly colon: number;
}

/** The fields of `section`, one character for each octet, from the top; at most `most` and one more. */
export function readRawFields(section: string, most: number): RawField[] {
  const fields: RawField[] = [];
  let name = '';
  let start = -1;
  let colonOfField = 0;
  let at = 0;
  let colon = -1;
  const push = (end: number): void => {
    if (start === -1) return;
    fields.push({ name, text: section.slice(start, end), colon: colonOfField - start });
  };
  while (at < section.length && fields.length <= most) {
    let end = section.indexOf('\n', at);
    while (end !== -1 && isBlank(section.charCodeAt(end + 1))) end = section.indexOf('\n', end + 1);
    if (end === -1) end = section.length;
    if (colon < at) colon = section.indexOf(':', at);
    // No field begins behind the last colon.
    if (colon === -1) break;
    const nameHere = colon < end ? fieldName(section, at, colon) : undefined;
    if (nameHere !== undefined) {
      push(at);
      [name, start, colonOfField] = [nameHere, at, colon];
    }
    at = end + 1;
  }
  push(section.length);
  return fields;
}

function fieldName(section: string, at: number, colon: number): string | undefined {
  let end = colon;
  while (end > at && isBlank(section.charCodeAt(end - 1))) end -= 1;
  const name = section.slice(at, end);
  return /^[!-9;-~]+$/.test(name) ? name.toLowerCase() : undefined;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
