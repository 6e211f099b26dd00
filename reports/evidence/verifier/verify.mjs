#!/usr/bin/env node
/**
 * Verifies a Fieldproof evidence package. One file, Node's built-ins only, no network, nothing is unpacked:
 *
 *     node verify.mjs PACKAGE [--key FINGERPRINT]... [--json]
 *
 * Exit code 0: everything is as it was signed, by the expected keys. 1: something is wrong. 2: consistent in itself,
 * but nobody said which signer to expect, or something could not be checked. 64: wrong usage.
 *
 * VERIFYING.md, beside this file in every package, says how to write another verifier; its section numbers stand here.
 * The order of work is a matter of safety: bytes are parsed after their signature was verified, every length is
 * checked against the file and a limit before memory is taken, and what is read once is never looked at again.
 */

import { isUtf8 } from 'node:buffer';
import { createHash, createPublicKey, hash as digestOnce, verify as verifySignature } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MiB = 1024 * 1024;
const limits = {
  manifest: 16 * MiB,
  key: 64 * 1024,
  keys: 16,
  statement: 32 * MiB,
  seal: 64 * 1024,
  line: 16 * MiB,
  problems: 100,
  message: 300,
};
const statementNames = ['cases', 'package', 'test-result'].map((name) => `statements/${name}.dsse.json`);

// ---------------------------------------------------------------------------------------------------------------
// What is found

class Report {
  constructor() {
    this.checked = [];
    this.notChecked = []; // { what, why, must }: `must` keeps the exit code from being 0
    this.problems = [];
    this.uncounted = 0;
    this.signers = new Map(); // fingerprint -> names of what it signed
    this.withheld = [];
    this.run = undefined;
  }

  ok(what) {
    this.checked.push(what);
  }

  skip(what, why, must = false) {
    this.notChecked.push({ what, why, must });
  }

  /** @param next what a person does about it */
  problem(code, where, message, next = altered) {
    if (this.problems.length < limits.problems)
      this.problems.push({ code, where, message: message.slice(0, limits.message), next });
    else this.uncounted += 1;
  }

  /** Adds a line to `checked` when the work found no new problem. */
  during(what, work) {
    const before = this.problems.length + this.uncounted;
    const result = work();
    if (this.problems.length + this.uncounted === before)
      this.ok(typeof what === 'string' ? what : what(result));
    return result;
  }
}

const makeOne = 'Is this the right file? Of the folder of a run, `fieldproof package RUN` makes a package.';
const altered = 'Do not rest anything on this package: ask whoever made it for another copy.';

/** Ends the work: after this nothing further in the file can be made sense of. */
class Stop extends Error {}

// ---------------------------------------------------------------------------------------------------------------
// The archive (VERIFYING.md, 1)

const block = 512;

/** Reads a file from its start to its end, once. */
class Source {
  constructor(path) {
    this.fd = openSync(path, 'r');
    const about = fstatSync(this.fd);
    if (!about.isFile()) throw new Stop(`${path} is not a file`);
    this.size = about.size;
    this.at = 0;
    this.piece = Buffer.allocUnsafe(MiB);
  }

  get left() {
    return this.size - this.at;
  }

  /** The next bytes, or undefined when the file is shorter. The caller limits `length`. */
  take(length) {
    if (length > this.left) return undefined;
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const read = readSync(this.fd, bytes, done, length - done, this.at + done);
      if (read === 0) return undefined;
      done += read;
    }
    this.at += length;
    return bytes;
  }

  /** Hands the next `length` bytes on in pieces that are valid until the next one; false when the file is shorter. */
  stream(length, each) {
    let left = length;
    while (left > 0) {
      const read = readSync(this.fd, this.piece, 0, Math.min(left, MiB), this.at);
      if (read === 0) return false;
      this.at += read;
      left -= read;
      each(this.piece.subarray(0, read));
    }
    return true;
  }

  close() {
    closeSync(this.fd);
  }
}

/** The only header that a file of this path and size may have; undefined when it can have none. */
function headerFor(path, bytes) {
  let [prefix, name] = ['', path];
  if (path.length > 100) {
    const slash = path.indexOf('/', path.length - 101);
    [prefix, name] = [path.slice(0, slash), path.slice(slash + 1)];
    if (slash < 1 || prefix.length > 155 || name === '') return undefined;
  }
  if (bytes >= 8 ** 11) return undefined;
  const header = Buffer.alloc(block);
  header.write(name, 0, 'latin1');
  header.write('0000644\0' + '0000000\0' + '0000000\0', 100, 'latin1');
  header.write(`${bytes.toString(8).padStart(11, '0')}\0` + '02263523000\0' + '        0', 124, 'latin1');
  header.write('ustar\0' + '00', 257, 'latin1');
  header.write(prefix, 345, 'latin1');
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Path and size out of a header, provided that it is the only one for these two. */
function readHeader(header) {
  const text = (from, to) => header.toString('latin1', from, to).replace(/\0[^]*$/, '');
  const prefix = text(345, 500);
  const path = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const size = text(124, 136);
  if (!isPath(path) || !/^[0-7]{11}$/.test(size)) return undefined;
  const bytes = Number.parseInt(size, 8);
  return headerFor(path, bytes)?.equals(header) ? { path, bytes } : undefined;
}

function isPath(path) {
  const segment = /^[\w !#$%&'()+,.;=@^~[\]{}-]+$/;
  return (
    path.length <= 256 && path.split('/').every((part) => segment.test(part) && part !== '.' && part !== '..')
  );
}

const isZero = (bytes) => bytes.every((byte) => byte === 0);
const paddingAfter = (bytes) => (block - (bytes % block)) % block;

function checkPadding(source, bytes, path, report) {
  const padding = source.take(paddingAfter(bytes));
  if (padding === undefined) return cut(source, path, report);
  if (!isZero(padding)) report.problem('padding-altered', path, 'the bytes after its content are not zeros');
}

function cut(source, where, report) {
  report.problem('package-cut', where, `the file ends at byte ${source.size}, within or before this part`);
  throw new Stop();
}

/** Manifest, keys and statements: bytes only, nothing is parsed yet. They stand first, and in this order. */
function readFront(source, report) {
  const front = new Map();
  let last = '';
  for (;;) {
    const start = source.at;
    const raw = source.take(block);
    if (raw === undefined) return cut(source, 'the first part of the archive', report);
    const header = readHeader(raw);
    if (start === 0 && header?.path !== 'manifest.json') {
      report.problem(
        'not-a-package',
        'byte 0',
        'the file does not begin with the tar header of manifest.json',
        makeOne,
      );
      throw new Stop();
    }
    const inFront = start === 0 || /^(keys|statements)\//.test(header?.path ?? '');
    if (!inFront) {
      source.at = start;
      return front;
    }
    const { path, bytes } = header;
    const ordered = start === 0 || (last === 'manifest.json' ? true : path > last);
    if (!ordered) report.problem('file-out-of-order', path, `stands after ${last}`);
    const limit = start === 0 ? limits.manifest : path.startsWith('keys/') ? limits.key : limits.statement;
    if (bytes > limit || front.size > limits.keys) {
      report.problem(
        'too-large',
        path,
        `has ${bytes} bytes as part ${front.size + 1}; the limit is ${limit} bytes`,
      );
      throw new Stop();
    }
    const content = source.take(bytes);
    if (content === undefined) return cut(source, path, report);
    checkPadding(source, bytes, path, report);
    if (front.has(path)) report.problem('file-duplicated', path, 'stands in the archive twice');
    front.set(path, content);
    last = path;
  }
}

// ---------------------------------------------------------------------------------------------------------------
// Canonical JSON (VERIFYING.md, 2)

/** The RFC 8785 text of a value that came from JSON. @throws Error over a lone surrogate */
function canonicalText(value) {
  if (isText(value)) return quoted(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.keys(value)
      .sort()
      .map((name) => `${quoted(name)}:${canonicalText(value[name])}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** RFC 8785, 3.2.2.2: a lone surrogate is an error; JSON.stringify would escape it. */
function quoted(text) {
  if (/\p{Surrogate}/u.test(text)) throw new Error('a lone surrogate');
  return JSON.stringify(text);
}

/**
 * The value of a text that is canonical; undefined for any other text, be it JSON or not. A text that a parser changes
 * (double names, white space, `1.0`, escapes that need not be) does not come out again as it went in.
 */
export function parseCanonical(text) {
  try {
    const value = JSON.parse(text);
    return canonicalText(value) === text ? value : undefined;
  } catch {
    return undefined; // no JSON, a lone surrogate, or nested deeper than the stack
  }
}

const [quote, comma, colon, backslash, point] = [0x22, 0x2c, 0x3a, 0x5c, 0x2e];
const lineFeed = 0x0a;
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const words = ['true', 'false', 'null'].map((word) => Buffer.from(word));
const shortEscapes = new Set(Buffer.from('"\\bfnrt'));
const isDigit = (byte) => byte >= 0x30 && byte <= 0x39;

/**
 * Where the canonical text of a value ends that begins at `at`, in UTF-8 that has a line feed behind it; -1 where it is
 * not canonical, or not surely so (rare escapes, names that are not ASCII, deep nesting): then `parseCanonical` decides.
 * Looks at each byte once and makes nothing of it, in a fifth of the time of parsing and writing anew.
 */
export function endOfValue(bytes, at, depth = 32) {
  const first = bytes[at];
  if (first === quote) return endOfString(bytes, at);
  if (isDigit(first)) return endOfNumber(bytes, at);
  if (first === openObject) return endOfObject(bytes, at, depth - 1);
  if (first === openArray) return endOfArray(bytes, at, depth - 1);
  const word = words.find((one) => hasBytes(bytes, at, one));
  return word === undefined ? endOfOddNumber(bytes, at) : at + word.length;
}

function hasBytes(bytes, at, wanted) {
  for (let n = 0; n < wanted.length; n += 1) if (bytes[at + n] !== wanted[n]) return false;
  return true;
}

function endOfString(bytes, at) {
  if (bytes[at] !== quote) return -1;
  for (let end = at + 1; ; end += 1) {
    const byte = bytes[end];
    if (byte === quote) return end + 1;
    if (byte < 0x20) return -1;
    if (byte === backslash && !shortEscapes.has(bytes[++end])) return -1;
  }
}

/** Fifteen digits come out of a double as they went in, and down to millionths without an exponent. */
function endOfNumber(bytes, at) {
  let end = at;
  while (isDigit(bytes[end])) end += 1;
  const leadingZero = bytes[at] === 0x30 && end > at + 1;
  const whole = end - at;
  if (bytes[end] === point) {
    end += 1;
    while (isDigit(bytes[end])) end += 1;
    const decimals = end - at - whole - 1;
    if (decimals < 1 || decimals > 6 || bytes[end - 1] === 0x30) return endOfOddNumber(bytes, at);
  }
  const odd = leadingZero || end - at > 15 || bytes[end] === 0x65 || bytes[end] === 0x45;
  return odd ? endOfOddNumber(bytes, at) : end;
}

function endOfOddNumber(bytes, at) {
  const [text] = /^[-+.0-9e]*/.exec(bytes.toString('latin1', at, at + 32));
  return text !== '' && String(Number(text)) === text ? at + text.length : -1;
}

function endOfArray(bytes, at, depth) {
  if (bytes[at + 1] === closeArray) return at + 2;
  for (let end = at; depth > 0;) {
    end = endOfValue(bytes, end + 1, depth);
    if (bytes[end] === closeArray) return end + 1;
    if (bytes[end] !== comma) return -1;
  }
  return -1;
}

function endOfObject(bytes, at, depth) {
  if (bytes[at + 1] === closeObject) return at + 2;
  let last = 0;
  for (let end = at; depth > 0;) {
    const name = end + 1;
    end = endOfString(bytes, name);
    if (bytes[end] !== colon || (last > 0 && !isNameAfter(bytes, last, name))) return -1;
    last = name;
    end = endOfValue(bytes, end + 1, depth);
    if (bytes[end] === closeObject) return end + 1;
    if (bytes[end] !== comma) return -1;
  }
  return -1;
}

/** Whether the name at `next` comes after the one at `last`, letter by letter; false where a letter is none of ASCII. */
function isNameAfter(bytes, last, next) {
  for (let n = 1; ; n += 1) {
    const [a, b] = [bytes[last + n], bytes[next + n]];
    if (a === quote) return b !== quote;
    if (b === quote || a > b || b > 0x7e || a === backslash || b === backslash) return false;
    if (a < b) return true;
  }
}

/** A file that is canonical JSON and LF; anything else is a problem, and undefined. */
function parseFile(bytes, where, report) {
  const text = isUtf8(bytes) && bytes.at(-1) === 0x0a ? bytes.toString('utf8', 0, bytes.length - 1) : '';
  const value = parseCanonical(text);
  if (!isObject(value)) {
    report.problem('not-canonical', where, 'is not an object in canonical JSON (RFC 8785) followed by LF');
    return undefined;
  }
  return value;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === 'string';
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const digestForm = /^[0-9a-f]{64}$/;
const isDigest = (value) => isText(value) && digestForm.test(value);
const has = (value, names) => isObject(value) && Object.keys(value).sort().join() === names;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const same = (a, b) => canonicalText(a ?? null) === canonicalText(b ?? null);

// ---------------------------------------------------------------------------------------------------------------
// Keys and envelopes (VERIFYING.md, 3)

/** Public keys by fingerprint: SHA-256 of their DER SubjectPublicKeyInfo, which is also their file's name. */
function readKeys(front, report) {
  const keys = new Map();
  for (const [path, bytes] of front) {
    if (!path.startsWith('keys/')) continue;
    const key = publicKey(bytes);
    const fingerprint = key === undefined ? '' : sha256(key.export({ type: 'spki', format: 'der' }));
    if (path === `keys/${fingerprint}.pem`) keys.set(fingerprint, key);
    else
      report.problem('key-altered', path, 'is not a public key in the one PEM form, with that fingerprint');
  }
  return keys;
}

/** @returns undefined unless it is an Ed25519 or P-256 key whose PEM text is the one that OpenSSL writes */
function publicKey(bytes) {
  try {
    const key = createPublicKey({ key: bytes, format: 'pem' });
    const curve = key.asymmetricKeyDetails?.namedCurve;
    const known = key.asymmetricKeyType === 'ed25519' || curve === 'prime256v1';
    return known && key.export({ type: 'spki', format: 'pem' }) === bytes.toString('latin1')
      ? key
      : undefined;
  } catch {
    return undefined;
  }
}

/** Base64 in either alphabet of RFC 4648, padded, of one form only; undefined for anything else. */
function fromBase64(text) {
  if (!isText(text) || (/[+/]/.test(text) && /[-_]/.test(text))) return undefined;
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Buffer.from(standard, 'base64');
  return bytes.toString('base64') === standard ? bytes : undefined;
}

/** The DSSE pre-authentication encoding: what is signed. */
function signedBytes(type, body) {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), body]);
}

/**
 * Opens an envelope. Signatures are counted by the keys that made them; `keyid` says which key to try first, and counts
 * for nothing else, but a wrong one is told.
 *
 * @returns the signed bytes and the fingerprints of their signers; undefined when any signature is not in order
 */
function openEnvelope(bytes, where, payloadType, keys, report) {
  const envelope = parseFile(bytes, where, report);
  if (envelope === undefined) return undefined;
  const form = has(envelope, 'payload,payloadType,signatures') && Array.isArray(envelope.signatures);
  const body = form ? fromBase64(envelope.payload) : undefined;
  if (body === undefined || envelope.payloadType !== payloadType) {
    report.problem('envelope-altered', where, `is not a DSSE envelope of the type ${payloadType}`);
    return undefined;
  }
  const message = signedBytes(payloadType, body);
  const signers = new Set();
  let sound = envelope.signatures.length > 0 && envelope.signatures.length <= limits.keys;
  if (!sound) report.problem('signature-missing', where, `has ${envelope.signatures.length} signatures`);
  for (const [index, signature] of (sound ? envelope.signatures : []).entries()) {
    const name = `${where}, signature ${index + 1}`;
    const signer = signerOf(signature, message, keys);
    if (signer === undefined) {
      report.problem(
        'signature-wrong',
        name,
        `is not a signature over these bytes by any of ${keys.size} keys`,
      );
      sound = false;
    } else if (signers.has(signer)) {
      report.problem('signature-duplicated', name, `is one more by the key ${signer}; it counts once`);
    } else if (signature.keyid !== signer) {
      report.problem('keyid-wrong', name, `is by the key ${signer}, and says otherwise`);
    }
    if (signer !== undefined) signers.add(signer);
  }
  if (!sound) return undefined;
  for (const signer of signers) report.signers.set(signer, [...(report.signers.get(signer) ?? []), where]);
  return { body, signers };
}

function signerOf(signature, message, keys) {
  const bytes = has(signature, 'keyid,sig') ? fromBase64(signature.sig) : undefined;
  if (bytes === undefined) return undefined;
  const inTurn = [...keys].sort(([a], [b]) => Number(b === signature.keyid) - Number(a === signature.keyid));
  for (const [fingerprint, key] of inTurn) {
    const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
    if (verifySignature(digest, message, key, bytes)) return fingerprint;
  }
  return undefined;
}

/** Statements whose signatures are in order, by path, parsed; and the digest of what was signed. */
function openStatements(front, keys, report) {
  const statements = new Map();
  for (const path of statementNames) {
    const bytes = front.get(path);
    if (bytes === undefined) report.problem('file-missing', path, 'is not in the archive');
    const opened =
      bytes === undefined
        ? undefined
        : openEnvelope(bytes, path, 'application/vnd.in-toto+json', keys, report);
    if (opened === undefined) continue;
    const statement = parseCanonical(opened.body.toString('utf8'));
    const form =
      has(statement, '_type,predicate,predicateType,subject') &&
      statement._type === 'https://in-toto.io/Statement/v1' &&
      isObject(statement.predicate);
    if (form) statements.set(path, { ...statement, sha256: sha256(opened.body) });
    else
      report.problem(
        'statement-wrong',
        path,
        'the signed bytes are no in-toto Statement v1 in canonical JSON',
      );
  }
  for (const path of front.keys()) {
    const known = path === 'manifest.json' || path.startsWith('keys/') || statementNames.includes(path);
    if (!known) report.problem('file-foreign', path, 'has no place in a package');
  }
  return statements;
}

// ---------------------------------------------------------------------------------------------------------------
// Manifest (VERIFYING.md, 4)

/** The manifest, which the package statement must name by its digest. */
function readManifest(front, statements, report) {
  const bytes = front.get('manifest.json');
  const signed = statements.get('statements/package.dsse.json');
  const digest = sha256(bytes);
  const named = signed?.subject?.[0];
  if (signed === undefined) {
    report.skip('whether manifest.json is the signed one', 'the package statement is not in order', true);
  } else if (named?.name !== 'manifest.json' || named?.digest?.sha256 !== digest) {
    report.problem(
      'manifest-altered',
      'manifest.json',
      `has SHA-256 ${digest}, which is not what was signed`,
    );
  } else report.ok('the manifest is the one that was signed');
  // Read on all the same, so that everything that is wrong can be named: the exit code is no longer 0.
  const manifest = parseFile(bytes, 'manifest.json', report);
  const wrong = manifest === undefined ? 'is unreadable' : manifestFault(manifest);
  if (wrong === undefined) return manifest;
  report.problem('manifest-wrong', 'manifest.json', wrong);
  throw new Stop();
}

/** What keeps a manifest from being one; undefined when nothing does. */
function manifestFault(manifest) {
  if (!has(manifest, 'files,format,runId') || manifest.format !== 'fieldproof-package/1')
    return 'is not a manifest of the form fieldproof-package/1';
  if (!Array.isArray(manifest.files) || !isText(manifest.runId)) return 'lists no files';
  let last = '';
  const folded = new Set();
  for (const file of manifest.files) {
    const names = file?.withheld === undefined ? '' : ',withheld';
    const form =
      has(file, `about,bytes,mediaType,path,sha256${names}`) &&
      [file.about, file.mediaType, file.path].every(isText) &&
      isCount(file.bytes) &&
      isDigest(file.sha256) &&
      (file.withheld === undefined || file.withheld === true);
    if (!form) return `has an entry that is none, after "${last}"`;
    if (!isPath(file.path) || headerFor(file.path, file.bytes) === undefined)
      return `names "${file.path}" with ${file.bytes} bytes, which is no file of a package`;
    if (/^(manifest\.json|keys|statements)(\/|$)/i.test(file.path)) return `lists ${file.path}`;
    if (file.path <= last) return `lists "${file.path}" after "${last}": not sorted, or twice`;
    if (folded.has(file.path.toLowerCase())) return `lists "${file.path}" twice but for its letters' case`;
    folded.add(file.path.toLowerCase());
    last = file.path;
  }
  return undefined;
}

/** What the package statement says, beside the digest of the manifest. */
function checkPackageStatement(statements, manifest, report) {
  const path = 'statements/package.dsse.json';
  const statement = statements.get(path);
  if (statement === undefined) return;
  const { predicate, subject } = statement;
  const record = manifest.files.find((file) => file.path === 'record.jsonl');
  const others = statementNames
    .filter((name) => name !== path)
    .map((name) => ({ path: name, sha256: statements.get(name)?.sha256 }));
  const expected = {
    subject: [subject[0], { name: 'record.jsonl', digest: { sha256: record?.sha256 ?? '' } }],
    predicateType: 'https://fieldproof.invalid/predicate/package/v1',
    format: manifest.format,
    runId: manifest.runId,
    withheld: manifest.files.filter((file) => file.withheld).map((file) => file.path),
  };
  const said = { ...predicate, subject, predicateType: statement.predicateType };
  for (const [name, value] of Object.entries(expected)) {
    if (!same(said[name], value))
      report.problem('statement-wrong', path, `${name} is not what the package holds`);
  }
  for (const other of others) {
    const named = Array.isArray(predicate.statements) && predicate.statements.some((one) => same(one, other));
    if (!named && other.sha256 !== undefined)
      report.problem(
        'statement-wrong',
        other.path,
        'is another statement than the one that the package statement names',
      );
  }
}

// ---------------------------------------------------------------------------------------------------------------
// The record (VERIFYING.md, 5)

/** Kinds of entries that the case statement copies, by the name that they have there. */
const copiedKinds = {
  stimuli: 'stimulus',
  answers: 'answer',
  refusals: 'refusal',
  states: 'state',
  controls: 'control',
  measurements: 'measurement',
  sweeps: 'sweep',
  verdicts: 'verdict',
  qualifications: 'note',
};
const kindsToCopy = new Set(Object.values(copiedKinds).filter((kind) => kind !== 'note'));
const sortedNames = 'attempt caseId channel direction hash kind payload prev runId seq step tMono tUtc'.split(
  ' ',
);
const entryNames = new Set(sortedNames);
/** Kinds of entries whose payload is looked at; of the others, the chain only. */
const kindsToRead = new Set([
  ...kindsToCopy,
  ...'run-opened run-closed record-closed record-resumed case-started'.split(' '),
  ...'bench poisoned stimulus wire-mark wire-segment'.split(' '),
]);

/** The tree of RFC 9162 over leaves as they come, in memory for one hash per level. Hashes are hex: buffers cost more. */
class MerkleTree {
  constructor() {
    this.size = 0;
    this.peaks = []; // roots of full subtrees, the largest first
    this.node = Buffer.alloc(65);
    this.node[0] = 0x01;
  }

  add(leaf) {
    let hash = leaf;
    // As often as the number of leaves so far ends in a binary one, two subtrees of the same size become one.
    for (let n = this.size; n % 2 === 1; n = (n - 1) / 2) hash = this.join(this.peaks.pop(), hash);
    this.peaks.push(hash);
    this.size += 1;
  }

  join(left, right) {
    this.node.write(left, 1, 'hex');
    this.node.write(right, 33, 'hex');
    return digestOnce('sha256', this.node, 'hex');
  }

  root() {
    if (this.size === 0) return sha256('');
    return this.peaks.reduceRight((right, left) => this.join(left, right));
  }
}

/** Reads record.jsonl piece by piece: chain, order, count, root, and what the run comes to. */
class RecordCheck {
  /** @param copies of the case statement by entry number; undefined when that statement is not in order */
  constructor(copies, report) {
    this.copies = copies;
    this.report = report;
    this.faults = 0;
    this.tree = new MerkleTree();
    this.scan = new EntryScan();
    this.rest = Buffer.alloc(0);
    this.line = 0;
    this.next = 0;
    this.prev = '0'.repeat(64);
    this.cases = new Map();
    this.resumes = [];
    this.segments = new Map();
    this.payloads = new Map(); // digest -> name, of what the record says is kept
    this.opened = undefined; // payloads
    this.openedHash = undefined;
    this.runClosed = undefined;
    this.poisoned = undefined;
    this.startFailure = undefined;
    this.openingToken = undefined; // digest of the answer that came before hardware was touched
    this.close = undefined; // { count, root } of record-closed, and what was found there
    this.torn = 0;
    this.tooLong = false;
  }

  push(piece) {
    const first = piece.indexOf(lineFeed) + 1;
    const end = piece.lastIndexOf(lineFeed) + 1;
    if (first > 0) {
      this.lines(Buffer.concat([this.rest, piece.subarray(0, first)]));
      this.lines(piece.subarray(first, end));
      this.rest = emptyBytes;
    }
    const left = piece.subarray(end);
    if (this.rest.length + left.length <= limits.line) this.rest = Buffer.concat([this.rest, left]);
    else {
      if (!this.tooLong) this.wrong('line-unreadable', `is longer than ${limits.line} bytes`, this.line + 1);
      this.tooLong = true;
      this.rest = Buffer.from('!');
    }
  }

  /** Whole lines. */
  lines(bytes) {
    const valid = isUtf8(bytes);
    for (let from = 0; from < bytes.length;) {
      const scanned = valid ? this.scan.scan(bytes, from) : -1;
      const canonical = scanned > 0 && bytes[scanned] === lineFeed;
      const end = canonical ? scanned : bytes.indexOf(lineFeed, from);
      this.entry(bytes, from, end, canonical);
      from = end + 1;
    }
  }

  wrong(code, message, line = this.line) {
    this.faults += 1;
    this.report.problem(code, `record.jsonl:${line}`, message);
  }

  /** @param canonical whether it was scanned, and is surely canonical JSON */
  entry(bytes, from, end, canonical) {
    this.line += 1;
    if (canonical && this.goesOn(end)) return;
    const line = bytes.subarray(from, end);
    const text = isUtf8(line) ? line.toString('utf8') : '';
    if (this.close !== undefined) this.wrong('after-close', 'stands after the close of the record');
    const value = entryOf(canonical ? JSON.parse(text) : parseCanonical(text));
    if (value === undefined) return this.wrong('line-unreadable', 'is not an entry in canonical JSON');
    const leaf = leafOf(text);
    if (leaf !== value.hash) this.wrong('line-altered', `entry ${value.seq} does not have its hash`);
    if (value.kind === 'record-closed') this.closedBy(value.payload);
    this.tree.add(leaf);
    this.link(value);
    this.learn(value);
  }

  /**
   * Whether the entry that was scanned is the next of the chain, as it must be, and of a kind of which nothing else is
   * asked. It needs no parser then; any other is parsed, which names what is wrong with it.
   */
  goesOn(end) {
    const { scan } = this;
    const right =
      this.next > 0 &&
      this.close === undefined &&
      scan.isBare() &&
      !kindsToRead.has(scan.text(member.kind)) &&
      scan.count(member.seq) === this.next &&
      scan.text(member.prev) === this.prev &&
      scan.text(member.runId) === this.plainRunId;
    const leaf = right ? scan.leaf(end) : undefined;
    if (!right || scan.text(member.hash) !== leaf) return false;
    this.tree.add(leaf);
    this.next += 1;
    this.prev = leaf;
    return true;
  }

  link({ seq, prev, hash, runId }) {
    if (seq > this.next) this.wrong('entry-missing', `entries ${this.next} to ${seq - 1} were removed`);
    else if (seq < this.next)
      this.wrong('entry-out-of-order', `entry ${seq} stands where ${this.next} belongs`);
    else if (prev !== this.prev) this.wrong('chain-broken', `entry ${seq} does not follow the one before it`);
    this.runId ??= runId;
    this.plainRunId ??= /^[\w.:-]+$/.test(this.runId) ? this.runId : undefined; // what needs no decoding
    if (runId !== this.runId) this.wrong('foreign-entry', `entry ${seq} belongs to the run ${runId}`);
    this.next = seq + 1;
    this.prev = hash;
  }

  closedBy({ count, root }) {
    this.close = { count, root };
    if (count !== this.tree.size)
      this.wrong('count-wrong', `the close counts ${count} entries; ${this.tree.size} are there`);
    const found = this.tree.root();
    if (root !== found) this.wrong('root-wrong', `the close says root ${root}; the entries give ${found}`);
  }

  /** What later checks need of an entry. */
  learn(entry) {
    const { kind, payload, caseId, seq, hash } = entry;
    if (kind === 'run-opened') {
      if (seq !== 0) this.wrong('entry-out-of-order', 'a run is opened by its first entry only');
      this.opened ??= payload;
      this.openedHash ??= hash;
    } else if (seq === 0) this.wrong('entry-missing', 'the first entry does not open the run');
    if (kind === 'run-closed') this.runClosed ??= payload;
    if (kind === 'poisoned') this.poisoned ??= payload;
    if (kind === 'bench' && payload.action === 'start of the run' && payload.ok === false)
      this.startFailure ??= payload.detail ?? null;
    if (kind === 'run-opened') this.keeps(list(payload.images).filter((image) => image?.kept === true));
    if (kind === 'stimulus' && payload.image?.kept === true) this.keeps([payload.image]);
    if (kind === 'record-resumed') {
      this.keeps(list(payload.payloads));
      this.resumes.push({ seq, checkpoint: payload.checkpoint ?? Infinity });
    }
    if (kind === 'bench' && payload.action === 'time-stamp of the opening' && payload.ok === true)
      this.openingToken ??= payload.sha256;
    if (kind === 'wire-mark' || kind === 'wire-segment') this.segment(payload, kind === 'wire-segment');
    if (caseId !== undefined) this.caseEntry(entry);
    this.checkCopy(entry);
  }

  keeps(payloads) {
    for (const one of payloads) {
      if (isObject(one) && isText(one.name) && isDigest(one.sha256)) this.payloads.set(one.sha256, one.name);
      else this.wrong('line-unreadable', 'names no payload');
    }
  }

  segment(payload, whole) {
    for (const part of [payload, payload.index]) {
      if (isObject(part) && isText(part.file) && isCount(part.bytes) && isDigest(part.sha256))
        this.segments.set(part.file, { bytes: part.bytes, sha256: part.sha256, whole });
      else this.wrong('line-unreadable', 'names no segment');
    }
  }

  caseEntry({ kind, caseId, payload, hash, seq }) {
    let known = this.cases.get(caseId);
    if (known === undefined) {
      known = { id: caseId, starts: 0, verdicts: [], entries: 0, digest: createHash('sha256') };
      this.cases.set(caseId, known);
    }
    known.entries += 1;
    known.digest.update(hash, 'hex');
    if (kind === 'case-started') {
      Object.assign(known, { starts: known.starts + 1, about: payload });
    } else if (kind === 'verdict') {
      if (!order.includes(payload.verdict) || !isText(payload.reason))
        this.wrong('line-unreadable', `is a verdict that is none of ${order.join(', ')}`);
      known.verdicts.push({ seq, payload });
    }
  }

  /** An entry that the case statement copies, against the copy. */
  checkCopy({ seq, hash, attempt, tUtc, payload, kind, caseId }) {
    if (this.copies === undefined) return;
    const copy = this.copies.get(seq);
    if (copy === undefined) {
      const due = caseId !== undefined && (kindsToCopy.has(kind) || isQualifier(kind, payload));
      if (due)
        this.wrong('statement-wrong', `entry ${seq} (${kind} of ${caseId}) is not in the case statement`);
      return;
    }
    this.copies.delete(seq);
    const text = canonicalText({ seq, hash, ...(attempt === undefined ? {} : { attempt }), tUtc, payload });
    const right = copy.text === text && copy.kind === kind && copy.caseId === caseId;
    if (!right)
      this.wrong('statement-wrong', `entry ${seq} (${kind}) differs from its copy in the case statement`);
  }

  /** Spans of entries whose verdicts were not signed when the run went on, and do not count. */
  voided() {
    const spans = [];
    let covered = Infinity;
    for (const { seq, checkpoint } of this.resumes.toReversed()) {
      if (seq > covered) continue;
      spans.push({ after: checkpoint, before: seq });
      covered = checkpoint;
    }
    return spans;
  }

  settleVerdicts() {
    const spans = this.voided();
    for (const known of this.cases.values()) {
      const counting = known.verdicts
        .filter(({ seq }) => !spans.some(({ after, before }) => seq > after && seq < before))
        .map(({ payload }) => payload);
      known.last = counting.at(-1);
      known.attempts = Math.max(known.starts, ...counting.map(({ attempt }) => Number(attempt) || 0));
      known.isCase = known.starts > 0 || counting.length > 0;
    }
  }

  /** At the end of the file. */
  end() {
    this.settleVerdicts();
    this.torn = this.rest.length;
    if (this.torn > 0 && this.close !== undefined)
      this.wrong('after-close', `${this.torn} bytes stand after the close`, this.line + 1);
    for (const seq of this.copies?.keys() ?? [])
      this.report.problem(
        'statement-wrong',
        statementNames[0],
        `copies entry ${seq}, which the record does not have`,
      );
  }
}

const emptyBytes = Buffer.alloc(0);

/** SHA-256(0x00 ‖ the line without its member `hash`), in hex. */
function leafOf(text) {
  const at = text.indexOf('"hash":"'); // never the last member: `kind` follows
  const after = at + '"hash":"",'.length + 64;
  return digestOnce('sha256', `\0${text.slice(0, at)}${text.slice(after)}`, 'hex');
}

const labels = sortedNames.map((name) => Buffer.from(`"${name}":`));
const member = Object.fromEntries(sortedNames.map((name, place) => [name, place]));

/** Where the members of an entry stand in UTF-8 bytes that have a line feed behind it: found by one look at each byte. */
class EntryScan {
  starts = new Int32Array(labels.length); // of their values; 0 of what an entry does not have
  ends = new Int32Array(labels.length);

  /** @returns the end of the entry; -1 where there is none in canonical JSON, or not surely so */
  scan(bytes, from) {
    this.bytes = bytes;
    this.from = from;
    this.starts.fill(0);
    let end = from;
    for (let place = 0; place < labels.length && bytes[end] !== closeObject; place += 1) {
      if (!hasBytes(bytes, end + 1, labels[place])) continue;
      this.starts[place] = end + 1 + labels[place].length;
      end = endOfValue(bytes, this.starts[place]);
      this.ends[place] = end;
      if (bytes[end] !== comma && bytes[end] !== closeObject) return -1;
    }
    return bytes[from] === openObject && end > from && bytes[end] === closeObject ? end + 1 : -1;
  }

  /** Whether it has the members that every entry has, in their types, and no other. */
  isBare() {
    const { starts } = this;
    return (
      starts[member.hash] === this.from + labels[member.hash].length + 1 && // none of those that come before it
      starts[member.step] === 0 &&
      this.first(member.kind) === quote &&
      this.first(member.payload) === openObject &&
      this.first(member.prev) === quote &&
      this.first(member.runId) === quote &&
      isDigit(this.first(member.tMono)) &&
      this.first(member.tUtc) === quote
    );
  }

  first(place) {
    return this.starts[place] > 0 ? this.bytes[this.starts[place]] : undefined;
  }

  /** What stands between the quotes of a text, escapes and all; letters that are none of ASCII are not decoded. */
  text(place) {
    return this.bytes.toString('latin1', this.starts[place] + 1, this.ends[place] - 1);
  }

  /** A number that is a count of at most fifteen digits; undefined for any other value. */
  count(place) {
    const [start, end] = [this.starts[place], this.ends[place]];
    if (start === 0 || end - start > 15) return undefined;
    let count = 0;
    for (let n = start; n < end; n += 1) {
      if (!isDigit(this.bytes[n])) return undefined;
      count = count * 10 + this.bytes[n] - 0x30;
    }
    return count;
  }

  /** `leafOf`, where `hash` is the first member: the rest is hashed where it stands, with 0x00 and a brace before it. */
  leaf(end) {
    const { bytes } = this;
    const at = this.ends[member.hash];
    const last = bytes[at - 1];
    bytes[at - 1] = 0x00;
    bytes[at] = openObject;
    const leaf = digestOnce('sha256', bytes.subarray(at - 1, end), 'hex');
    bytes[at - 1] = last;
    bytes[at] = comma;
    return leaf;
  }
}

const isQualifier = (kind, payload) =>
  kind === 'note' && isText(payload.text) && payload.text.startsWith('conceptual: ');

/** A value that is an entry; undefined for any other. */
function entryOf(value) {
  if (!isObject(value)) return undefined;
  const { seq, runId, kind, prev, hash, tUtc, tMono, payload, caseId, attempt } = value;
  const right =
    isCount(seq) &&
    isText(runId) &&
    isText(kind) &&
    isText(tUtc) &&
    isText(prev) && // their form shows where they are compared with digests
    isText(hash) &&
    typeof tMono === 'number' &&
    isObject(payload) &&
    (caseId === undefined || isText(caseId)) &&
    (attempt === undefined || isCount(attempt)) &&
    hasEntryNames(value);
  return right ? value : undefined;
}

/** What stands before `hash` must hold no object, in which the text `"hash":"` could occur once more. */
function hasEntryNames(entry) {
  for (const name in entry) {
    if (!entryNames.has(name) || (name !== 'payload' && typeof entry[name] === 'object')) return false;
  }
  return true;
}

// ---------------------------------------------------------------------------------------------------------------
// Verdicts and statements about them (VERIFYING.md, 6)

const order = ['violates', 'error', 'inconclusive', 'not-executed', 'conforms', 'not-applicable'];

/** What the record comes to, case by case, by the rules of VERIFYING.md, 6.1. */
function outcomeOf(record) {
  const { opened, runClosed, cases } = record;
  const interrupted = runClosed?.interrupted ?? true;
  const selected = Array.isArray(opened?.selected) ? opened.selected : [];
  const ids = [
    ...new Set([...selected, ...[...cases.values()].filter((one) => one.isCase).map(({ id }) => id)]),
  ];
  const results = ids.map((id) => {
    const known = cases.get(id);
    return { id, known, ...decide(known, record) };
  });
  const counts = Object.fromEntries(
    order.map((verdict) => [verdict, results.filter((one) => one.verdict === verdict).length]),
  );
  const verdict = order.find((one) => counts[one] > 0) ?? 'not-executed';
  return { results, counts, verdict, interrupted };
}

/** @returns the verdict, and its reason where that stands in the record word for word */
function decide(known, record) {
  const { last, starts = 0 } = known ?? {};
  if (last !== undefined) {
    // The closing control on which it rested never came.
    if (last.provisional === true && last.verdict === 'conforms') return { verdict: 'inconclusive' };
    return { verdict: last.verdict, reason: last.reason, findings: last.findings };
  }
  if (starts > 0) return { verdict: 'inconclusive', findings: [] };
  return { verdict: record.startFailure == null ? 'not-executed' : 'error', findings: [] };
}

/** Copies in the case statement by the number of their entry: what each must be equal to. */
function copiesOf(statement, report) {
  if (statement === undefined) return undefined;
  const path = statementNames[0];
  const copies = new Map();
  const add = (copy, kind, caseId) => {
    if (!isObject(copy) || !isCount(copy.seq) || copies.has(copy.seq))
      report.problem('statement-wrong', path, `has a copy of a ${kind} that is none, or is there twice`);
    else copies.set(copy.seq, { text: canonicalText(copy), kind, caseId });
  };
  const { opened, cases } = statement.predicate;
  add(opened, 'run-opened', undefined);
  for (const one of Array.isArray(cases) ? cases : []) {
    for (const [name, kind] of Object.entries(copiedKinds)) {
      if (!Array.isArray(one?.[name]))
        report.problem('statement-wrong', path, `a case has no list of ${name}`);
      else for (const copy of one[name]) add(copy, kind, one.id);
    }
  }
  return copies;
}

/** The case statement against what the record comes to. */
function checkCases(statement, record, outcome, recordSha256, report) {
  const path = statementNames[0];
  const wrong = (what) => report.problem('statement-wrong', path, what);
  const { predicate } = statement;
  const { results, counts, verdict, interrupted } = outcome;
  if (statement.predicateType !== 'https://fieldproof.invalid/predicate/cases/v1')
    wrong('is of another type');
  if (!same(statement.subject, [{ name: 'record.jsonl', digest: { sha256: recordSha256 } }]))
    wrong('is about another record');
  for (const [name, value] of Object.entries({ runId: record.runId, verdict, counts, interrupted }))
    if (!same(predicate[name], value))
      wrong(
        `says ${name} ${canonicalText(predicate[name] ?? null)}; the record gives ${canonicalText(value ?? null)}`,
      );
  const cases = Array.isArray(predicate.cases) ? predicate.cases : [];
  if (
    !same(
      cases.map((one) => one?.id),
      results.map(({ id }) => id),
    )
  )
    return wrong('is not about the cases of the record');
  for (const [index, { id, known, ...decided }] of results.entries()) {
    const said = cases[index];
    const qualified = known === undefined ? 0 : said.qualifications.length;
    const expected = {
      verdict: decided.verdict,
      ...(decided.reason === undefined ? {} : { reason: decided.reason }),
      ...(decided.findings === undefined ? {} : { findings: decided.findings }),
      version: record.opened?.catalogue?.version ?? 'unknown',
      title: known?.about?.title ?? '',
      suite: known?.about?.suite ?? '',
      severity: known?.about?.severity ?? '',
      attempts: known?.attempts ?? 0,
      qualifier: qualified > 0 ? 'conceptual' : undefined,
      evidence: {
        entries: known?.entries ?? 0,
        sha256: known === undefined ? sha256('') : known.digest.copy().digest('hex'),
      },
    };
    for (const [name, value] of Object.entries(expected))
      if (!same(said[name], value))
        wrong(
          `says of ${id}: ${name} ${canonicalText(said[name] ?? null)}; the record gives ${canonicalText(value ?? null)}`,
        );
  }
}

/** The in-toto test result that the record gives, against the signed one. */
function checkTestResult(statement, record, outcome, recordSha256, report) {
  const { opened = {} } = record;
  const named = (verdicts) =>
    outcome.results.filter((one) => verdicts.includes(one.verdict)).map(({ id }) => id);
  const failedTests = named(['violates', 'error']);
  const warnedTests = named(['inconclusive', 'not-executed']);
  const passedTests = named(['conforms']);
  const warned = outcome.interrupted || warnedTests.length > 0 || passedTests.length === 0;
  const about = (name, digest) => ({ name, digest: { sha256: digest } });
  const { catalogue = {}, board = {}, declaration = {}, images, inputs } = opened;
  const declared = about(declaration.file, declaration.sha256);
  const tested = list(images).map(({ name, sha256: digest }) => about(name, digest));
  const expected = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: tested.length > 0 ? tested : [declared],
    predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
    predicate: {
      result: failedTests.length > 0 ? 'FAILED' : warned ? 'WARNED' : 'PASSED',
      configuration: [
        about(`catalogue ${catalogue.version}`, catalogue.sha256),
        about(board.file, board.sha256),
        declared,
        ...list(inputs).map(({ name, sha256: digest }) => about(`inputs/${name}`, digest)),
        about('record.jsonl', recordSha256),
      ],
      passedTests,
      warnedTests,
      failedTests,
    },
  };
  const { sha256: _digest, ...said } = statement;
  if (same(said, expected)) return;
  const parts = Object.keys(expected.predicate).filter(
    (name) => !same(said.predicate[name], expected.predicate[name]),
  );
  const what = parts.length > 0 ? parts.join(', ') : 'its subjects or its type';
  report.problem('statement-wrong', statementNames[2], `${what}: not what the record gives`);
}

const list = (value) => (Array.isArray(value) ? value.filter(isObject) : []);

// ---------------------------------------------------------------------------------------------------------------
// The seal (VERIFYING.md, 5.4)

function checkSeal(kept, manifest, record, keys, report) {
  const { close } = record;
  const bytes = kept.get('seal.json');
  const seal = bytes === undefined ? undefined : parseFile(bytes, 'seal.json', report);
  if (seal !== undefined && close === undefined)
    report.problem(
      'tail-cut',
      'record.jsonl',
      `seal.json counts ${seal.count} entries and a close, which is not there`,
    );
  if (seal !== undefined && close !== undefined && !isSealOf(seal, record))
    report.problem('seal-wrong', 'seal.json', 'does not belong to the close of this record');
  if (bytes === undefined && close !== undefined && !isWithheld('seal.json', manifest))
    report.problem('seal-wrong', 'seal.json', 'is not in the package, and the record is closed');
  checkSignedSeal(kept.get('seal.dsse.json'), seal, record, { manifest, keys }, report);
}

/** Without it whoever holds a folder, and no key, may have written the record anew before the package was made. */
function checkSignedSeal(bytes, seal, record, { manifest, keys }, report) {
  const { close } = record;
  const promised = record.opened?.benchKey;
  if (bytes === undefined) {
    const key = promised === undefined ? 'no key was' : `the key ${promised} was`;
    const why = isWithheld('seal.dsse.json', manifest) ? 'it is withheld' : `${key} there to make it`;
    report.skip('a signature made when the record was closed', why, close !== undefined);
    return;
  }
  const type = 'application/vnd.fieldproof.seal+json';
  const opened = openEnvelope(bytes, 'seal.dsse.json', type, keys, report);
  if (opened === undefined) return;
  const signed = parseCanonical(opened.body.toString('utf8'));
  if (seal !== undefined && !same(signed, seal))
    report.problem('seal-wrong', 'seal.dsse.json', 'signs another seal than seal.json');
  else if (!isObject(signed) || close === undefined || !isSealOf(signed, record))
    report.problem('seal-wrong', 'seal.dsse.json', 'does not belong to the close of this record');
  if (promised !== undefined && !opened.signers.has(promised))
    report.problem(
      'seal-wrong',
      'seal.dsse.json',
      `is not signed by ${promised}, which the run was opened with`,
    );
}

const isSealOf = ({ count, head, root, runId }, { close, prev, runId: run }) =>
  same({ count, head, root, runId }, { count: close.count, head: prev, root: close.root, runId: run });

const isWithheld = (path, manifest) =>
  manifest.files.some((file) => file.path === path && file.withheld === true);

// ---------------------------------------------------------------------------------------------------------------
// The files of the manifest (VERIFYING.md, 4.2)

/** Reads every file once, in the order of the manifest. */
function readFiles(source, manifest, record, report) {
  const present = manifest.files.filter((file) => !file.withheld);
  const later = new Map(present.map((file, index) => [file.path, index]));
  const kept = new Map();
  for (let index = 0; index < present.length; index += 1) {
    const file = present[index];
    const start = source.at;
    const raw = source.take(block);
    if (raw === undefined) return cut(source, file.path, report);
    if (raw.equals(headerFor(file.path, file.bytes))) {
      readContent(source, file, record, kept, report);
      continue;
    }
    const found = readHeader(raw);
    if (found?.path === file.path) {
      const says = `has ${found.bytes} bytes in the archive; the manifest says ${file.bytes}`;
      report.problem('file-altered', file.path, says);
      readContent(source, { ...file, bytes: found.bytes }, record, kept, report);
      continue;
    }
    const at = found === undefined ? undefined : later.get(found.path);
    if (isZero(raw) || (at !== undefined && at > index)) {
      report.problem('file-missing', file.path, 'is in the manifest, and not in its place in the archive');
      source.at = start;
    } else if (found !== undefined && at !== index) {
      const known = at === undefined ? 'file-foreign' : 'file-out-of-order';
      report.problem(known, found.path, `stands where ${file.path} belongs`);
      skip(source, found.bytes, found.path, report);
      index -= 1;
    } else {
      report.problem(
        'header-altered',
        `${file.path}, byte ${start}`,
        'its tar header is not the one for this file',
      );
      readContent(source, file, record, kept, report);
    }
  }
  return kept;
}

function skip(source, bytes, path, report) {
  if (!source.stream(bytes, () => undefined)) cut(source, path, report);
  checkPadding(source, bytes, path, report);
}

function readContent(source, file, record, kept, report) {
  const { path, bytes } = file;
  const digest = createHash('sha256');
  const prefix = prefixOf(record.segments.get(path), bytes);
  const pieces = [];
  const isKept = path === 'seal.json' || path === 'seal.dsse.json' || path.startsWith('timestamps/');
  const keep = isKept && bytes <= limits.seal;
  const whole = source.stream(bytes, (piece) => {
    digest.update(piece);
    if (path === 'record.jsonl') record.push(piece);
    prefix?.update(piece);
    if (keep) pieces.push(Buffer.from(piece));
  });
  if (!whole) cut(source, path, report);
  const found = digest.digest('hex');
  if (found !== file.sha256)
    report.problem('file-altered', path, `has SHA-256 ${found}; the manifest says ${file.sha256}`);
  if (path === 'record.jsonl') record.end();
  if (prefix !== undefined && prefix.value() !== prefix.wanted)
    report.problem('segment-altered', path, `its first ${prefix.length} bytes are not those of the record`);
  if (keep) kept.set(path, Buffer.concat(pieces));
  checkPadding(source, bytes, path, report);
}

/** A segment that was not finished: the record has the digest of its beginning. */
function prefixOf(segment, bytes) {
  if (segment === undefined || segment.whole || bytes < segment.bytes) return undefined;
  const digest = createHash('sha256');
  let left = segment.bytes;
  return {
    wanted: segment.sha256,
    length: segment.bytes,
    update: (piece) => {
      digest.update(piece.subarray(0, left));
      left -= Math.min(left, piece.length);
    },
    value: () => digest.digest('hex'),
  };
}

/** Two blocks of zeros, and the end of the file. */
function checkTrailer(source, report) {
  const start = source.at;
  const trailer = source.take(2 * block);
  if (trailer === undefined) return cut(source, 'the end of the archive', report);
  if (!isZero(trailer)) {
    const foreign = readHeader(trailer.subarray(0, block));
    if (foreign === undefined)
      report.problem('trailer-altered', `byte ${start}`, 'the archive does not end with zeros');
    else report.problem('file-foreign', foreign.path, 'stands behind the last file of the manifest');
  }
  if (source.left > 0)
    report.problem('bytes-after-end', `byte ${source.at}`, `${source.left} bytes follow the end`);
}

/** Wire bytes, payloads and inputs: what the record says of them, against the manifest. */
function checkAgainstRecord(manifest, record, report) {
  const byPath = new Map(manifest.files.map((file) => [file.path, file]));
  for (const [path, segment] of record.segments) {
    const file = byPath.get(path);
    if (file === undefined)
      report.problem('segment-missing', path, 'is in the record, and not in the package');
    else if (
      segment.whole
        ? file.sha256 !== segment.sha256 || file.bytes !== segment.bytes
        : file.bytes < segment.bytes
    )
      report.problem('segment-altered', path, 'is not what the record says');
  }
  const inputs = new Map(list(record.opened?.inputs).map((input) => [`inputs/${input.name}`, input]));
  const named = new Set([...record.payloads.keys(), ...list(record.opened?.inputs).map((one) => one.sha256)]);
  for (const [path, file] of byPath) {
    if (path.startsWith('wire/') && record.close !== undefined && !record.segments.has(path))
      report.problem('segment-foreign', path, 'is in the package, and not in the record');
    if (path.startsWith('payloads/') && path !== `payloads/${file.sha256}`)
      report.problem('payload-wrong', path, 'does not have the digest that is its name');
    else if (path.startsWith('payloads/') && record.close !== undefined && !named.has(file.sha256))
      report.problem('payload-foreign', path, 'is in the package, and not in the record');
    if (path.startsWith('inputs/') && inputs.get(path)?.sha256 !== file.sha256)
      report.problem('input-wrong', path, 'is not what the record says that the run was made with');
  }
  for (const { name, sha256: digest, bytes } of inputs.values()) {
    if (byPath.get(`payloads/${digest}`)?.bytes !== bytes)
      report.problem(
        'input-missing',
        `payloads/${digest}`,
        `is in the record as ${name}, and not in the package`,
      );
  }
  for (const [digest, name] of record.payloads) {
    if (!byPath.has(`payloads/${digest}`))
      report.problem(
        'payload-missing',
        `payloads/${digest}`,
        `is in the record as ${name}, and not in the package`,
      );
  }
  if (inputs.size === 0) report.skip('what the run was made with', 'the record keeps no inputs');
  return inputs;
}

/** The catalogue's digest is that of a listing of its files, as sha256sum prints it. */
function checkCatalogue(inputs, record, report) {
  const names = ['catalogue', 'cases', 'requirements', 'claims', 'ledger'].map((name) => `${name}.yaml`);
  const lines = names.map((name) => `${inputs.get(`inputs/catalogue/${name}`)?.sha256}  ${name}\n`);
  if (names.some((name) => !inputs.has(`inputs/catalogue/${name}`))) return;
  if (sha256(lines.join('')) !== record.opened.catalogue?.sha256)
    report.problem('input-wrong', 'inputs/catalogue', 'is not the catalogue that the run was opened with');
}

// ---------------------------------------------------------------------------------------------------------------
// Time-stamp tokens (VERIFYING.md, 7)

/** Imprint and nonce of each token; its signature and the authority's chain are for OpenSSL. */
function checkTimeStamps(kept, manifest, record, report) {
  const subjects = { opening: record.openedHash, root: record.close?.root };
  for (const [subject, digest] of Object.entries(subjects)) {
    const [request, response] = ['tsq', 'tsr'].map((kind) => kept.get(`timestamps/${subject}.${kind}`));
    const where = `timestamps/${subject}.tsr`;
    const files = ['tsq', 'tsr'].map((kind) => `timestamps/${subject}.${kind}`);
    if (subject === 'opening' && record.openingToken !== undefined) {
      const token = manifest.files.find((file) => file.path === where)?.sha256;
      if (token !== record.openingToken)
        report.problem(
          'time-stamp-wrong',
          where,
          'is not the answer that the record says came before the first case',
        );
    }
    if (files.some((file) => isWithheld(file, manifest)))
      report.skip(`the time-stamp of ${subject}`, 'it is withheld');
    else if (request === undefined && response === undefined) continue;
    else if (response === undefined)
      report.skip(`when ${subject} was, by a time-stamp`, 'the request is pending');
    else {
      const wrong = request === undefined ? 'answers no request' : timeStampFault(request, response, digest);
      if (wrong !== undefined) report.problem('time-stamp-wrong', where, wrong);
      else {
        report.ok(`the time-stamp of ${subject} ${digest}: its imprint and its nonce`);
        const line = `openssl ts -verify -digest ${digest} -in ${where} -CAfile AUTHORITY.pem`;
        report.skip(
          `the signature of the time-stamp of ${subject}`,
          `it needs the authority's chain: ${line}`,
        );
      }
    }
  }
}

/** What is wrong with a token for a digest: RFC 3161, 2.4. */
export function timeStampFault(request, response, digest) {
  try {
    const [, askedImprint, askedNonce] = inside(elements(request)[0], der.sequence);
    const asked = inside(askedImprint, der.sequence)[1].value.toString('hex');
    const [status, token] = inside(elements(response)[0], der.sequence);
    if (!/^0[01]$/.test(inside(status, der.sequence)[0].value.toString('hex'))) return 'was not granted';
    const stamped = stampInfo(token);
    const [, hashed] = inside(stamped[2], der.sequence);
    const nonce = stamped.slice(5).find(({ tag }) => tag === der.integer);
    if (asked !== digest) return `was asked for ${asked}, which is not of this record`;
    if (hashed.value.toString('hex') !== digest) return `stamps ${hashed.value.toString('hex')}`;
    return nonce?.value.equals(askedNonce.value) === true ? undefined : 'has another nonce than its request';
  } catch (error) {
    return `is not in the form of RFC 3161 (${error instanceof Error ? error.message : error})`;
  }
}

/** Members of the TSTInfo in a token: version, policy, imprint, serial number, time, and what is optional. */
function stampInfo(token) {
  const [, content] = inside(token, der.sequence);
  const [signedData] = inside(content, der.explicit);
  const [, , encapsulated] = inside(signedData, der.sequence);
  const [octets] = inside(inside(encapsulated, der.sequence)[1], der.explicit);
  return inside(elements(octets.value)[0], der.sequence);
}

const der = { integer: 0x02, sequence: 0x30, explicit: 0xa0 };

function inside(element, tag) {
  if (element?.tag !== tag) throw new Error(`element 0x${tag.toString(16)} is missing`);
  return elements(element.value);
}

/** Elements of DER in order, each with its identifier octet and its contents (X.690, 8.1 and 10.1). */
function elements(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0x80;
    const long = first > 0x80 ? first - 0x80 : 0;
    if (first === 0x80 || long > 4 || at + 2 + long > bytes.length)
      throw new Error(`no length at byte ${at}`);
    const start = at + 2 + long;
    const end = start + (long === 0 ? first : bytes.readUIntBE(at + 2, long));
    if (end > bytes.length) throw new Error(`the element at byte ${at} is cut off`);
    found.push({ tag: bytes[at], value: bytes.subarray(start, end) });
    at = end;
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------------------
// The whole

/** Signers that were asked for: each must have signed something, and everything signed must have one of them. */
/** What each key that was asked for must have signed, for its word to count: the package, or the close of its record. */
const vouching = ['statements/package.dsse.json', 'seal.dsse.json'];

function checkExpectedKeys(expected, report) {
  const ask = 'Ask the lab for the fingerprint by another way than this package, and compare.';
  for (const key of expected) {
    if (!vouching.some((what) => report.signers.get(key)?.includes(what)))
      report.problem('signer-missing', key, 'has signed neither this package nor its record', ask);
  }
  const signed = new Set([...report.signers.values()].flat());
  for (const what of expected.length === 0 ? [] : signed) {
    const by = [...report.signers].filter(([, things]) => things.includes(what)).map(([key]) => key);
    if (!by.some((key) => expected.includes(key)))
      report.problem(
        'signer-unexpected',
        what,
        `is signed by ${by.join(', ')}, and by no key that was expected`,
        ask,
      );
  }
  if (expected.length > 0) return;
  report.skip(
    'who signed',
    'no --key was given: anybody can make a package that is consistent in itself',
    true,
  );
}

function verifyAll(source, expected, report) {
  const front = report.during('the archive begins with manifest, keys and statements', () =>
    readFront(source, report),
  );
  const keys = readKeys(front, report);
  const statements = report.during(
    (found) => `signatures of ${found.size} statements by ${report.signers.size} keys`,
    () => openStatements(front, keys, report),
  );
  const manifest = readManifest(front, statements, report);
  report.run = manifest.runId;
  report.during('the package statement covers manifest, record and the other statements', () =>
    checkPackageStatement(statements, manifest, report),
  );
  report.withheld = manifest.files
    .filter((file) => file.withheld)
    .map(({ path, bytes }) => ({ path, bytes }));
  const record = new RecordCheck(copiesOf(statements.get(statementNames[0]), report), report);
  const kept = report.during(
    () => `digests of ${manifest.files.length - report.withheld.length} files, and every byte around them`,
    () => {
      const files = readFiles(source, manifest, record, report);
      checkTrailer(source, report);
      return files;
    },
  );
  const recordFile = manifest.files.find((file) => file.path === 'record.jsonl');
  if (recordFile === undefined)
    report.problem('file-missing', 'record.jsonl', 'a package without it proves nothing');
  else if (recordFile.withheld)
    report.skip('the record, and all that is said about it', 'record.jsonl is withheld', true);
  else checkRecord({ manifest, record, kept, keys, statements, recordFile }, report);
  checkUnusedKeys(keys, report);
}

function checkRecord({ manifest, record, kept, keys, statements, recordFile }, report) {
  if (record.line === 0) report.problem('line-unreadable', 'record.jsonl', 'has no entries');
  if (record.runId !== manifest.runId)
    report.problem(
      'manifest-wrong',
      'manifest.json',
      `is of run ${manifest.runId}; the record is of ${record.runId}`,
    );
  const close = record.close;
  const head = statements.get('statements/package.dsse.json')?.predicate.record;
  const expected = close === undefined ? { head: record.prev } : { ...close, head: record.prev };
  if (head !== undefined && !same(head, expected))
    report.problem(
      'statement-wrong',
      'statements/package.dsse.json',
      'names another count, root or end of the record',
    );
  if (close === undefined)
    report.skip(
      'that the record is whole',
      `it was never closed; ${record.torn} bytes of an unfinished line`,
      true,
    );
  else if (record.faults === 0)
    report.ok(`the record: ${record.line} entries, their chain, order, count and Merkle root ${close.root}`);
  report.during('the seal of the record', () => checkSeal(kept, manifest, record, keys, report));
  checkTimeStamps(kept, manifest, record, report);
  const inputs = report.during(
    () => `digests of ${record.segments.size} files of wire bytes against the record`,
    () => checkAgainstRecord(manifest, record, report),
  );
  checkCatalogue(inputs, record, report);
  const outcome = outcomeOf(record);
  report.outcome = { verdict: outcome.verdict, counts: outcome.counts, device: record.opened?.device };
  report.during(
    `verdicts of ${outcome.results.length} cases, from the record, against both statements`,
    () => {
      const [cases, , testResult] = statementNames.map((name) => statements.get(name));
      if (cases !== undefined) checkCases(cases, record, outcome, recordFile.sha256, report);
      if (testResult !== undefined) checkTestResult(testResult, record, outcome, recordFile.sha256, report);
    },
  );
  report.skip(
    'requirements and deviations in the case statement',
    'they come from the catalogue and the run’s options; compare by hand',
  );
  report.skip(
    'reports and other files made from the record',
    'their digests are checked; make them again with `fieldproof report`',
  );
}

function checkUnusedKeys(keys, report) {
  if (report.withheld.some(({ path }) => path.endsWith('.dsse.json'))) return;
  for (const key of keys.keys())
    if (!report.signers.has(key)) report.problem('key-unused', `keys/${key}.pem`, 'has signed nothing here');
}

/**
 * Verifies one package.
 *
 * @param path of the package
 * @param expected fingerprints of the signers, lower-case hex
 * @returns what was found; `exitCode` as at the top of this file
 */
export function verifyPackage(path, expected = []) {
  const report = new Report();
  let source;
  try {
    source = new Source(path);
    verifyAll(source, expected, report);
  } catch (error) {
    if (!(error instanceof Stop)) {
      const message = `the work stopped: ${error instanceof Error ? error.message : String(error)}`;
      report.problem(
        source === undefined ? 'unreadable' : 'verifier-failed',
        path,
        message,
        'Is this the right file?',
      );
    } else if (error.message !== '') report.problem('unreadable', path, error.message, makeOne);
    report.skip('everything after the last problem', 'the file makes no sense from there on', true);
  } finally {
    source?.close();
  }
  checkExpectedKeys(expected, report);
  return resultOf(path, expected, report);
}

function resultOf(path, expected, report) {
  const incomplete = report.notChecked.some(({ must }) => must);
  const unreadable = report.problems[0]?.code === 'unreadable';
  const exitCode = unreadable ? 64 : report.problems.length > 0 ? 1 : incomplete ? 2 : 0;
  return {
    package: path,
    run: report.run,
    ...report.outcome,
    signers: [...report.signers].map(([fingerprint, signed]) => ({
      fingerprint,
      expected: expected.includes(fingerprint),
      signed,
    })),
    checked: report.checked,
    notChecked: report.notChecked.map(({ what, why }) => ({ what, why })),
    withheld: report.withheld,
    problems: report.problems,
    moreProblems: report.uncounted,
    exitCode,
  };
}

// ---------------------------------------------------------------------------------------------------------------
// For people

const conclusions = {
  0: 'VERIFIED: as it was signed, by the expected signer.',
  1: 'NOT VERIFIED: see the problems.',
  64: 'NOTHING WAS VERIFIED: the package cannot be read.',
  2: 'CONSISTENT IN ITSELF, but not verified: see what was not checked.',
};

function textOf(result) {
  const lines = [`Evidence package ${result.package}`];
  if (result.run !== undefined)
    lines.push(`Run ${result.run}${result.verdict === undefined ? '' : `: ${result.verdict}`}`);
  const section = (title, items) =>
    items.length > 0 && lines.push('', title, ...items.map((item) => `  ${item}`));
  section('Checked', result.checked);
  section(
    'Not checked',
    result.notChecked.map(({ what, why }) => `${what}: ${why}`),
  );
  section(
    'Withheld: the digest in the manifest stands for the file',
    result.withheld.map(({ path, bytes }) => `${path} (${bytes} bytes)`),
  );
  section(
    'Signers',
    result.signers.map(
      ({ fingerprint, expected, signed }) =>
        `${fingerprint}${expected ? ' (expected)' : ''}: ${signed.join(', ')}`,
    ),
  );
  section(
    'Problems',
    result.problems.map(
      ({ code, where, message, next }) => `${code}  ${where}: ${message}\n      next: ${next}`,
    ),
  );
  if (result.moreProblems > 0) lines.push(`  and ${result.moreProblems} more`);
  return `${[...lines, '', conclusions[result.exitCode]].map(printable).join('\n')}\n`;
}

/** What comes out of a package must not steer a terminal. */
function printable(text) {
  return text.replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '?');
}

const usage = 'usage: node verify.mjs PACKAGE [--key FINGERPRINT]... [--json]\n';

/** @returns the exit code */
export function main(args, out = process.stdout, err = process.stderr) {
  const rest = [...args];
  const keys = [];
  const files = [];
  let json = false;
  while (rest.length > 0) {
    const word = rest.shift();
    if (word === '--json') json = true;
    else if (word === '--key') keys.push((rest.shift() ?? '').toLowerCase().replace(/^sha256:|[:\s]/g, ''));
    else files.push(word);
  }
  const wrongKey = keys.find((key) => !isDigest(key));
  if (files.length !== 1 || files[0].startsWith('--') || wrongKey !== undefined) {
    err.write(
      wrongKey === undefined ? usage : `"${wrongKey}" is no fingerprint: 64 hexadecimal digits\n${usage}`,
    );
    return 64;
  }
  const result = verifyPackage(files[0], keys);
  out.write(json ? `${JSON.stringify(result, null, 2)}\n` : textOf(result));
  return result.exitCode;
}

if (process.argv[1] !== undefined && isThisFile(process.argv[1]))
  process.exitCode = main(process.argv.slice(2));

function isThisFile(path) {
  try {
    return realpathSync(path) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}
