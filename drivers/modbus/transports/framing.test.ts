import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { until } from '../../../harness/clock.ts';
import { Exchange } from '../exchange.ts';
import { encodeRtu, encodeTcp } from '../frames.ts';
import { type Framing, type FrameSink } from './framing.ts';
import { MbapFraming } from './mbap-framing.ts';
import { RtuFraming } from './rtu-framing.ts';

class Asked extends Exchange {
  answered(): void {}
  failed(): void {}
}

function collector(): { sink: FrameSink; frames: string[]; broken: string[]; discarded: string[] } {
  const frames: string[] = [];
  const broken: string[] = [];
  const discarded: string[] = [];
  const sink: FrameSink = {
    frame: (id, bytes) => {
      frames.push(`${id ?? '-'}:${bytes.toString('hex')}`);
      return false;
    },
    broken: (error) => void broken.push(error.message),
    discarded: (what) => void discarded.push(what),
  };
  return { sink, frames, broken, discarded };
}

/** Feeds bytes cut at the given places. */
function feed(framing: Framing, bytes: Buffer, cuts: readonly number[], asked: Exchange | undefined): void {
  const places = [0, ...[...cuts].map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  for (let at = 1; at < places.length; at += 1) {
    const piece = bytes.subarray(places[at - 1], places[at]);
    if (piece.length > 0) framing.receive(Buffer.from(piece), asked);
  }
}

/** Request and answer PDUs of every function that has an answer length of its own. */
const pairs: readonly [string, string, string][] = [
  ['read coils', '010000000a', '0102ff03'],
  ['read discrete inputs', '0200000003', '020105'],
  ['read holding registers', '03006b0003', '0306022b00000064'],
  ['read input registers', '0400080001', '0402000a'],
  ['write single coil', '0500acff00', '0500acff00'],
  ['write single register', '0600010003', '0600010003'],
  ['read exception status', '07', '076d'],
  ['diagnostics', '080000a537', '080000a537'],
  ['comm event counter', '0b', '0bffff0108'],
  ['comm event log', '0c', '0c08000001080121' + '2000'],
  ['write multiple coils', '0f0013000a02cd01', '0f0013000a'],
  ['write multiple registers', '100001000204000a0102', '1000010002'],
  ['report server id', '11', '110342ff01'],
  ['read file record', '140e0600040001000206000300090002', '140c0506' + '0dfe0020' + '0506' + '33cd0040'],
  ['write file record', '150d0600040007000306af04be100d', '150d0600040007000306af04be100d'],
  ['mask write register', '16000400f20025', '16000400f20025'],
  ['read/write registers', '17000300060e00030300ff00ff00ff', '170c00fe0acd00010003000d00ff'],
  ['read FIFO queue', '1804de', '18000600020' + '1b81284'],
  ['device identification', '2b0e0100', '2b0e0101000003' + '000141' + '01024243' + '020144'],
  ['exception', '03006b0003', '8302'],
];

describe('RTU framing', () => {
  for (const [name, request, answer] of pairs) {
    it(`derives the end of an answer to ${name}, however it is cut, with no silence`, () => {
      const asked = new Asked(17, Buffer.from(request, 'hex'));
      const frame = encodeRtu(17, Buffer.from(answer, 'hex'));
      fc.assert(
        fc.property(fc.array(fc.nat(300), { maxLength: 6 }), (cuts) => {
          const { sink, frames, broken } = collector();
          const framing = new RtuFraming(sink, 60_000);
          feed(framing, frame, cuts, asked);
          framing.reset();
          assert.deepEqual([frames, broken], [[`-:11${answer}`], []]);
        }),
        { numRuns: 50 },
      );
    });
  }

  it('needs a gap only where the function does not tell its length', async () => {
    const { sink, frames } = collector();
    const framing = new RtuFraming(sink, 10);
    framing.receive(encodeRtu(17, Buffer.from('46010203', 'hex')), new Asked(17, Buffer.from([0x46])));
    assert.deepEqual(frames, []);
    await until(() => frames[0], { withinMs: 1000, what: 'the frame' });
    assert.deepEqual(frames, ['-:1146010203']);
  });

  it('takes an identification that counts the objects of all parts, as the standard’s example does', async () => {
    const { sink, frames } = collector();
    const framing = new RtuFraming(sink, 10);
    const part = '2b0e0101ff0203' + '000141' + '01024243';
    framing.receive(encodeRtu(17, Buffer.from(part, 'hex')), new Asked(17, Buffer.from('2b0e0100', 'hex')));
    await until(() => frames[0], { withinMs: 1000, what: 'the frame' });
    assert.deepEqual(frames, [`-:11${part}`]);
  });

  it('finds any single changed bit', () => {
    const asked = new Asked(17, Buffer.from('03006b0003', 'hex'));
    const frame = encodeRtu(17, Buffer.from('0306022b00000064', 'hex'));
    for (let bit = 8 * 3; bit < 8 * frame.length; bit += 1) {
      const changed = Buffer.from(frame);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const { sink, frames, broken } = collector();
      new RtuFraming(sink, 60_000).receive(changed, asked);
      assert.deepEqual([frames.length, broken.length], [0, 1], `bit ${bit}`);
    }
  });

  it('is in step again after anything at all, and never gives a frame without a fitting CRC', () => {
    const asked = new Asked(17, Buffer.from('03006b0001', 'hex'));
    const good = encodeRtu(17, Buffer.from('03020001', 'hex'));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (noise) => {
        const { sink, frames } = collector();
        const framing = new RtuFraming(sink, 60_000);
        framing.receive(Buffer.from(noise), asked);
        framing.reset();
        frames.length = 0;
        framing.receive(good, asked);
        assert.deepEqual(frames, ['-:1103020001']);
      }),
    );
  });
});

describe('MBAP framing', () => {
  it('takes frames apart, however they are cut or run together', () => {
    const pdus = fc.array(fc.uint8Array({ minLength: 1, maxLength: 253 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(pdus, fc.array(fc.nat(2000), { maxLength: 10 }), (all, cuts) => {
        const { sink, frames, broken } = collector();
        feed(
          new MbapFraming(sink),
          Buffer.concat(all.map((pdu, at) => encodeTcp(at, 17, pdu))),
          cuts,
          undefined,
        );
        assert.deepEqual(broken, []);
        assert.deepEqual(
          frames,
          all.map((pdu, at) => `${at}:11${Buffer.from(pdu).toString('hex')}`),
        );
      }),
    );
  });

  it('refuses a header of another protocol or with an impossible length, before the rest has come', () => {
    for (const [header, message] of [
      ['000100010006', /protocol id 1, must be 0/],
      ['000100000001', /length 1, allowed 2 to 254/],
      ['0001000000ff', /length 255, allowed 2 to 254/],
    ] as const) {
      const { sink, broken } = collector();
      new MbapFraming(sink).receive(Buffer.from(header, 'hex'));
      assert.match(broken.join(), message);
    }
  });
});
