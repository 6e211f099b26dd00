/** Asks a time-stamping authority over HTTP. */

import { EvidenceError } from '../../../harness/errors.ts';

/** A response of RFC 3161 has a few kilobytes; what is larger is something else. */
const maxResponseBytes = 1024 * 1024;

/**
 * Source: RFC 3161, 3.4: POST of application/timestamp-query.
 *
 * @throws EvidenceError when the authority cannot be reached or answers otherwise
 */
export async function askAuthority(url: string, request: Uint8Array, withinMs: number): Promise<Uint8Array> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query' },
    body: Buffer.from(request),
    redirect: 'error',
    signal: AbortSignal.timeout(withinMs),
  }).catch((cause: unknown) => {
    throw isBlockedPort(cause) ? blockedPort(url, cause) : unreachable(url, whyOf(cause), cause);
  });
  if (!answer.ok) throw unreachable(url, `HTTP ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes.length > maxResponseBytes) throw unreachable(url, `${bytes.length} bytes in answer`);
  return bytes;
}

function unreachable(url: string, why: string, cause?: unknown): EvidenceError {
  return new EvidenceError('no-authority', `the time-stamping authority ${url} gave no token: ${why}`, {
    hint: 'The request is kept and stays pending: fieldproof timestamp RUN --authority URL sends it again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What the Fetch standard calls a bad port: it is never even tried. Source: WHATWG Fetch, 2.9, port blocking. */
function isBlockedPort(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message === 'bad port';
}

function blockedPort(url: string, cause: unknown): EvidenceError {
  const { port } = new URL(url);
  return new EvidenceError(
    'no-authority',
    `the time-stamping authority ${url} was not asked: Node’s fetch refuses port ${port}, which the Fetch standard blocks for every address`,
    {
      hint: 'Name the authority on another port: fieldproof timestamp RUN --authority URL. The request is kept and stays pending.',
      cause,
    },
  );
}

/** `fetch` hides the reason in the cause of its own error. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
