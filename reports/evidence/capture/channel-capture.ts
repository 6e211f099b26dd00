/** One wire of a run as a capture that Wireshark opens. */

import type { Entry } from '../../../harness/record/entry.ts';
import { readWire, type WireHappening } from '../../../harness/record/read-wire.ts';
import { linkTypes, pcapng, type Packet } from './pcapng.ts';
import { TcpStream } from './tcp-stream.ts';

type Burst = Extract<WireHappening, { kind: 'burst' }>;

/** What a wire carries, as far as its own bytes tell; decides how Wireshark is helped. */
export type Protocol = 'opc.tcp' | 'modbus-tcp' | 'serial';

const devicePorts = { 'opc.tcp': 4840, 'modbus-tcp': 502 } as const;
/** First of the ports that are left to clients (RFC 6335, 6). */
const firstBenchPort = 49_152;

/** @returns the file's bytes; undefined for a wire that carried none */
export function channelCapture(
  runDir: string,
  entries: readonly Entry[],
  channel: string,
): { bytes: Buffer; protocol: Protocol } | undefined {
  const protocol = protocolOf(readWire(runDir, entries, channel));
  if (protocol === undefined) return undefined;
  const happenings = readWire(runDir, entries, channel);
  const packets = protocol === 'serial' ? serialPackets(happenings) : streamPackets(happenings, protocol);
  const linkType = protocol === 'serial' ? linkTypes.user0 : linkTypes.raw;
  return { bytes: pcapng(channel, linkType, packets), protocol };
}

/** By the first burst towards the device, or else the first at all: attacks may look like anything, what opens a talk not. */
function protocolOf(happenings: Iterable<WireHappening>): Protocol | undefined {
  let first: Burst | undefined;
  for (const happening of happenings) {
    if (happening.kind !== 'burst') continue;
    first ??= happening;
    if (happening.direction === 'sent') return protocolOfBytes(happening.bytes);
  }
  return first === undefined ? undefined : protocolOfBytes(first.bytes);
}

function protocolOfBytes(bytes: Buffer): Protocol {
  // OPC 10000-6, 7.1.2.2: message type, and F for final. A client says HEL first.
  if (/^(HEL|ACK|OPN|MSG|CLO|ERR|RHE)[FCA]/.test(bytes.toString('latin1', 0, 4))) return 'opc.tcp';
  // MODBUS Messaging on TCP/IP 1.0b, 3.1.3: protocol identifier 0, then the bytes that follow.
  const modbus =
    bytes.length >= 8 && bytes.readUInt16BE(2) === 0 && bytes.readUInt16BE(4) === bytes.length - 6;
  return modbus ? 'modbus-tcp' : 'serial';
}

function* serialPackets(happenings: Iterable<WireHappening>): Generator<Packet> {
  const clock = new CaptureClock();
  for (const happening of happenings) {
    if (happening.kind !== 'burst') continue;
    const { direction, bytes } = happening;
    yield { atUs: clock.at(happening), direction, bytes };
  }
}

/** A stream a connection: a wire says when it connects, and a tap whose bytes come next. */
function* streamPackets(
  happenings: Iterable<WireHappening>,
  protocol: Exclude<Protocol, 'serial'>,
): Generator<Packet> {
  const clock = new CaptureClock();
  const named = new Map<string, TcpStream>();
  let opened = 0;
  let current: TcpStream | undefined;
  const next = (): TcpStream => {
    const ports = { bench: firstBenchPort + (opened % 16_384), device: devicePorts[protocol] };
    opened += 1;
    return new TcpStream(ports);
  };
  let whose: string | undefined;
  for (const happening of happenings) {
    if (happening.kind === 'event') {
      if (happening.text.startsWith('connected to ')) current = undefined;
      whose = /^bytes of (.+):$/.exec(happening.text)?.[1] ?? whose;
      if (whose !== undefined) current = named.get(whose);
    }
    if (happening.kind !== 'burst') continue;
    const { direction, bytes } = happening;
    const atUs = clock.at(happening);
    const hello = protocol === 'opc.tcp' && direction === 'sent' && bytes.toString('latin1', 0, 3) === 'HEL';
    if (current === undefined || (hello && whose === undefined)) {
      current = next();
      if (whose !== undefined) named.set(whose, current);
      yield* current.open(atUs);
    }
    yield* current.data(atUs, direction, bytes);
  }
}

/** Wall time of the first burst, and from there the run's own clock, which never goes back. */
class CaptureClock {
  #origin: { us: bigint; tMono: number } | undefined;

  at({ tMono, tUtc }: Burst): bigint {
    this.#origin ??= { us: BigInt(Date.parse(tUtc)) * 1000n, tMono };
    return this.#origin.us + BigInt(Math.round((tMono - this.#origin.tMono) * 1000));
  }
}
