/** Object identifiers of keys that node:crypto of Node 20 does not know. */

import { rawAlgorithms, type RawAlgorithm } from '../trust.ts';

/**
 * HSS/LMS (RFC 9802, 4), ML-DSA (RFC 9881, 3) and SLH-DSA (RFC 9909, 3), the last two in NIST's arc of signatures, in
 * ascending order from 17 and 20.
 */
const nistSignatures = '2.16.840.1.101.3.4.3';
const hssLms = '1.2.840.113549.1.9.16.3.17';

/** In the order of their numbers from 20 on. */
const slhDsaOrder: readonly RawAlgorithm[] = rawAlgorithms.filter((name) => name.startsWith('slh-dsa'));

const byOid = new Map<string, RawAlgorithm>([
  [`${nistSignatures}.17`, 'ml-dsa-44'],
  [`${nistSignatures}.18`, 'ml-dsa-65'],
  [`${nistSignatures}.19`, 'ml-dsa-87'],
  ...slhDsaOrder.map((name, index): [string, RawAlgorithm] => [`${nistSignatures}.${20 + index}`, name]),
  [hssLms, 'hss'],
]);

export function algorithmOfOid(oid: string): RawAlgorithm | undefined {
  return byOid.get(oid);
}

/** Empty for bare LMS keys, which have none. */
export function oidOfAlgorithm(algorithm: RawAlgorithm): string {
  return [...byOid].find(([, name]) => name === algorithm)?.[0] ?? '';
}
