/**
 * TCP/IP made up around bytes that a socket carried, so that Wireshark shows the protocol above. Only the payload and
 * the times are evidence: addresses, sequence numbers and the handshake are not what crossed a network.
 *
 * Source: RFC 791 (IPv4), RFC 9293 (TCP), RFC 1071 (checksum); addresses of RFC 5737, which no host may have.
 */

import type { Packet } from './pcapng.ts';

const bench = Buffer.from([192, 0, 2, 1]);
const device = Buffer.from([192, 0, 2, 2]);
/** Payload of one made-up packet: well below what IPv4 can hold. */
const segmentBytes = 32 * 1024;
const flag = { fin: 0x01, syn: 0x02, push: 0x08, ack: 0x10 } as const;

type Direction = Packet['direction'];

export class TcpStream {
  readonly #ports: { bench: number; device: number };
  /** Next sequence number of each side. */
  readonly #next = { sent: 1, received: 1 };

  constructor(ports: { bench: number; device: number }) {
    this.#ports = ports;
  }

  /** The three packets of the handshake, all at the moment of the first byte. */
  open(atUs: bigint): Packet[] {
    return [
      this.#packet(atUs, 'sent', { flags: flag.syn, sequence: 0, acknowledged: 0 }),
      this.#packet(atUs, 'received', { flags: flag.syn | flag.ack, sequence: 0, acknowledged: 1 }),
      this.#packet(atUs, 'sent', { flags: flag.ack, sequence: 1, acknowledged: 1 }),
    ];
  }

  /** A burst, in as many packets as it takes. */
  data(atUs: bigint, direction: Direction, bytes: Uint8Array): Packet[] {
    const packets: Packet[] = [];
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      const payload = bytes.subarray(at, at + segmentBytes);
      const sequence = this.#next[direction];
      const acknowledged = this.#next[direction === 'sent' ? 'received' : 'sent'];
      packets.push(
        this.#packet(atUs, direction, { flags: flag.push | flag.ack, sequence, acknowledged, payload }),
      );
      this.#next[direction] = (sequence + payload.length) >>> 0;
    }
    return packets;
  }

  #packet(
    atUs: bigint,
    direction: Direction,
    {
      flags,
      sequence,
      acknowledged,
      payload = new Uint8Array(),
    }: { flags: number; sequence: number; acknowledged: number; payload?: Uint8Array },
  ): Packet {
    const [from, to] = direction === 'sent' ? [bench, device] : [device, bench];
    const { bench: ours, device: theirs } = this.#ports;
    const [sourcePort, targetPort] = direction === 'sent' ? [ours, theirs] : [theirs, ours];
    const tcp = Buffer.alloc(20);
    tcp.writeUInt16BE(sourcePort, 0);
    tcp.writeUInt16BE(targetPort, 2);
    tcp.writeUInt32BE(sequence, 4);
    tcp.writeUInt32BE(acknowledged, 8);
    tcp.writeUInt8(5 << 4, 12); // header of five words
    tcp.writeUInt8(flags, 13);
    tcp.writeUInt16BE(0xffff, 14); // window
    const pseudo = Buffer.concat([from, to, Buffer.from([0, 6, 0, 0])]);
    pseudo.writeUInt16BE(tcp.length + payload.length, 10);
    tcp.writeUInt16BE(checksum(Buffer.concat([pseudo, tcp, payload])), 16);
    return {
      atUs,
      direction,
      bytes: Buffer.concat([ipHeader(from, to, tcp.length + payload.length), tcp, payload]),
    };
  }
}

function ipHeader(from: Uint8Array, to: Uint8Array, bytes: number): Buffer {
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0); // version 4, five words
  ip.writeUInt16BE(20 + bytes, 2);
  ip.writeUInt16BE(0x4000, 6); // do not fragment
  ip.writeUInt8(64, 8); // time to live
  ip.writeUInt8(6, 9); // TCP
  ip.set(from, 12);
  ip.set(to, 16);
  ip.writeUInt16BE(checksum(ip), 10);
  return ip;
}

/** RFC 1071, 4.1. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2 === 1) sum += bytes.readUInt8(bytes.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
