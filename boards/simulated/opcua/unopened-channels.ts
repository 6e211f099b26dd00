/**
 * Ends connections that say Hello and then open no secure channel.
 *
 * node-opcua loses what comes in the same TCP segment behind the Hello, as a whole connection that is replayed at
 * once does, and would then wait three minutes.
 */

import { type DeviceLink } from './device-link.ts';
import { type OPCUAServer } from './node-opcua.ts';

/** A client sends OpenSecureChannel as soon as it has read the Acknowledge. */
const openWithinMs = 5_000;

/** Bad_Timeout. Source: OPC 10000-6, 1.05, Annex A.2. */
const badTimeout = 0x800a0000;

export function closeUnopenedChannels(server: OPCUAServer, device: DeviceLink): void {
  server.on('newChannel', (channel) => {
    const timer = setTimeout(() => {
      if (channel.isOpened || channel.aborted) return;
      const text = 'no secure channel opened';
      channel.write(errorMessage(badTimeout, text));
      channel.close();
      device.log({ event: 'channel-closed', object: 'opcua', result: 'refused', text });
    }, openWithinMs);
    timer.unref();
    channel.once('open', () => clearTimeout(timer));
    channel.once('abort', () => clearTimeout(timer));
  });
}

/**
 * An Error message: `ERRF`, u32 size, u32 status code, u32 length and text of the reason, all little-endian.
 *
 * Source: OPC 10000-6, 1.05, 7.1.2.5.
 */
function errorMessage(statusCode: number, reason: string): Buffer {
  const text = Buffer.from(reason, 'utf8');
  const fixed = Buffer.alloc(16);
  fixed.write('ERRF', 0, 'latin1');
  fixed.writeUInt32LE(fixed.length + text.length, 4);
  fixed.writeUInt32LE(statusCode, 8);
  fixed.writeUInt32LE(text.length, 12);
  return Buffer.concat([fixed, text]);
}
