/**
 * Blocks of a pcapng file, little-endian.
 *
 * Source: IETF draft-ietf-opsawg-pcapng-03 (2025), sections 3 and 4.
 */

/** Link types: IPv4 or IPv6 without a link header, and the first of those left to users. */
export const linkTypes = { raw: 101, user0: 147 } as const;

const blockTypes = { section: 0x0a0d0d0a, interface: 1, enhancedPacket: 6 } as const;
const optionCodes = { end: 0, comment: 1, userApplication: 4, interfaceName: 2, packetFlags: 2 } as const;

export interface Packet {
  /** Microseconds since 1970, UTC. */
  atUs: bigint;
  /** As the bench sees it. */
  direction: 'sent' | 'received';
  bytes: Uint8Array;
  comment?: string;
}

/** One file with one interface. */
export function pcapng(interfaceName: string, linkType: number, packets: Iterable<Packet>): Buffer {
  const blocks = [sectionHeader(), interfaceDescription(interfaceName, linkType)];
  for (const packet of packets) blocks.push(enhancedPacket(packet));
  return Buffer.concat(blocks);
}

function sectionHeader(): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(0x1a2b3c4d, 0); // byte-order magic
  body.writeUInt16LE(1, 4); // version 1.0
  body.fill(0xff, 8, 16); // section length: not given
  return block(blockTypes.section, body, [[optionCodes.userApplication, Buffer.from('fieldproof')]]);
}

function interfaceDescription(name: string, linkType: number): Buffer {
  const body = Buffer.alloc(8); // link type, reserved, snap length 0: unlimited
  body.writeUInt16LE(linkType, 0);
  return block(blockTypes.interface, body, [[optionCodes.interfaceName, Buffer.from(name, 'utf8')]]);
}

function enhancedPacket({ atUs, direction, bytes, comment }: Packet): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(Number(atUs >> 32n), 4);
  head.writeUInt32LE(Number(atUs & 0xffff_ffffn), 8); // microseconds, the resolution without an option
  head.writeUInt32LE(bytes.length, 12);
  head.writeUInt32LE(bytes.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(direction === 'received' ? 0b01 : 0b10); // 4.3.1: inbound, outbound
  const options: Option[] = [[optionCodes.packetFlags, flags]];
  if (comment !== undefined) options.unshift([optionCodes.comment, Buffer.from(comment, 'utf8')]);
  return block(blockTypes.enhancedPacket, Buffer.concat([head, padded(bytes)]), options);
}

type Option = readonly [code: number, value: Uint8Array];

function block(type: number, body: Uint8Array, options: readonly Option[]): Buffer {
  const parts = options.map(([code, value]) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(value.length, 2);
    return Buffer.concat([head, padded(value)]);
  });
  const end = Buffer.alloc(4); // opt_endofopt
  const length = 12 + body.length + parts.reduce((sum, part) => sum + part.length, 0) + end.length;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  return Buffer.concat([head, body, ...parts, end, head.subarray(4, 8)]);
}

/** To a multiple of 32 bits. */
function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
