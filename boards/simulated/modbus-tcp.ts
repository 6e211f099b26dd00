/** Modbus TCP server. Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1 and 4.4. */

import { createServer, type Server, type Socket } from 'node:net';
import { EXCEPTION } from './modbus-pdu.ts';
import { UNIT_ID, type ModbusUnit } from './modbus-unit.ts';

/** MBAP header. */
const MBAP = { protocol: 2, length: 4, unit: 6, bytes: 7 } as const;
/** Unit and PDU: at most 254 bytes. */
const MAX_LENGTH = 254;

export function serveModbusTcp(port: number, unit: ModbusUnit, onListening: () => void): Server {
  const server = createServer({ noDelay: true }, (socket) => serveClient(socket, unit));
  listenPatiently(server, port, onListening);
  return server;
}

const AGAIN_AFTER_MS = 20;
const ATTEMPTS = 100;

/** The port is the gateway's own, but the system may need a moment to let it go after a power cut. */
export function listenPatiently(server: Server, port: number, onListening: () => void): void {
  let attempts = 0;
  server.on('error', (error) => {
    attempts += 1;
    if (attempts > ATTEMPTS) throw new Error(`port ${port} on 127.0.0.1 cannot be had: ${error.message}`);
    setTimeout(() => server.listen(port, '127.0.0.1'), AGAIN_AFTER_MS);
  });
  server.once('listening', onListening);
  server.listen(port, '127.0.0.1');
}

function serveClient(socket: Socket, unit: ModbusUnit): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= MBAP.bytes) {
      const length = pending.readUInt16BE(MBAP.length);
      // Where a header is wrong the frames cannot be told apart any more.
      if (pending.readUInt16BE(MBAP.protocol) !== 0 || length < 2 || length > MAX_LENGTH) {
        socket.destroy();
        return;
      }
      if (pending.length < MBAP.unit + length) return;
      answerFrame(socket, pending.subarray(0, MBAP.unit + length), unit);
      pending = pending.subarray(MBAP.unit + length);
    }
  });
}

function answerFrame(socket: Socket, frame: Buffer, unit: ModbusUnit): void {
  if (unit.stopped) return;
  const pdu = frame.subarray(MBAP.bytes);
  const ours = frame[MBAP.unit] === UNIT_ID;
  const answer = ours ? unit.answer(pdu) : Buffer.of((pdu[0] ?? 0) | 0x80, EXCEPTION.gatewayTarget);
  if (unit.stopped) return;
  const header = Buffer.from(frame.subarray(0, MBAP.bytes));
  header.writeUInt16BE(answer.length + 1, MBAP.length);
  socket.write(Buffer.concat([header, answer]), () => unit.answered());
}
