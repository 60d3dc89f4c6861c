// The commands of a page: the lines of its shell blocks, and what stands between backquotes and begins with a program.

const PROGRAMS = 'aws|npx|npm|node|docker|mailsluice|cdk|swaks|curl|printf|jq|apt-get';

/** Each command once, on one line, without comments. */
export function commandsIn(page: string): readonly string[] {
  const found: string[] = [];
  const rest = page.replaceAll(
    /^ *```(\w*)\n([^]*?)^ *```$/gm,
    (_, language: string, code: string) => {
      if (['sh', 'bash', 'shell', 'console'].includes(language)) found.push(...linesOf(code));
      return '';
    },
  );
  const spans = [...rest.matchAll(/`([^`]+)`/g)].map(([, span = '']) => oneLine(span));
  found.push(...spans.filter((span) => new RegExp(`^(${PROGRAMS}) \\S`).test(span)));
  return [...new Set(found)];
}

/** A line that ends in a backslash, a pipe or an open quote goes on. */
function linesOf(code: string): readonly string[] {
  return code
    .replaceAll(/\\\n\s*/g, '')
    .replaceAll(/([|&])\n\s*/g, '$1 ')
    .split('\n')
    .map((line) => oneLine(line.replace(/\s+# .*$/, '').replace(/^\$ /, '')))
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
