import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FileTransaction } from './file-transaction.ts';
import { until } from './fixture.ts';

const limits = { maximumBytes: 10_000, silenceMs: 60_000 };

function opened(): [FileTransaction, number] {
  const transaction = new FileTransaction(limits);
  const handle = transaction.begin('a', 'name');
  assert.ok(handle !== null);
  return [transaction, handle];
}

describe('FileTransaction', () => {
  it('joins what is written, however it is cut', () => {
    const whole = Buffer.from(Array.from({ length: 9_999 }, (_unused, index) => index % 251));
    for (const pieceBytes of [1_000, 4_096, 9_999]) {
      const [transaction, handle] = opened();
      for (let at = 0; at < whole.length; at += pieceBytes) {
        assert.equal(transaction.write('a', handle, whole.subarray(at, at + pieceBytes)), 'Good');
      }
      assert.deepEqual(transaction.commit('a', handle), { name: 'name', bytes: whole });
    }
  });

  it('writes over what is there after a seek, and never beyond the end', () => {
    const [transaction, handle] = opened();
    transaction.write('a', handle, Buffer.from('abcdef'));
    assert.equal(transaction.seek('a', handle, 2), 'Good');
    transaction.write('a', handle, Buffer.from('XY'));
    assert.equal(transaction.position('a', handle), 4);
    transaction.seek('a', handle, 1_000_000);
    transaction.write('a', handle, Buffer.from('!'));
    assert.deepEqual(transaction.commit('a', handle), { name: 'name', bytes: Buffer.from('abXYef!') });
  });

  it('takes exactly the limit, and loses a file that goes beyond it', () => {
    const [transaction, handle] = opened();
    assert.equal(transaction.write('a', handle, Buffer.alloc(10_000)), 'Good');
    assert.equal(transaction.write('a', handle, Buffer.alloc(1)), 'BadOutOfMemory');
    transaction.seek('a', handle, 0);
    assert.equal(transaction.write('a', handle, Buffer.alloc(1)), 'BadOutOfMemory');
    assert.equal(transaction.commit('a', handle), 'BadOutOfMemory');
    assert.notEqual(transaction.begin('a', 'next'), null);
  });

  it('drops a file whose client stays silent', async () => {
    const dropped: number[] = [];
    const onSilence = (bytesSoFar: number): void => void dropped.push(bytesSoFar);
    const transaction = new FileTransaction({ maximumBytes: 10, silenceMs: 20, onSilence });
    const handle = transaction.begin('a', 'name');
    assert.ok(handle !== null);
    transaction.write('a', handle, Buffer.from('abc'));
    assert.equal(transaction.openCount, 1);
    await until(() => transaction.openCount === 0, 'the file to be dropped');
    assert.equal(transaction.commit('a', handle), 'BadInvalidArgument');
    assert.deepEqual(dropped, [3]);
  });

  it('keeps the file of a silent client where any silence is borne', async () => {
    const patient = new FileTransaction({ maximumBytes: 10, silenceMs: Infinity });
    patient.begin('a', 'name');
    const other = new FileTransaction({ maximumBytes: 10, silenceMs: 20 });
    other.begin('a', 'name');
    await until(() => other.openCount === 0, 'the other file to be dropped');
    assert.equal(patient.openCount, 1);
  });

  it('never gives a handle twice', () => {
    const [transaction, first] = opened();
    transaction.close('a', first);
    const second = transaction.begin('a', 'name');
    assert.notEqual(second, first);
    assert.equal(transaction.write('a', first, Buffer.alloc(1)), 'BadInvalidArgument');
  });
});
