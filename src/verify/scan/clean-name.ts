/** Text of a scanner as logs and notifications may show it: printable ASCII, cut, with `?` for everything else. */
export function cleanName(text: string, characters: number): string {
  return text.slice(0, characters).replaceAll(/[^\x20-\x7e]/g, '?');
}
