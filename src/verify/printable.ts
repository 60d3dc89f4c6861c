/** Text of DNS or a scanner as logs, replies and notifications may show it: printable ASCII, cut, with `?` for everything else. */
export function printable(text: string, characters: number): string {
  return text.slice(0, characters).replaceAll(/[^\x20-\x7e]/g, '?');
}
