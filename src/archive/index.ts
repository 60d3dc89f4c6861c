// The mail already stored: list, look at, fetch, announce again, index.
export { commandDestination } from './destinations/command.ts';
export { type Destination, MailRefusedError } from './destinations/destination.ts';
export { functionDestination } from './destinations/function.ts';
export { queueDestination } from './destinations/queue.ts';
export { topicDestination } from './destinations/topic.ts';
export { type DescribedMail, describeMail, type MimePart } from './describe-mail.ts';
export { findMail, MailNotFoundError } from './find-mail.ts';
export { type IndexedHour, indexHours, type IndexLine } from './hourly-index.ts';
export { type ListedMail, listMail, type Place } from './list-mail.ts';
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
  type ReplayScope,
  runReplay,
  selectForReplay,
} from './replay-run.ts';
export { ReplayState, ReplayStateError } from './replay-state.ts';
export {
  type MailFolder,
  openMaildir,
  openMbox,
  type SaveOptions,
  saveMail,
  writeMail,
} from './save-mail.ts';
export {
  needsRecords,
  type SelectedMail,
  type Selection,
  type SelectOptions,
  selectMail,
  VERDICT_NAMES,
  type VerdictName,
} from './selection.ts';
