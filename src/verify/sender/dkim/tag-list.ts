// Tag lists (RFC 6376 section 3.2): of signatures, seals and key records. Read strictly: names are case-sensitive, a name
// that is there twice makes the list invalid.

/** The tags with their values, without the white space around them; or what is wrong. */
export type TagList = ReadonlyMap<string, string> | { readonly problem: string };

const TAG_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

export function readTagList(text: string): TagList {
  const tags = new Map<string, string>();
  const parts = text.split(';');
  for (const [index, part] of parts.entries()) {
    const equals = part.indexOf('=');
    if (equals === -1) {
      // One semicolon may end the list.
      if (isBlank(part) && index === parts.length - 1 && index > 0) continue;
      return { problem: isBlank(part) ? 'an empty tag' : 'a tag without "="' };
    }
    const name = trimFolding(part.slice(0, equals));
    if (!TAG_NAME.test(name)) return { problem: 'an invalid tag name' };
    if (tags.has(name)) return { problem: `two tags ${name}=` };
    tags.set(name, trimFolding(part.slice(equals + 1)));
  }
  return tags;
}

export function isProblem(tags: TagList): tags is { readonly problem: string } {
  return 'problem' in tags;
}

/** Without white space and line ends, which may stand anywhere in base64 values. */
export function withoutFolding(value: string): string {
  return /[ \t\r\n]/.test(value) ? value.replace(/[ \t\r\n]+/g, '') : value;
}

/** The items of a list with colons, without the white space around them. */
export function readColonList(value: string): string[] {
  return value.split(':').map(trimFolding);
}

function isBlank(text: string): boolean {
  return trimFolding(text) === '';
}

export function trimFolding(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isFolding(text.charCodeAt(start))) start += 1;
  while (end > start && isFolding(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isFolding(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}
