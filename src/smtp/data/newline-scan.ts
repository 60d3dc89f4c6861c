// Looks at a chunk of data sixteen octets at a time, which tells most chunks from those few that need to be
// looked at line by line: a search for each line costs more than all the rest of taking a message. The program
// is WebAssembly, since JavaScript has no way to compare sixteen octets at once; assembled from this:
//
//   (module
//     (memory (export "memory") 2)
//     ;; The octet before the chunk is at 15, the chunk from 16 on, its last octet at $end.
//     (func (export "scan") (param $end i32) (result i32)
//       (local $at i32) (local $bare v128) (local $dots v128) (local $here v128) (local $before v128)
//       ;; Behind the chunk: the LF that a last CR waits for, and zeros.
//       (v128.store offset=1 align=1 (local.get $end) (v128.const i64x2 0 0))
//       (i32.store8 offset=1 (local.get $end)
//         (i32.mul (i32.eq (i32.load8_u (local.get $end)) (i32.const 13)) (i32.const 10)))
//       (local.set $at (i32.const 15))
//       (loop $next
//         (local.set $here (v128.load offset=1 align=1 (local.get $at)))
//         (local.set $before (v128.load align=1 (local.get $at)))
//         ;; An LF is where a CR was before it, and nowhere else.
//         (local.set $bare (v128.or (local.get $bare) (v128.xor
//           (i8x16.eq (local.get $here) (i8x16.splat (i32.const 10)))
//           (i8x16.eq (local.get $before) (i8x16.splat (i32.const 13))))))
//         (local.set $dots (v128.or (local.get $dots) (v128.and
//           (i8x16.eq (local.get $here) (i8x16.splat (i32.const 46)))
//           (i8x16.eq (local.get $before) (i8x16.splat (i32.const 10))))))
//         (br_if $next (i32.lt_u
//           (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
//       (i32.or (v128.any_true (local.get $bare))
//         (i32.shl (v128.any_true (local.get $dots)) (i32.const 1)))))
//
// (A splat of a constant stands for the v128.const of its sixteen octets.)

/** In the result of a scan: there may be an LF without CR or a CR without LF. */
export const BARE_NEWLINE = 1;
/** In the result of a scan: there may be a dot after an LF. */
export const LEADING_DOT = 2;

/**
 * What there may be in `chunk` from `start` to `end`, one octet at least, where `before` is the octet before
 * it: none of a bit's kind if the bit is not set. A CR that is the last octet is not bare yet.
 */
export type NewlineScan = (chunk: Buffer, start: number, end: number, before: number) => number;

const PROGRAM = Buffer.from(
  'AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAgcRAgZtZW1vcnkCAARzY2FuAAAKyAEBxQECAX8EeyAA/QwAAAAAAAAAAAAAAAAA' +
    'AAAA/QsAASAAIAAtAABBDUZBCmw6AAFBDyEBA0AgAf0AAAEhBCAB/QAAACEFIAIgBP0MCgoKCgoKCgoKCgoKCgoKCv0jIAX9' +
    'DA0NDQ0NDQ0NDQ0NDQ0NDQ39I/1R/VAhAiADIAT9DC4uLi4uLi4uLi4uLi4uLi79IyAF/QwKCgoKCgoKCgoKCgoKCgoK/SP9' +
    'Tv1QIQMgAUEQaiIBIABJDQALIAL9UyAD/VNBAXRyCw==',
  'base64',
);

/** Where the chunk begins in the program's memory, one octet before it. */
const BEFORE = 15;
/** Of a chunk, what is looked at in one go: the program has two pages of 64 KiB. */
const PIECE_OCTETS = 65_536;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly scan: (end: number) => number;
}

/** What of WebAssembly is used here; the types of Node.js have none of it. */
interface Engine {
  readonly WebAssembly: {
    readonly Module: new (program: Buffer) => object;
    readonly Instance: new (module: object) => { readonly exports: Exports };
  };
}

/** The scan by `program`; where it cannot run, one that sends every chunk to be looked at line by line. */
export function makeScan(program: Buffer): NewlineScan {
  let exports: Exports;
  try {
    const { Instance, Module } = (globalThis as unknown as Engine).WebAssembly;
    ({ exports } = new Instance(new Module(program)));
  } catch {
    // A processor without the instructions, or Node.js without its compiler.
    return () => BARE_NEWLINE | LEADING_DOT;
  }
  const memory = new Uint8Array(exports.memory.buffer);
  return (chunk, start, end, before) => {
    let found = 0;
    memory[BEFORE] = before;
    for (let at = start; at < end; at += PIECE_OCTETS) {
      if (at > start) memory[BEFORE] = chunk.readUInt8(at - 1);
      const pieceEnd = Math.min(end, at + PIECE_OCTETS);
      const isAll = at === 0 && pieceEnd === chunk.length;
      memory.set(isAll ? chunk : chunk.subarray(at, pieceEnd), BEFORE + 1);
      found |= exports.scan(BEFORE + pieceEnd - at);
    }
    return found;
  };
}

export const scanNewlines = makeScan(PROGRAM);
