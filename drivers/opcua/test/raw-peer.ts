/** TCP peers that are no OPC UA servers. */

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** How a peer that is no OPC UA server can behave. */
export type Misbehaviour = 'silent' | 'reset' | 'garbage' | 'close-in-hello' | 'garbage-after-ack' | 'error';

const helloBytes = 8;

/** A TCP peer that misbehaves; counts the connections it got. */
export async function startRawPeer(
  how: Misbehaviour,
): Promise<{ port: number; connections: () => number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => misbehave(socket, how));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** ACK: version 0, buffers of 65535 bytes, no limits (OPC 10000-6 7.1.2.4). */
const acknowledge = Buffer.from('41434b461c00000000000000ffff0000ffff00000000000000000000', 'hex');

function misbehave(socket: Socket, how: Misbehaviour): void {
  switch (how) {
    case 'silent':
      return;
    case 'reset':
      socket.resetAndDestroy();
      return;
    case 'garbage':
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
      return;
    case 'close-in-hello':
      socket.end(acknowledge.subarray(0, helloBytes));
      return;
    case 'garbage-after-ack':
      socket.write(acknowledge);
      socket.once('data', () => socket.write(Buffer.alloc(64, 0xa5)));
      return;
    case 'error': {
      // ERR: Bad_TcpServerTooBusy 0x807D0000, reason "later"
      socket.end(Buffer.from('455252461500000000007d80050000006c61746572', 'hex'));
      return;
    }
  }
}
