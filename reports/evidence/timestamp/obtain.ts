/** One time-stamp, from the request to the token beside the record. */

import { askAuthority } from './authority.ts';
import type { StampedTime } from './response.ts';
import { keepRequest, keepResponse, type StampSubject } from './stamps.ts';

const authorityWithinMs = 30_000;

/**
 * @param sha256 the digest to be stamped, lower-case hex
 * @param authority address, asked by HTTP
 * @throws EvidenceError when no fitting token came; the request is kept, and stays pending
 */
export async function obtainStamp(
  runDir: string,
  { subject, sha256 }: { subject: StampSubject; sha256: string },
  authority: string,
): Promise<StampedTime> {
  const request = keepRequest(runDir, subject, sha256);
  return keepResponse(runDir, subject, await askAuthority(authority, request, authorityWithinMs));
}
