// The part of mailauth that this folder uses; its own types cover only its one big call.
declare module 'mailauth/lib/spf/spf-verify.js' {
  interface SpfOptions {
    readonly sender: string;
    readonly ip: string;
    readonly helo: string;
    readonly mta: string;
    readonly strict: true;
    readonly ctx: { readonly warnings: Set<string>; usedLocalPart: boolean };
    readonly resolver: SpfResolver;
    readonly expResolver: SpfResolver;
    readonly createSubResolver: () => SpfResolver;
  }

  type SpfResolver = (name: string, type: string) => Promise<unknown[]>;

  interface SpfMatch {
    readonly qualifier?: '+' | '-' | '~' | '?';
    readonly type?: string;
    readonly val?: string;
    readonly explanation?: string;
    /** Within an include: what ended the evaluation. */
    readonly error?: 'none' | 'permerror' | 'temperror';
    readonly text?: string;
  }

  /** `check_host()` of RFC 7208 section 4; throws errors that have `spfResult`. */
  export function spfVerify(domain: string, options: SpfOptions): Promise<SpfMatch | false>;
}
