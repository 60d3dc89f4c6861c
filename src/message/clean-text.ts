// Text for a notification: no control character, line end or lone surrogate, whatever the mail holds.

/** C0, DEL, C1, and the line and paragraph separators of Unicode. */
// oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
const CONTROLS = /[\0-\x1f\x7f-\x9f\u2028\u2029]/;
/** Tabs and line ends. */
const BLANKS = /[\t-\r\x85\u2028\u2029]+/g;
// oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
const OTHER_CONTROLS = /[\0-\x08\x0e-\x1f\x7f-\x9f]+/g;

/**
 * `text`, which has no lone surrogate, where a run of tabs and line ends is one space. A run of other control characters is one U+FFFD, so that an
 * address with a NUL does not look like the address without it.
 */
export function cleanText(text: string): string {
  if (!CONTROLS.test(text)) return text;
  return text.replace(BLANKS, ' ').replace(OTHER_CONTROLS, '\ufffd');
}

/** `text` without the spaces at its ends. `trim` would also take those of other scripts. */
export function trimSpaces(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && text.charCodeAt(from) === 0x20) from += 1;
  while (from < to && text.charCodeAt(to - 1) === 0x20) to -= 1;
  return text.slice(from, to);
}

/** The first `length` code units of `text`, or one less where that would cut a character in two. */
export function cutText(text: string, length: number): string {
  const cut = text.slice(0, length);
  return cut.length < text.length && /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}
