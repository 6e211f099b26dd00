/** The certificate store that node-opcua asks: every decision has been taken before (see pki.ts). */

import type { OPCUAClientOptions } from 'node-opcua-client';
import type { OpcUaLibrary } from './library.ts';

type Store = NonNullable<OPCUAClientOptions['clientCertificateManager']>;

/**
 * A store without files. The driver compares the server's certificate byte for byte with the trusted one before it
 * hands that one to node-opcua, so nothing is left to decide; and node-opcua's own store would watch folders,
 * lock files, and print whole certificates.
 */
export function trustDecided({ ua }: OpcUaLibrary): Store {
  const good = ua.StatusCodes.Good;
  const nothing = async (): Promise<void> => {};
  return {
    referenceCounter: 0,
    initialize: nothing,
    dispose: nothing,
    checkCertificate: async () => good,
    verifyCertificate: async () => 'Good',
    trustCertificate: nothing,
    rejectCertificate: nothing,
    getTrustStatus: async () => good,
    addIssuer: nothing,
    addRevocationList: nothing,
  };
}
