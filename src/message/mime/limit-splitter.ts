// Limits on the parts of a message, for the splitter that mailparser is made of. The method that is replaced is not part of
// its published types, so the version is pinned, and the tests of this folder notice when it changes.
import { MailUnparsableError } from './errors.ts';

/** Levels of parts within parts. Postfix (`mime_nesting_limit`) and Dovecot have the same limit. */
const MAX_DEPTH = 100;
/** The defaults of the splitter, set here so that another version of it changes nothing. */
export const MAX_PARTS = 1000;
export const MAX_HEADER_OCTETS = 1024 * 1024;

/** A part of the message, as far as it is used here. */
export interface SplitterNode {
  multipart: string | false;
  readonly _boundary: Buffer | false;
  parseHeaders(): void;
}

interface SplitterInternals {
  readonly node: SplitterNode;
  readonly nodeCounter: number;
  maxChildNodes: number;
  newNode(parent?: SplitterNode | false): void;
}

/**
 * Refuses a message with too many parts or levels, and hands on the body of a multipart that names no boundary as content
 * of that part, which the splitter drops. The limit on the header section is the splitter's own.
 * @returns the error that an error of the splitter stands for
 */
export function limitSplitter(
  splitter: object,
  { maxParts, maxHeaderOctets }: { readonly maxParts: number; readonly maxHeaderOctets: number },
): (error: unknown) => unknown {
  const internals = splitter as SplitterInternals;
  let exceeded: 'too-deep' | 'too-many-parts' | undefined;

  // Each part begins here, before its header is read. Beyond a limit, the splitter fails at the next line.
  const depths = new WeakMap<SplitterNode, number>();
  const newNode = internals.newNode.bind(internals);
  const begin = (parent: SplitterNode | false): void => {
    const { node } = internals;
    const depth = parent ? (depths.get(parent) ?? 0) + 1 : 0;
    depths.set(node, depth);
    const parseHeaders = node.parseHeaders.bind(node);
    node.parseHeaders = () => {
      parseHeaders();
      if (!node._boundary) node.multipart = false;
    };
    if (depth > MAX_DEPTH) exceeded ??= 'too-deep';
    if (internals.nodeCounter > maxParts) exceeded ??= 'too-many-parts';
    if (exceeded !== undefined) internals.maxChildNodes = -1;
  };
  internals.newNode = (parent = false) => {
    newNode(parent);
    begin(parent);
  };
  // The constructor of the splitter made the first one.
  begin(false);

  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EMAXLEN')) return error;
    const [reason, message] =
      exceeded === 'too-deep'
        ? ([exceeded, `expected parts at most ${MAX_DEPTH} levels deep, got more`] as const)
        : exceeded === 'too-many-parts'
          ? ([exceeded, `expected at most ${maxParts} parts, got more`] as const)
          : ([
              'header-too-large',
              `expected a header section of at most ${maxHeaderOctets} octets, got more`,
            ] as const);
    return new MailUnparsableError(reason, message, { cause: error });
  };
}
