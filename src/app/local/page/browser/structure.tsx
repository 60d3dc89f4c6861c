import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { MailDetail, MimePart } from '../shapes.ts';
import { askText, mailPath } from './api.ts';
import { Said, size, visible } from './format.tsx';
import { useLoaded } from './live.ts';

const IMAGES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
/** Deeper, the parts are not shown one in the other. */
const MAX_DEPTH = 30;
const TEXT_CHARACTERS = 100_000;
/** A part larger than this is saved, not looked at. */
const LOOK_OCTETS = 5_000_000;

/** The parts of the message, and the attachments to look at or save. */
export function StructureView({ mail }: { mail: MailDetail }): JSX.Element {
  const [looking, setLooking] = useState<MimePart>();
  return (
    <div class="structure">
      {mail.problem !== undefined && <p class="problem">Not read to its end: {mail.problem}</p>}
      <h3>Attachments</h3>
      {mail.attachments.length === 0 ? (
        <p class="empty-view">This mail has no attachments.</p>
      ) : (
        <ul class="attachments">
          {mail.attachments.map((part) => (
            <li key={part.number}>
              <span class="name">
                <Said text={part.filename ?? ''} fallback="without a name" />
              </span>
              <span class="facts">
                {visible(part.contentType)}, {size(part.sizeInOctets ?? 0)}
              </span>
              <span class="actions">
                {(part.sizeInOctets ?? 0) <= LOOK_OCTETS && (
                  <button
                    type="button"
                    aria-label={`Look at part ${part.number}`}
                    onClick={() => setLooking(part)}
                  >
                    Look
                  </button>
                )}
                <a
                  class="button"
                  aria-label={`Save part ${part.number}`}
                  href={mailPath(mail.id, `/parts/${encodeURIComponent(part.number)}?save`)}
                  download
                >
                  Save
                </a>
              </span>
            </li>
          ))}
        </ul>
      )}
      {looking !== undefined && <Look key={looking.number} mail={mail} part={looking} />}
      <h3>MIME tree</h3>
      {mail.structure === null ? (
        <p class="empty-view">The structure cannot be read.</p>
      ) : (
        <ul class="tree">
          <Branch part={mail.structure} depth={0} />
        </ul>
      )}
    </div>
  );
}

function Branch({ part, depth }: { part: MimePart; depth: number }): JSX.Element {
  return (
    <li>
      <code>{part.number || 'message'}</code> {visible(part.contentType)}
      {part.sizeInOctets !== undefined && <span class="facts"> {size(part.sizeInOctets)}</span>}{' '}
      {part.filename !== undefined && <Said text={part.filename} />}
      {part.children.length > 0 && depth < MAX_DEPTH && (
        <ul>
          {part.children.map((child, at) => (
            <Branch key={at} part={child} depth={depth + 1} />
          ))}
        </ul>
      )}
      {part.children.length > 0 && depth >= MAX_DEPTH && <p class="facts">… deeper parts</p>}
    </li>
  );
}

function Look({ mail, part }: { mail: MailDetail; part: MimePart }): JSX.Element {
  const path = mailPath(mail.id, `/parts/${encodeURIComponent(part.number)}`);
  const isImage = IMAGES.has(part.contentType);
  const { value, error } = useLoaded(path, () => (isImage ? Promise.resolve('') : askText(path)));
  return (
    <figure class="look">
      <figcaption>
        <Said text={part.filename ?? `part ${part.number}`} />
        {!isImage && ' as text'}
      </figcaption>
      {isImage ? (
        <img src={path} alt={`Attachment ${part.number}`} />
      ) : (
        <LongText text={error ?? value ?? ''} label={`Attachment ${part.number} as text`} />
      )}
    </figure>
  );
}

/** As much of a text as a person reads. */
export function LongText({ text, label }: { text: string; label: string }): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > TEXT_CHARACTERS && !isWhole;
  return (
    <>
      <pre class="text" dir="auto" tabIndex={0} role="region" aria-label={label}>
        {visible(isLong ? text.slice(0, TEXT_CHARACTERS) : text)}
      </pre>
      {isLong && (
        <p class="bar">
          The first 100,000 of {text.length.toLocaleString('en')} characters.{' '}
          <button type="button" onClick={() => setWhole(true)}>
            Show all
          </button>
        </p>
      )}
    </>
  );
}
