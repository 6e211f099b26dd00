/**
 * Time-stamps of a run: requests over what opened it and over its final root, and the tokens that came for them.
 *
 * A request is written first and kept. Where no authority can be reached it stays *pending*: a bench without a network
 * stamps later, and the token then says that later time. A token is never made up.
 */

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError } from '../../../harness/errors.ts';
import { sha256Hex } from '../../../harness/record/digest.ts';
import { makeFolder, writeWhole } from '../../../harness/record/durable-file.ts';
import { bytesSource } from '../../../harness/image/byte-source.ts';
import { derTags, derValue, scanDerElement } from '../../../harness/image/codec/der.ts';
import type { RunModel } from '../../../harness/record/run-model.ts';
import { timeStampRequest } from './request.ts';
import { readTimeStampResponse, type StampedTime } from './response.ts';

export const stampFolder = 'timestamps';

/** `opening`: hash of the first entry, which binds the run to all it was made with. `root`: root of the closed record. */
export const stampSubjects = ['opening', 'root'] as const;
export type StampSubject = (typeof stampSubjects)[number];

/** The entry `bench` of the record that names, as `sha256`, the answer that came before hardware was touched. */
export const openingStampAction = 'time-stamp of the opening';

/** How a subject stands; the token's own signature is for `openssl ts -verify` and the authority's chain. */
export type Stamp = { subject: StampSubject; sha256: string } & (
  | { state: 'not-requested' }
  | { state: 'pending' }
  | { state: 'stamped'; stamped: StampedTime }
  | { state: 'wrong'; why: string }
);

/** The digest to be stamped, lower-case hex; undefined while there is none yet. */
export function digestToStamp(model: RunModel, subject: StampSubject): string | undefined {
  return subject === 'opening' ? model.entries[0]?.hash : model.root;
}

/** Paths inside the run folder. */
export function stampFiles(subject: StampSubject): { request: string; response: string } {
  return { request: `${stampFolder}/${subject}.tsq`, response: `${stampFolder}/${subject}.tsr` };
}

/** Writes the request, unless there is one for this very digest. @returns its bytes */
export function keepRequest(runDir: string, subject: StampSubject, sha256: string): Buffer {
  const path = join(runDir, stampFiles(subject).request);
  if (existsSync(path) && readRequest(readFileSync(path)).sha256 === sha256) return readFileSync(path);
  makeFolder(join(runDir, stampFolder));
  const nonce = BigInt(`0x${randomBytes(16).toString('hex')}`);
  const request = timeStampRequest(Buffer.from(sha256, 'hex'), nonce);
  writeWhole(path, request);
  return request;
}

/** Keeps a response, once it answers this very request. @throws EvidenceError saying in what it does not */
export function keepResponse(runDir: string, subject: StampSubject, response: Uint8Array): StampedTime {
  const { request, response: file } = stampFiles(subject);
  const stamped = readTimeStampResponse(response);
  const problem = mismatch(readRequest(readFileSync(join(runDir, request))), stamped);
  if (problem !== undefined) {
    throw new EvidenceError(
      'wrong-time-stamp',
      `the token for ${subject} is not an answer to the request: ${problem}`,
      {
        hint: 'Keep away from this authority, or from what stands between: it answered another question.',
      },
    );
  }
  writeWhole(join(runDir, file), response);
  return stamped;
}

/** How each subject of a run stands. Reads only. */
export function stampsOf(runDir: string, model: RunModel): Stamp[] {
  return stampSubjects.flatMap((subject): Stamp[] => {
    const sha256 = digestToStamp(model, subject);
    if (sha256 === undefined) return [];
    const about = { subject, sha256 };
    const [request, response] = Object.values(stampFiles(subject)).map((file) => join(runDir, file));
    if (request === undefined || !existsSync(request)) return [{ ...about, state: 'not-requested' }];
    const asked = readRequest(readFileSync(request));
    if (asked.sha256 !== sha256)
      return [{ ...about, state: 'wrong', why: `the request is for ${asked.sha256}, not for ${sha256}` }];
    if (response === undefined || !existsSync(response)) return [{ ...about, state: 'pending' }];
    const answer = readFileSync(response);
    const named = subject === 'opening' ? openingToken(model) : undefined;
    if (named !== undefined && named !== sha256Hex(answer))
      return [{ ...about, state: 'wrong', why: `the record names another answer, ${named}` }];
    return [{ ...about, ...judged(asked, answer) }];
  });
}

/** SHA-256 of the answer that the record names, lower-case hex; undefined where none came before the first case. */
export function openingToken({ bench }: RunModel): string | undefined {
  return bench.find(({ action, ok }) => action === openingStampAction && ok)?.sha256;
}

/** The command that checks a token's signature and its authority's chain; we do not. */
export function verifyLine({ subject, sha256 }: Stamp): string {
  return `openssl ts -verify -digest ${sha256} -in ${stampFiles(subject).response} -CAfile AUTHORITY.pem`;
}

function judged(
  asked: Request,
  response: Uint8Array,
): { state: 'stamped'; stamped: StampedTime } | { state: 'wrong'; why: string } {
  try {
    const stamped = readTimeStampResponse(response);
    const why = mismatch(asked, stamped);
    return why === undefined ? { state: 'stamped', stamped } : { state: 'wrong', why };
  } catch (error) {
    return { state: 'wrong', why: error instanceof Error ? error.message : String(error) };
  }
}

interface Request {
  sha256: string;
  nonce: bigint;
}

/** RFC 3161, 2.2: the requester compares imprint and nonce. */
function mismatch(asked: Request, stamped: StampedTime): string | undefined {
  if (stamped.sha256 !== asked.sha256) return `it stamps ${stamped.sha256}, asked was ${asked.sha256}`;
  if (stamped.nonce !== asked.nonce)
    return `its nonce is ${stamped.nonce ?? 'missing'}, asked was ${asked.nonce}`;
  return undefined;
}

function readRequest(bytes: Uint8Array): Request {
  const source = bytesSource(bytes);
  const [, imprint, nonce] = scanDerElement(source, 0)?.children ?? [];
  const hashed = imprint?.children[1];
  if (hashed === undefined || nonce?.tag !== derTags.INTEGER)
    throw new EvidenceError('no-time-stamp', 'the kept request is no TimeStampReq', {
      hint: `Remove it from ${stampFolder}/ and ask again.`,
    });
  return {
    sha256: derValue(source, hashed).toString('hex'),
    nonce: BigInt(`0x${derValue(source, nonce).toString('hex')}`),
  };
}
