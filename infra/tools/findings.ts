/** The result of a check before a deployment: in order, a reason to stop, or not checked. */
export type Finding =
  | { readonly kind: 'fine' }
  | { readonly kind: 'missing'; readonly says: string }
  | { readonly kind: 'unknown'; readonly says: string };

export const FINE: Finding = { kind: 'fine' };
export const missing = (says: string): Finding => ({ kind: 'missing', says });
export const unknown = (says: string): Finding => ({ kind: 'unknown', says });
