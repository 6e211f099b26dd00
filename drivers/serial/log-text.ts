/** Bytes of the log as text in which patterns are searched, with a way back from a character to its byte. */

import { isUtf8 } from 'node:buffer';

/** Text of a piece of the log. */
export interface LogText {
  text: string;
  /** Byte offset, from the start of the piece, of the character at an index of `text`. */
  offsetOf: (index: number) => number;
}

/**
 * Decodes UTF-8; a byte that is no part of a sequence becomes one U+FFFD, so that noise moves nothing.
 *
 * Source: Unicode 16.0, section 3.9, table 3-7 (well-formed byte sequences), checked by the decoder itself.
 */
export function logText(bytes: Buffer): LogText {
  const plain = bytes.toString('latin1');
  // All of ASCII, control characters included.
  if (/^[\x00-\x7f]*$/.test(plain)) return { text: plain, offsetOf: (index) => index };
  if (isUtf8(bytes)) return wellFormed(bytes.toString('utf8'));
  const offsets: number[] = [];
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    const piece = length === 0 ? '\uFFFD' : bytes.toString('utf8', at, at + length);
    for (let unit = 0; unit < piece.length; unit += 1) offsets.push(at);
    text += piece;
    at += Math.max(1, length);
  }
  offsets.push(bytes.length);
  return { text, offsetOf: (index) => offsets[index] ?? bytes.length };
}

/** Counts bytes only where it is asked to: a search asks for the place of its match, not for that of each character. */
function wellFormed(text: string): LogText {
  const startOf = (index: number): number =>
    (text.codePointAt(index - 1) ?? 0) > 0xffff ? index - 1 : index;
  return { text, offsetOf: (index) => Buffer.byteLength(text.slice(0, startOf(index))) };
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Length of the well-formed sequence at an offset; 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** Text for an error message: control characters visible, long text shortened in its middle. */
export function printable(text: string, maxLength = 120): string {
  const shown = text.length <= maxLength ? text : `${text.slice(0, maxLength - 30)} … ${text.slice(-26)}`;
  return JSON.stringify(shown);
}

/** A pattern without the flags that carry state from one search to the next; a string means itself. */
export function statelessPattern(pattern: RegExp | string): RegExp {
  if (typeof pattern === 'string') return new RegExp(pattern.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
}

/**
 * How a line may be meant that came while a file was on its way, the likeliest first: behind the receiver's own
 * control characters (ACK, NAK, CAN), behind its C as well, and as it is.
 */
export function readings(text: string): readonly string[] {
  const behindControls = text.replace(/^[\x00-\x08\x0e-\x1aC]*[\x00-\x08\x0e-\x1a]/, '');
  return [...new Set([behindControls, behindControls.replace(/^C+/, ''), text])];
}

/** A line without the control characters in front of it, such as the CAN and backspaces of a cancelled transfer. */
export function withoutLeadingControls(text: string): string {
  // All but tab and escape.
  return text.replace(/^[\x00-\x08\x0a-\x1a\x1c-\x1f]+/, '');
}
