// The HTML of a mail as the frame may show it. The frame's policy stops scripts and requests by itself; what is taken out here
// is what it does not stop (connections ahead of time, links that stay in the frame) and what is of no use without scripts.

/** Elements that load, run or move something. */
const REMOVED =
  'script, meta, base, iframe, frame, frameset, object, embed, applet, portal, template, animate, set, animateMotion, animateTransform';
const LINKS = ['http:', 'https:', 'mailto:', 'tel:'];
const REMOVED_ATTRIBUTES =
  /^(?:on|formaction$|action$|ping$|srcdoc$|target$|autofocus$|nonce$|http-equiv$)/i;

export interface CleanOptions {
  readonly withRemote: boolean;
  /** The address of the part with that Content-ID. */
  readonly partOf: (contentId: string) => string | undefined;
}

/** Changes the document, which is not shown yet. */
export function cleanHtml(document: Document, { withRemote, partOf }: CleanOptions): void {
  for (const element of document.querySelectorAll(REMOVED)) element.remove();
  // No script runs, so what stands in its place is shown; the browser itself does not show it where scripts are only forbidden.
  for (const element of document.querySelectorAll('noscript')) {
    element.replaceWith(...element.childNodes);
  }
  for (const link of document.querySelectorAll('link')) {
    // Even a link to nowhere can open a connection: dns-prefetch, preconnect.
    if (!withRemote || link.getAttribute('rel')?.trim().toLowerCase() !== 'stylesheet')
      link.remove();
  }
  for (const element of document.querySelectorAll('*')) {
    for (const { name } of [...element.attributes]) {
      if (REMOVED_ATTRIBUTES.test(name)) element.removeAttribute(name);
    }
    if (element.localName !== 'link') cleanLink(element);
  }
  for (const image of document.querySelectorAll('img[src^="cid:" i]')) {
    const found = partOf(decode(image.getAttribute('src')?.slice(4) ?? ''));
    if (found === undefined) image.removeAttribute('src');
    else image.setAttribute('src', found);
  }
}

function cleanLink(element: Element): void {
  const names = ['href', 'xlink:href'].filter((name) => element.hasAttribute(name));
  for (const name of names) {
    const address = (element.getAttribute(name) ?? '').trim();
    if (address.startsWith('#')) continue;
    const isLink = URL.canParse(address) && LINKS.includes(new URL(address).protocol);
    const isAnchor = element.localName === 'a' || element.localName === 'area';
    if (!isLink || !isAnchor || name !== 'href') {
      element.removeAttribute(name);
      continue;
    }
    element.setAttribute('target', '_blank');
    element.setAttribute('rel', 'noopener noreferrer');
    element.setAttribute('title', address);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
