// The structure of a message: its parts, and the parts in them.
import { pipeline, type Readable } from 'node:stream';
import { type MimeNode, type SplitterChunk, Splitter } from '@zone-eu/mailsplit';
import {
  limitSplitter,
  MAX_HEADER_OCTETS,
  MAX_PARTS,
} from '../../../message/mime/limit-splitter.ts';
import { cleanString } from '../../../message/mime/clean.ts';
import type { MimePart } from './shapes.ts';

/** What is known of a part beside its place. */
export type PartFacts = Omit<MimePart, 'children' | 'number'>;

interface Branch {
  readonly number: string;
  readonly contentType: string;
  readonly children: Branch[];
}

/**
 * Reads the stream to its end. `facts` has the parts that hold content, by their number.
 * @throws MailUnparsableError where a limit is exceeded
 */
export async function readMimeTree(
  source: Readable,
  facts: ReadonlyMap<string, PartFacts>,
): Promise<MimePart | null> {
  const limits = { maxParts: MAX_PARTS, maxHeaderOctets: MAX_HEADER_OCTETS };
  const splitter = new Splitter({
    maxChildNodes: limits.maxParts,
    maxHeadSize: limits.maxHeaderOctets,
    ignoreEmbedded: true,
  });
  const explain = limitSplitter(splitter, limits);
  pipeline(source, splitter, () => undefined);
  const branches = new Map<MimeNode, Branch>();
  let root: Branch | null = null;
  try {
    for await (const chunk of splitter as AsyncIterable<SplitterChunk>) {
      if (chunk.type !== 'node') continue;
      const node = chunk as MimeNode;
      const branch = branchOf(node);
      branches.set(node, branch);
      const parent = node.parentNode ? branches.get(node.parentNode) : undefined;
      if (parent !== undefined) parent.children.push(branch);
      else root ??= branch;
    }
  } catch (error) {
    throw explain(error);
  } finally {
    splitter.destroy();
    source.destroy();
  }
  return root === null ? null : partOf(root, facts);
}

function branchOf(node: MimeNode): Branch {
  const numbers = (node.partNr || []).filter((each) => typeof each === 'number').join('.');
  return {
    number: numbers === '' && !node.multipart ? '1' : numbers,
    contentType: cleanString(node.contentType || 'text/plain'),
    children: [],
  };
}

function partOf(branch: Branch, facts: ReadonlyMap<string, PartFacts>): MimePart {
  const { number, contentType, children } = branch;
  return {
    number,
    contentType,
    ...(children.length === 0 && facts.get(number)),
    children: children.map((child) => partOf(child, facts)),
  };
}
