import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'mocha';
import { fieldproof, killAll } from '../test/command.ts';
import type { AttackRow } from './attacks.ts';
import type { Inspection } from './inspect.ts';

const golden = 'boards/simulated/images/golden-1.2.0.bin';
const older = 'boards/simulated/images/older-1.1.0.bin';
const keys = ['--key', 'boards/simulated/keys/public-test-key-p256.pub.pem'];
const strangers = ['--key', 'boards/simulated/keys/public-test-key-ed25519.pub.pem'];

describe('fieldproof image', function () {
  this.timeout(120_000);
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'image-command-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  afterEach(killAll);

  it('inspects an image: what it says, what covers what, and whether it verifies', async () => {
    const picture = join(folder, 'layout.svg');
    const [text, json, stranger, unasked] = await Promise.all([
      fieldproof('image', 'inspect', golden, ...keys, '--svg', picture),
      fieldproof('image', 'inspect', golden, ...keys, '--json'),
      fieldproof('image', 'inspect', golden, ...strangers),
      fieldproof('image', 'inspect', golden),
    ]);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /format +MCUboot/);
    assert.match(text.stdout, /version +1\.2\.0\+0/);
    assert.match(text.stdout, /verifies +yes, with boards\/simulated\/keys\/public-test-key-p256\.pub\.pem/);
    assert.match(text.stdout, /0x00000000 +4 +signed +header\.magic/);
    assert.match(text.stdout, /No issues\./);
    assert.match(readFileSync(picture, 'utf8'), /^<svg [^]*payload[^]*<\/svg>\s*$/);
    const inspection = JSON.parse(json.stdout) as Inspection;
    const bytes = readFileSync(golden);
    assert.equal(inspection.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.equal(inspection.regions.at(-1)?.end, bytes.length);
    assert.ok(inspection.verification.accepted);
    assert.equal(stranger.code, 1);
    assert.match(stranger.stdout, /verifies +NO: unknown-key/);
    assert.equal(unasked.code, 0);
    assert.match(unasked.stdout, /verifies +not asked: .* give --key/);
  });

  it('says what is wrong with a damaged file, an unknown one, and a name that does not exist', async () => {
    const damaged = join(folder, 'damaged.bin');
    writeFileSync(damaged, readFileSync(golden).subarray(0, 9000));
    const empty = join(folder, 'empty.bin');
    writeFileSync(empty, '');
    const ends = await Promise.all([
      fieldproof('image', 'inspect', damaged),
      fieldproof('image', 'inspect', empty),
      fieldproof('image', 'inspect', join(folder, 'nowhere.bin')),
      fieldproof('image', 'inspect', folder),
      fieldproof('image', 'inspect', golden, '--format', 'mcubot'),
      fieldproof('image', 'inspect', golden, '--key', golden),
    ]);
    assert.deepEqual(
      ends.map(({ code }) => code),
      [2, 2, 3, 3, 64, 3],
    );
    const said = ends.map(({ stdout, stderr }) => stdout + stderr);
    assert.match(said[0] ?? '', /ISSUE at 0x00002328 \(truncated\)/);
    assert.match(said[1] ?? '', /0 bytes\n +format +unknown: [^]*Known are .*MCUboot/);
    assert.match(said[2] ?? '', /cannot read .*nowhere\.bin/);
    assert.match(said[3] ?? '', /is not a file/);
    assert.match(said[4] ?? '', /Did you mean mcuboot\?/);
    assert.match(said[5] ?? '', /no public key/);
  });

  it('makes the attack images with their provenance, the same from the same seed', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    const standard = ['--only', '*-payload-*', '--only', '*-signature-*', '--only', '*-unknown-key'];
    const [first, second, other, list] = await Promise.all([
      fieldproof('image', 'attacks', golden, '--older', older, ...keys, ...standard, '--out', one, '--json'),
      fieldproof('image', 'attacks', golden, '--older', older, ...keys, ...standard, '--out', two, '--json'),
      fieldproof('image', 'attacks', golden, ...standard, '--seed', 'ab'.repeat(32), '--json'),
      fieldproof('image', 'attacks', golden, '--list'),
    ]);
    assert.equal(first.code, 0, first.stderr);
    const rows = JSON.parse(first.stdout) as AttackRow[];
    const digests = (stdout: string): (string | undefined)[] =>
      (JSON.parse(stdout) as AttackRow[]).map(({ image }) => image?.sha256);
    assert.deepEqual(digests(second.stdout), digests(first.stdout));
    assert.notDeepEqual(digests(other.stdout), digests(first.stdout));
    const transplanted = rows.find(({ id }) => id === 'mcuboot-signature-transplanted');
    assert.deepEqual(transplanted?.expectation, { class: 'must-reject', latestStage: 'boot' });
    for (const { id, image } of rows.filter((row) => row.image !== null)) {
      const path = join(one, `golden-1.2.0.${id}.bin`);
      assert.equal(createHash('sha256').update(readFileSync(path)).digest('hex'), image?.sha256);
      const provenance = JSON.parse(readFileSync(`${path}.provenance.json`, 'utf8')) as { mutation: string };
      assert.equal(provenance.mutation, id);
    }
    const made = rows.filter(({ image }) => image !== null).length;
    assert.equal(readdirSync(one).length, 2 * made + 1, 'images, provenances, and an index');
    assert.equal(list.code, 0);
    assert.match(list.stdout, /mcuboot-payload-first-bit-stale-digest +must-reject by boot/);
  });

  it('takes a signature in a file of its own, and one appended in the maker’s own form', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const payload = Buffer.alloc(5000, 'firmware');
    const [file, sig, pub] = ['fw.bin', 'fw.sig', 'fw.pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const appended = join(folder, 'appended.bin');
    const layout = join(folder, 'layout.yaml');
    const signature = sign(null, payload, privateKey);
    writeFileSync(file, payload);
    writeFileSync(sig, signature);
    writeFileSync(pub, publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(appended, Buffer.concat([payload, signature, Buffer.from('53494731', 'hex')]));
    writeFileSync(
      layout,
      `placement: appended
signatures: [{ scheme: { type: ed25519 } }]
frame: [{ field: signature, of: 0 }, { field: magic, hex: '53494731' }]
`,
    );
    const out = join(folder, 'detached');
    const [inspected, made, own, unnamed] = await Promise.all([
      fieldproof('image', 'inspect', file, '--signature', sig, '--key', pub),
      fieldproof('image', 'attacks', file, '--signature', sig, '--key', pub, '--out', out, '--json'),
      fieldproof('image', 'inspect', appended, '--layout', layout, '--key', pub),
      fieldproof('image', 'inspect', appended, '--key', pub),
    ]);
    assert.equal(inspected.code, 0, inspected.stderr);
    assert.match(inspected.stdout, /found by +Ed25519 in the signature file/);
    assert.equal(made.code, 0, made.stderr);
    const flipped = (JSON.parse(made.stdout) as AttackRow[]).find(({ id }) =>
      id.startsWith('detached-payload-first-bit'),
    );
    const written = flipped?.image?.files.map((one) => readFileSync(one.file)) ?? [];
    assert.equal(written[0]?.length, payload.length);
    assert.notDeepEqual(written[0], payload);
    assert.deepEqual(written[1], signature, 'the signature is left alone');
    assert.equal(own.code, 0, own.stdout + own.stderr);
    assert.match(own.stdout, /verifies +yes/);
    assert.equal(unnamed.code, 2);
    assert.match(unnamed.stdout, /no signature at the end is good for any key; tried: Ed25519/);
  });

  it('never overwrites, and starts from nothing that is not genuine', async () => {
    const full = mkdtempSync(join(folder, 'full-'));
    writeFileSync(join(full, 'kept'), 'kept');
    const forged = join(folder, 'forged.bin');
    const bytes = readFileSync(golden);
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    writeFileSync(forged, bytes);
    const text = join(folder, 'notes.txt');
    writeFileSync(text, 'notes');
    const ends = await Promise.all([
      fieldproof('image', 'attacks', golden, '--out', full),
      fieldproof('image', 'attacks', forged),
      fieldproof('image', 'attacks', golden, ...strangers),
      fieldproof('image', 'attacks', text),
      fieldproof('image', 'attacks', golden, '--only', 'mcuboot-nothing'),
      fieldproof('image', 'attacks', golden, '--seed', 'xyz'),
    ]);
    assert.deepEqual(
      ends.map(({ code }) => code),
      [64, 3, 3, 64, 64, 64],
    );
    const said = ends.map(({ stderr }) => stderr);
    assert.match(said[0] ?? '', /is not empty/);
    assert.match(said[1] ?? '', /is no genuine image: digest/);
    assert.match(said[2] ?? '', /is no genuine image: unknown-key/);
    assert.match(said[3] ?? '', /--format \(opaque/);
    assert.match(said[4] ?? '', /no attack on MCUboot is called mcuboot-nothing/);
    assert.match(said[5] ?? '', /16 to 64 bytes in hex/);
    assert.deepEqual(readdirSync(full), ['kept']);
  });
});
