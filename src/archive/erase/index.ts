// Erases one person's mail: objects, versions, records, notifications in the outbox, rows of the index.
export { type EraseOptions, eraseMail } from './erase.ts';
export {
  type EraseCounts,
  type EraseHead,
  EraseReport,
  EraseReportError,
  type EraseSubject,
} from './erase-report.ts';
export type { EraseItem, EraseOutcome, EraseScope } from './scope.ts';
