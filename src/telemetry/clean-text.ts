/**
 * Text from outside as the log may show it: whole characters, cut, and `?` for each control, line or paragraph separator and
 * for each invisible character that could reorder or hide the text around it (bidirectional marks).
 */
export function cleanText(text: string, characters: number): string {
  const cut = text.length > characters ? `${text.slice(0, characters - 1)}…` : text;
  return cut.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
