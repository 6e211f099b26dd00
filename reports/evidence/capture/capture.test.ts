import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { madeUpHeader } from '../../../harness/record/made-up-run.ts';
import { readRun } from '../../../harness/record/read.ts';
import { RunRecord } from '../../../harness/record/record.ts';
import { channelCapture } from './channel-capture.ts';

interface Read {
  linkType: number;
  packets: { atUs: bigint; inbound: boolean; bytes: Buffer }[];
}

/** Reads a pcapng of one interface back, by the draft's block layout alone. */
function read(file: Buffer): Read {
  const made: Read = { linkType: -1, packets: [] };
  for (let at = 0; at < file.length;) {
    const type = file.readUInt32LE(at);
    const length = file.readUInt32LE(at + 4);
    assert.equal(length % 4, 0);
    assert.equal(file.readUInt32LE(at + length - 4), length, 'the length stands at both ends');
    const body = file.subarray(at + 8, at + length - 4);
    if (at === 0) assert.equal(type, 0x0a0d0d0a);
    if (type === 1) made.linkType = body.readUInt16LE(0);
    if (type === 6) {
      const bytes = body.subarray(20, 20 + body.readUInt32LE(12));
      const flags = body.subarray(20 + Math.ceil(bytes.length / 4) * 4);
      assert.deepEqual([flags.readUInt16LE(0), flags.readUInt16LE(2)], [2, 4]);
      const atUs = (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8));
      made.packets.push({ atUs, inbound: flags.readUInt32LE(4) === 1, bytes });
    }
    at += length;
  }
  return made;
}

/** Sum over the 16-bit words, complemented: 0 for a header whose checksum is right. */
function sum16(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += at + 1 < bytes.length ? bytes.readUInt16BE(at) : bytes.readUInt8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function tcpOf(packet: Buffer): { ports: number[]; flags: number; sequence: number; payload: Buffer } {
  const ip = packet.subarray(0, 20);
  assert.equal(sum16(ip), 0, 'checksum of IP');
  assert.equal(ip.readUInt16BE(2), packet.length);
  const tcp = packet.subarray(20);
  const pseudo = Buffer.concat([
    ip.subarray(12, 20),
    Buffer.from([0, 6, tcp.length >> 8, tcp.length & 0xff]),
  ]);
  assert.equal(sum16(Buffer.concat([pseudo, tcp])), 0, 'checksum of TCP');
  return {
    ports: [tcp.readUInt16BE(0), tcp.readUInt16BE(2)],
    flags: tcp.readUInt8(13),
    sequence: tcp.readUInt32BE(4),
    payload: tcp.subarray(20),
  };
}

describe('captures', () => {
  let folder: string;
  let record: RunRecord;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'capture-'));
    record = RunRecord.open({ dir: folder, runId: 'captured', secrets: [] });
    record.append('run-opened', madeUpHeader('captured'));
  });
  afterEach(() => {
    record.abandon();
    rmSync(folder, { recursive: true, force: true });
  });

  const captured = (channel: string): { protocol: string; file: Read } => {
    record.checkpoint();
    const made = channelCapture(folder, readRun(folder).entries, channel);
    assert.ok(made);
    return { protocol: made.protocol, file: read(made.bytes) };
  };

  it('of a serial line have its bytes as they came, with direction and order', () => {
    const wire = record.wireLog('console');
    wire.event('opened /dev/ttyUSB0');
    wire.sent(Buffer.from('version\r'));
    wire.received(Buffer.from('1.2.0\r\n'));
    const { protocol, file } = captured('console');
    assert.equal(protocol, 'serial');
    assert.equal(file.linkType, 147);
    assert.deepEqual(
      file.packets.map(({ inbound, bytes }) => [inbound, bytes.toString()]),
      [
        [false, 'version\r'],
        [true, '1.2.0\r\n'],
      ],
    );
    const [first, second] = file.packets;
    assert.ok(first && second && first.atUs <= second.atUs);
    assert.ok(Math.abs(Number(first.atUs / 1000n) - Date.now()) < 60_000, 'microseconds since 1970');
  });

  it('of Modbus TCP are a stream to port 502, whose bytes join without a gap', () => {
    const wire = record.wireLog('modbus');
    wire.event('connected to 127.0.0.1 port 1502');
    wire.sent(Buffer.from('000100000006110300000002', 'hex'));
    wire.received(Buffer.from('00010000000711030400040002', 'hex'));
    wire.sent(Buffer.from('000200000006110300000002', 'hex'));
    const { protocol, file } = captured('modbus');
    assert.equal(protocol, 'modbus-tcp');
    assert.equal(file.linkType, 101);
    const segments = file.packets.map(({ bytes }) => tcpOf(bytes));
    assert.deepEqual(
      segments.slice(0, 3).map(({ flags }) => flags),
      [0x02, 0x12, 0x10],
      'SYN, SYN+ACK, ACK',
    );
    const [, , , request, answer, next] = segments;
    assert.ok(request && answer && next);
    assert.deepEqual(request.ports, [49_152, 502]);
    assert.deepEqual(answer.ports, [502, 49_152]);
    assert.equal(request.payload.toString('hex'), '000100000006110300000002');
    assert.equal(next.sequence, request.sequence + request.payload.length);
  });

  it('of several connections through a tap keep each apart, and large bursts whole', () => {
    const wire = record.wireLog('opcua');
    const hello = Buffer.concat([Buffer.from('HELF'), Buffer.alloc(28)]);
    const large = Buffer.alloc(100_000, 0x55);
    wire.event('bytes of connection 1:');
    wire.sent(hello);
    wire.event('bytes of connection 2:');
    wire.sent(hello);
    wire.event('bytes of connection 1:');
    wire.received(large);
    const { protocol, file } = captured('opcua');
    assert.equal(protocol, 'opc.tcp');
    const data = file.packets.map(({ bytes }) => tcpOf(bytes)).filter(({ payload }) => payload.length > 0);
    assert.deepEqual(
      data.slice(0, 2).map(({ ports }) => ports),
      [
        [49_152, 4840],
        [49_153, 4840],
      ],
    );
    const answer = data.slice(2);
    assert.ok(answer.every(({ ports }) => ports[1] === 49_152));
    assert.ok(Buffer.concat(answer.map(({ payload }) => payload)).equals(large));
  });

  it('are not made of a wire that carried nothing', () => {
    record.wireLog('idle').event('opened');
    record.checkpoint();
    assert.equal(channelCapture(folder, readRun(folder).entries, 'idle'), undefined);
  });
});
