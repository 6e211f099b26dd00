import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'mocha';
import { noWireLog } from '../../harness/driver.ts';
import type { OpcUaLibrary } from './library.ts';
import { recordingTransports, type Wire } from './recording-transport.ts';

/** Stands in for node-opcua's transport: its reader throws at the first byte, as a decoder on bad bytes may. */
class ThrowingTransport {
  _socket: Socket | null = null;
  _install_socket(socket: Socket): void {
    this._socket = socket;
    socket.on('data', () => {
      throw new RangeError('reader fell over');
    });
  }
  _perform_HEL_ACK_transaction(): void {
    this._socket?.write('hello');
  }
}

describe('opcua recording transport', () => {
  it('turns an exception in the reader of bytes into the end of the connection, not of the process', async () => {
    const server = createServer((socket) =>
      socket.on('error', () => {}).once('data', () => socket.write('bytes')),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const library = { transport: { ClientTransportBase: ThrowingTransport } } as unknown as OpcUaLibrary;
    try {
      const wire = await new Promise<Wire>((onEnd) => {
        const options = { host: '127.0.0.1', port, log: noWireLog, onWire: () => {}, onEnd };
        recordingTransports(library, options)
          .create()
          .connect('opc.tcp://unused', () => {});
      });
      assert.match(String(wire.cause), /reader fell over/);
      assert.equal(wire.scanner.garbage, true);
    } finally {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  });
});
