export type {
  CheckResult,
  DkimFinding,
  JudgedContent,
  Judgement,
  ListFinding,
  MailJudge,
  Rule,
  ScanFindings,
  SenderFindings,
  SenderRefusal,
  Verdict,
  Verification,
} from './judgement.ts';
export type { DnsAnswer, MailLookups, RecordType, Resolver } from './dns/resolver.ts';
