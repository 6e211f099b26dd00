import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import fc from 'fast-check';
import { EvidenceError } from '../errors.ts';
import { SecretGuard } from './secrets.ts';

const password = Buffer.from('s3cr$t+pass/word');

describe('Secrets in text', () => {
  const guard = new SecretGuard([{ name: 'console password', bytes: password }]);
  const mark = `[secret console password ${guard.commitments[0]?.commitment.slice(0, 16)}]`;

  it('are replaced as text, hex and base64', () => {
    const hex = password.toString('hex');
    const spaced = hex.replace(/..(?=.)/g, '$& ').toUpperCase();
    const colons = hex.replace(/..(?=.)/g, '$&:');
    const literal = [...password].map((byte) => `0x${byte.toString(16)}`).join(', ');
    for (const rendering of [password.toString(), hex, hex.toUpperCase(), spaced, colons]) {
      assert.equal(guard.text(`login: ${rendering}!`), `login: ${mark}!`);
    }
    assert.equal(guard.text(`{${literal}}`), `{0x${mark}}`);
    for (const encoding of ['base64', 'base64url'] as const) {
      assert.equal(guard.text(`key=${password.toString(encoding)}`), `key=${mark}`);
    }
  });

  it('are replaced inside base64 of something longer, wherever they fall', () => {
    for (let before = 0; before < 6; before += 1) {
      const whole = Buffer.concat([Buffer.alloc(before, 65), password, Buffer.from('tail')]).toString(
        'base64',
      );
      const clean = guard.text(whole);
      assert.ok(clean.includes(mark), `${before} bytes before: ${clean}`);
    }
  });

  it('leave no rendering behind, whatever their bytes are', () => {
    const bytes = fc.uint8Array({ minLength: 6, maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 5 }), (secret, before) => {
        const own = new SecretGuard([{ name: 'k', bytes: secret }]);
        const raw = Buffer.from(secret);
        for (const text of [raw.toString('hex'), raw.toString('latin1'), raw.toString('base64')]) {
          assert.ok(!own.text(`<${text}>`).includes(text));
        }
        assert.ok(own.text(Buffer.concat([before, raw]).toString('base64')).includes('[secret k '));
      }),
      { numRuns: 200 },
    );
  });

  it('are found in every string of a value, in names too, but never in verdicts and digests', () => {
    const own = new SecretGuard([{ name: 'p', bytes: Buffer.from('conforms') }]);
    const value = own.value({ verdict: 'conforms', list: [{ conforms: 'it conforms', n: 1, none: null }] });
    const text = JSON.stringify(value);
    assert.equal(value.verdict, 'conforms');
    assert.equal(text.match(/conforms/g)?.length, 1, text);
  });

  it('are committed to with a salt that is not in the commitment', () => {
    const [commitment] = guard.commitments;
    const salt = Buffer.from(guard.salts['console password'] ?? '', 'hex');
    assert.equal(salt.length, 32);
    assert.equal(commitment?.commitment, createHash('sha256').update(salt).update(password).digest('hex'));
    const other = new SecretGuard([{ name: 'console password', bytes: password }]);
    assert.notEqual(other.commitments[0]?.commitment, commitment?.commitment);
  });

  it('that would be found by chance are refused', () => {
    assert.throws(
      () => new SecretGuard([{ name: 'pin', bytes: Buffer.from('123') }]),
      (error) =>
        error instanceof EvidenceError &&
        error.code === 'secret-too-short' &&
        error.message.includes('3 bytes'),
    );
  });

  it('do not keep a torn surrogate pair, which no JSON text can carry', () => {
    assert.equal(guard.text('ok \ud83d'), 'ok \ufffd');
    assert.equal(guard.text('ok 😀'), 'ok 😀');
  });
});
