// The mail already stored: list, look at, fetch, announce again, index.
export { commandDestination } from './destinations/command.ts';
export { type Destination, MailRefusedError } from './destinations/destination.ts';
export { functionDestination } from './destinations/function.ts';
export { queueDestination } from './destinations/queue.ts';
export { topicDestination } from './destinations/topic.ts';
export { type DescribedMail, describeMail, type MimePart } from './describe-mail.ts';
export { findMail, findMails, MailNotFoundError } from './find-mail.ts';
export { type IndexedHour, indexHours, type IndexOptions } from './hourly-index.ts';
export type { IndexLine } from './index-line.ts';
export { floorHour, parseMailKey } from './received-time.ts';
export { type ListedMail, listDays, listMail, type Place } from './list-mail.ts';
export { type MailScope, selectScope } from './mail-scope.ts';
export {
  newReplayMark,
  replay,
  type ReplayMark,
  type ReplayOptions,
  type ReplayOutcome,
} from './replay.ts';
export {
  type ReplayResult,
  type ReplayRunOptions,
  runReplay,
} from './replay-run.ts';
export { ReplayState, ReplayStateError } from './replay-state.ts';
export { openMaildir } from './maildir.ts';
export { openMbox } from './mbox.ts';
export {
  type MailFolder,
  type SavedMail,
  type SaveOptions,
  saveMail,
  writeMail,
} from './save-mail.ts';
export { isMessageId } from '../bridge/index.ts';
export { needsRecords, networkOf, timeOf } from './match-mail.ts';
export { type SelectedMail, type SelectOptions, selectMail } from './select-mail.ts';
export { type Selection, VERDICT_NAMES, type VerdictName } from './selection.ts';
export { saveMails, type SaveMailsOptions, type SaveOutcome } from './save-mails.ts';
export { RESTORE_TIERS, type RestoreOptions, type RestoreTier } from './restore-options.ts';
export { type MailFault, reading, UnreadableMailError } from './unreadable-mail.ts';
export { openMail, type OpenedMail } from './open-mail.ts';
export { mapInOrder } from './in-order.ts';
