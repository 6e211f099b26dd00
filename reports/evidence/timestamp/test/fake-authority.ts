/** An authority on loopback for tests: answers with a token that nobody signed (.ci/timestamp.ts has a real one). */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bytesSource } from '../../../../harness/image/byte-source.ts';
import {
  derBytes,
  encodeDer,
  encodeDerInteger,
  encodeDerOid,
  scanDerElement,
} from '../../../../harness/image/codec/der.ts';

const sequence = (...contents: Uint8Array[]): Buffer => encodeDer(0x30, ...contents);
const explicit = (content: Uint8Array): Buffer => encodeDer(0xa0, content);

export interface FakeAuthority {
  url: string;
  /** Requests so far. */
  asked: () => number;
  stop: () => Promise<void>;
}

export async function fakeAuthority(): Promise<FakeAuthority> {
  let asked = 0;
  const server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (bytes: Buffer) => body.push(bytes));
    request.on('end', () => {
      asked += 1;
      response.end(answerTo(Buffer.concat(body)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked: () => asked,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** RFC 3161, 2.4.2: a TimeStampResp with the imprint and nonce of the request; its SignedData has no signer. */
function answerTo(request: Buffer): Buffer {
  const source = bytesSource(request);
  const [, imprint, nonce] = scanDerElement(source, 0)?.children ?? [];
  if (imprint === undefined || nonce === undefined) throw new Error('no TimeStampReq');
  const time = new Date().toISOString().replace(/[-:T]|\.\d+/g, '');
  const tstInfo = sequence(
    encodeDerInteger(1n),
    encodeDerOid('1.2.3.4.1'),
    derBytes(source, imprint),
    encodeDerInteger(7n),
    encodeDer(0x18, Buffer.from(time, 'latin1')),
    derBytes(source, nonce),
  );
  const content = sequence(encodeDerOid('1.2.840.113549.1.9.16.1.4'), explicit(encodeDer(0x04, tstInfo)));
  const signedData = sequence(encodeDerInteger(3n), encodeDer(0x31), content, encodeDer(0x31));
  const token = sequence(encodeDerOid('1.2.840.113549.1.7.2'), explicit(signedData));
  return sequence(sequence(encodeDerInteger(0n)), token);
}
