/** Sample and development keys that are published, by their public identity. Filled below. */
import { createHash, createPublicKey, KeyObject } from 'node:crypto';

export interface KnownKey {
  /** `MCUboot root-rsa-2048` */
  name: string;
  /** Repository and path in which its private half is published. */
  source: string;
}

export function knownKeyByHash(_hash: string): KnownKey | undefined {
  return undefined;
}
void [createHash, createPublicKey, KeyObject];
