export type {
  CheckResult,
  DkimFinding,
  JudgedContent,
  Judgement,
  ListFinding,
  MailJudge,
  NotScanned,
  Rule,
  ScanFindings,
  SenderFindings,
  SenderRefusal,
  Verdict,
  Verification,
} from './judgement.ts';
export { composeJudge, type JudgeParts } from './judge.ts';
export { createResolver, type DnsClient, type ResolverOptions } from './dns/create-resolver.ts';
export type { DnsEvent } from './dns/dns-event.ts';
export type {
  DnsAnswer,
  FailureReason,
  LookupBounds,
  MailLookups,
  RecordType,
  Resolver,
} from './dns/resolver.ts';
export { createLists } from './lists/create-lists.ts';
export type {
  DnsListOptions,
  DnsLists,
  ListEvent,
  ListKind,
  ListLookups,
  ListResult,
  ListsOptions,
  ListSubjects,
} from './lists/dns-list-options.ts';
export type {
  MailScan,
  ScanEvent,
  ScanFailureReason,
  ScannedMail,
  Scanners,
  ScannersOptions,
  ScanResult,
  SpamOptions,
  VirusOptions,
} from './scan/options.ts';
export { createScanners } from './scan/scanners.ts';
export { createSenderCheck } from './sender/sender-check.ts';
export type {
  CheckedPath,
  CheckedSession,
  MailSenderCheck,
  SenderCheck,
  SenderCheckOptions,
} from './sender/sender-check.ts';
export type { SenderModes } from './sender/sender-modes.ts';
export type { SenderResult } from './sender/sender-result.ts';
