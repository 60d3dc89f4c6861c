// SASLprep (RFC 4013), the profile of stringprep (RFC 3454) that SASL mechanisms apply to user names and
// passwords. Unicode properties come from the runtime, so unassigned means unassigned in its Unicode version,
// not in Unicode 3.2.

/** RFC 3454 table C.1.2: mapped to SPACE (RFC 4013 section 2.1). */
const NON_ASCII_SPACE = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;

/** RFC 3454 table B.1: mapped to nothing (RFC 4013 section 2.1). Code points that join, so listed by range. */
const MAPPED_TO_NOTHING =
  /\u00AD|\u034F|\u1806|\u180B|\u180C|\u180D|\u200C|\u200D|\u2060|\uFEFF|[\uFE00-\uFE0F]/gu;

/** RFC 4013 section 2.3: controls, private use, non-characters, surrogates, tags and the like. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\p{Noncharacter_Code_Point}\u0340\u0341\u06DD\u070F\u180E\u200E\u200F\u2028-\u202E\u2060-\u2063\u206A-\u206F\u2FF0-\u2FFB\uFFF9-\uFFFD\u{1D173}-\u{1D17A}\u{E0001}\u{E0020}-\u{E007F}]/u;

/** Letters written from right to left: what RFC 3454 section 6 calls RandALCat, by script. */
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Samaritan}\p{Script=Mandaic}\p{Script=Adlam}]/u;
const RTL_AT_BOTH_ENDS = new RegExp(
  `^${RIGHT_TO_LEFT.source}(?:.*${RIGHT_TO_LEFT.source})?$`,
  'su',
);
const LETTER = /\p{L}/u;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** The prepared string, or `undefined` where SASLprep refuses it. */
export function saslprep(text: string): string | undefined {
  if (PRINTABLE_ASCII.test(text)) return text;
  const prepared = text
    .replace(NON_ASCII_SPACE, ' ')
    .replace(MAPPED_TO_NOTHING, '')
    .normalize('NFKC');
  if (PROHIBITED.test(prepared)) return undefined;
  // RFC 3454 section 6: right-to-left text stands at both ends and has no left-to-right letter in it.
  if (RIGHT_TO_LEFT.test(prepared)) {
    if (!RTL_AT_BOTH_ENDS.test(prepared)) return undefined;
    for (const character of prepared) {
      if (LETTER.test(character) && !RIGHT_TO_LEFT.test(character)) return undefined;
    }
  }
  return prepared;
}
